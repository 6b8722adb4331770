"""Weights of recurrent encoders from and to PyTorch and Keras, as plain NumPy arrays.

Neither library is needed. Three conventions meet here, of the same equations; G is
the number of gates, C the features a step, H the units, P the projected units:

=========  ===============================  =========================  ==========================
           ours                             PyTorch                    Keras
=========  ===============================  =========================  ==========================
names      ``layers.0.forward_i2h_weight``  ``weight_ih_l0``           position in ``get_weights()``
backward   ``layers.0.backward_…``          ``…_l0_reverse``           after the forward arrays
inputs     (G·H, C)                         (G·H, C)                   (C, G·H)
state      (G·H, H), or (4H, P)             (G·H, H), or (4H, P)       (H, G·H)
biases     two of (G·H,)                    two of (G·H,), or none     (G·H,); GRU (2, G·H); or none
LSTM       i, f, g, o                       i, f, g, o                 i, f, c, o
GRU        r, z, n                          r, z, n                    z, r, h
projected  ``layers.0.forward_h2r_weight``  ``weight_hr_l0`` (P, H)    has none
=========  ===============================  =========================  ==========================

Sources: the documentation of ``torch.nn.LSTM``, ``torch.nn.GRU``, ``torch.nn.RNN``,
and of ``keras.layers.LSTM``, ``GRU``, ``SimpleRNN`` and their cells' ``build``.
The GRU's candidate is n = tanh(W x + b + r ⊙ (U h + b')), Keras's ``reset_after=True``
(Cho et al. 2014 multiply r with h instead, which is another function).

Arrays say nothing of activations: ours, PyTorch's and Keras's defaults are the
same, but a layer with others computes something else from the same weights. So
does an encoder with ``residual``.
"""

import re
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from gluon_lstm.arrays import pack_arrays, read_arrays
from gluon_lstm.atomic import replacing_file

Arrays = Mapping[str, Any]
"""Names, and for each an array of MXNet or what ``np.asarray`` takes: NumPy arrays, tensors on the CPU, lists."""

_DIRECTIONS = ("forward", "backward")
_TORCH_PARTS = {
    "i2h_weight": "weight_ih",
    "h2h_weight": "weight_hh",
    "i2h_bias": "bias_ih",
    "h2h_bias": "bias_hh",
    "h2r_weight": "weight_hr",
}
_PARTS = tuple(_TORCH_PARTS)
_BIASES = ("i2h_bias", "h2h_bias")
_KERAS_PARTS = ("kernel", "recurrent_kernel", "bias")
_GATE_COUNTS = {"RNN": 1, "GRU": 3, "LSTM": 4}

_OUR_NAME = re.compile(rf"layers\.(?P<layer>\d+)\.(?P<direction>forward|backward)_(?P<part>{'|'.join(_PARTS)})")
_TORCH_NAME = re.compile(rf"(?P<part>{'|'.join(_TORCH_PARTS.values())})_l(?P<layer>\d+)(?P<direction>_reverse)?")
_OURS_ALONE = re.compile(r"layers\.\d+\.(forward|backward)_(coupled_|\w+_(peephole|scale|shift)$)|norms\.\d+\.")
"""Names of parameters of coupled gates, peepholes and layer normalization."""


class _Key(NamedTuple):
    """Which array: the number of its layer, its direction, and what it is there."""

    layer: int
    direction: str
    part: str


_Weights = Dict[_Key, np.ndarray]
_Spell = Callable[[_Key], str]


class _Sizes(NamedTuple):
    """What the shapes of all arrays follow from."""

    num_layers: int
    directions: Tuple[str, ...]
    gates: int
    hidden_size: int
    input_size: int
    state_size: int  # P where there is a projection, else H
    projected: bool
    biased: bool

    def keys(self, parts: Iterable[str]) -> List[_Key]:
        """Returns the keys of some parts in every layer and direction."""
        parts = list(parts)
        return [_Key(n, d, part) for n in range(self.num_layers) for d in self.directions for part in parts]

    def layer_input_size(self, layer: int) -> int:
        """Returns how many features a layer reads: those of a step, or the outputs of the layer before."""
        return self.state_size * len(self.directions) if layer else self.input_size


def from_torch(state: Arrays, prefix: str = "") -> Dict[str, np.ndarray]:
    """Returns the weights of a PyTorch recurrent module by our names, for ``set_arrays``.

    Args:
        state: ``state_dict()`` of an ``nn.LSTM``, ``nn.GRU`` or ``nn.RNN``; missing biases become zeros.
        prefix: what the module's names start with in the ``state_dict()`` of a whole model, such as
            ``encoder.``; names that start otherwise are left out.

    Raises:
        ValueError: a name, a shape or a value is not that of such a module; nothing is converted.

    Example:
        >>> state = {"weight_ih_l0": np.ones((8, 3)), "weight_hh_l0": np.ones((8, 2))}
        >>> {name: array.shape for name, array in from_torch(state).items()}["layers.0.forward_h2h_bias"]
        (8,)
    """
    spell = _prefixed(prefix, _spell_torch)
    weights = _read_named(state, prefix, _torch_key, spell)
    sizes = _named_sizes(weights, spell)
    _check(weights, _named_shapes(sizes), spell)
    if not sizes.biased:
        zeros = np.zeros(sizes.gates * sizes.hidden_size, weights[sizes.keys(_PARTS)[0]].dtype)
        weights.update({key: zeros.copy() for key in sizes.keys(_BIASES)})
    return _name_all(weights, sizes, _spell_ours)


def to_torch(arrays: Arrays, prefix: str = "") -> Dict[str, np.ndarray]:
    """Returns the weights of one of our encoders by PyTorch's names, for ``load_state_dict``.

    Args:
        arrays: ``get_arrays`` of an encoder. Its biases go along, so PyTorch's module needs ``bias=True``.
        prefix: what the encoder's names start with in ``get_arrays`` of a whole model, such as
            ``encoder.``; names that start otherwise are left out.

    Raises:
        ValueError: a name, a shape or a value is not that of an encoder which PyTorch has too.
    """
    weights, sizes = _read_ours(arrays, prefix)
    return _name_all(weights, sizes, _spell_torch)


def from_keras(layers: Sequence[Sequence[Any]]) -> Dict[str, np.ndarray]:
    """Returns the weights of Keras LSTM, GRU or SimpleRNN layers by our names, for ``set_arrays``.

    Keras has one bias where we have two: it becomes the first, and zeros the second.
    A GRU without biases is taken for one with ``reset_after=True``, Keras's default.

    Args:
        layers: one ``get_weights()`` a layer, from the first to the last: kernel, recurrent kernel
            and, unless ``use_bias=False``, bias; for ``Bidirectional`` those of both directions.

    Raises:
        ValueError: a number of arrays, a shape or a value is not that of such layers, or a GRU has
            ``reset_after=False``; nothing is converted.
    """
    weights = _read_keras(layers)
    sizes = _keras_sizes(weights, len(layers))
    _check(weights, _keras_shapes(sizes), _spell_keras)
    converted = {}
    for layer, direction, _ in sizes.keys(["kernel"]):
        arrays = [weights.get(_Key(layer, direction, part)) for part in _KERAS_PARTS]
        cell = _from_keras_cell(*arrays, sizes.gates)
        converted.update({_Key(layer, direction, part): array for part, array in cell.items()})
    return _name_all(converted, sizes, _spell_ours)


def to_keras(arrays: Arrays, prefix: str = "") -> List[List[np.ndarray]]:
    """Returns the weights of one of our encoders as Keras layers have them, for each layer's ``set_weights``.

    Our two biases are added up where Keras has one.

    Args:
        arrays: ``get_arrays`` of an encoder.
        prefix: as in ``to_torch``.

    Returns:
        One list a layer, for ``LSTM``, ``GRU`` or ``SimpleRNN``, or for ``Bidirectional`` of it.

    Raises:
        ValueError: a name, a shape or a value is not that of an encoder which Keras has too.
    """
    weights, sizes = _read_ours(arrays, prefix)
    if sizes.projected:
        raise ValueError(f"{prefix}layers hold a projection, which Keras layers do not have; use an encoder without")
    layers: List[List[np.ndarray]] = [[] for _ in range(sizes.num_layers)]
    for layer, direction, _ in sizes.keys(["kernel"]):
        cell = (weights[_Key(layer, direction, part)] for part in _PARTS[:4])
        layers[layer] += _to_keras_cell(*cell, sizes.gates)
    return layers


def load_safetensors(path: Union[str, Path]) -> Dict[str, np.ndarray]:
    """Returns the arrays of a safetensors file by name, such as a PyTorch state dict that was saved as one.

    Raises:
        RunError: the file cannot be read, is damaged, or holds a type that NumPy does not have.
    """
    return read_arrays(Path(path), "save it again")


def save_safetensors(path: Union[str, Path], arrays: Arrays) -> None:
    """Writes arrays by name as a safetensors file, which PyTorch's and our own readers take.

    Raises:
        ValueError: an array cannot be read, or there are no arrays by name; no file is written.
    """
    _check_mapping(arrays)
    content = pack_arrays({name: _as_array(array, name) for name, array in arrays.items()})
    with replacing_file(Path(path)) as temporary:
        temporary.write_bytes(content)


def describe_stack(shapes: Mapping[str, Tuple[int, ...]]) -> str:
    """Returns what the names and shapes of a block's parameters tell of its recurrent layers, "" where it has none.

    Example:
        >>> describe_stack({"encoder.layers.0.forward_h2h_weight": (20, 5)})
        '1 layer of LSTM, one direction, 5 units'
    """
    found = {name: match for name in shapes if (match := _OUR_NAME.search(name.replace("_coupled_", "_")))}
    recurrent = [name for name, match in found.items() if match["part"] == "h2h_weight"]
    if not recurrent:
        return ""
    rows, units = shapes[recurrent[0]]
    projections, projected = [shapes[name] for name, match in found.items() if match["part"] == "h2r_weight"], ""
    if projections:
        projected, units = f", projected to {units}", projections[0][1]
    coupled = any("_coupled_" in name for name in found)
    kinds = {gates: kind for kind, gates in _GATE_COUNTS.items()}
    kind = "LSTM with coupled gates" if coupled else kinds.get(rows // units, f"cells of {rows} rows")
    layers = len({match["layer"] for match in found.values()})
    directions = "both directions" if any(m["direction"] == "backward" for m in found.values()) else "one direction"
    return f"{layers} layer{'s' * (layers > 1)} of {kind}, {directions}, {units} units{projected}"


def is_of_torch(names: Iterable[str]) -> bool:
    """Whether any of the names is one of PyTorch's recurrent weights, under any prefix."""
    return any(_torch_key(name.rpartition(".")[2]) for name in names)


def _read_ours(arrays: Arrays, prefix: str) -> Tuple[_Weights, _Sizes]:
    """Returns one of our encoders' arrays and their sizes, checked."""
    spell = _prefixed(prefix, _spell_ours)
    weights = _read_named(arrays, prefix, _our_key, spell)
    sizes = _named_sizes(weights, spell)
    _check(weights, _named_shapes(sizes._replace(biased=True)), spell)
    return weights, sizes


def _read_named(arrays: Arrays, prefix: str, parse: Callable[[str], Optional[_Key]], spell: _Spell) -> _Weights:
    """Returns the arrays whose names start with ``prefix`` by what the rest of their names says."""
    _check_mapping(arrays)
    names = [name for name in arrays if name.startswith(prefix)]
    if not names:
        found = f"the names are {', '.join(list(arrays)[:3])}…" if arrays else "there are no arrays"
        raise ValueError(f"no name starts with {prefix!r}: {found}; {_prefix_advice(arrays, parse)}")
    weights = {}
    for name in names:
        key = parse(name[len(prefix) :])
        if key is None and _OURS_ALONE.match(name, len(prefix)):
            raise ValueError(f"{name!r} is of an option that PyTorch and Keras do not have; use an encoder without it")
        if key is None:
            example = spell(_Key(0, "forward", "i2h_weight"))
            raise ValueError(f"{name!r} is no recurrent weight such as {example!r}; {_prefix_advice(arrays, parse)}")
        weights[key] = _as_array(arrays[name], name)
    return weights


def _check_mapping(arrays: Any) -> None:
    """Raises ValueError unless there are arrays by name."""
    if isinstance(arrays, Mapping):
        return
    made_by = {"state_dict": "its state_dict()", "collect_params": "get_arrays() of it"}
    advice = next((text for method, text in made_by.items() if hasattr(arrays, method)), "a dict")
    raise ValueError(f"{type(arrays).__name__} given where arrays by name are needed; give {advice}")


def _prefix_advice(arrays: Arrays, parse: Callable[[str], Optional[_Key]]) -> str:
    """Returns which prefix to give: what stands before the names of recurrent weights."""
    starts = {name: [0, *(dot.end() for dot in re.finditer(r"\.", name))] for name in arrays}
    found = dict.fromkeys(repr(name[:start]) for name in arrays for start in starts[name] if parse(name[start:]))
    return f"give prefix={' or '.join(found)}" if found else "there are no recurrent weights under any prefix"


def _read_keras(layers: Sequence[Sequence[Any]]) -> _Weights:
    """Returns the arrays of Keras layers by layer, direction and name of the weight there."""
    if not len(layers):
        raise ValueError("there are no layers; give one get_weights() a layer")
    weights = {}
    for number, layer in enumerate(layers):
        if not isinstance(layer, (list, tuple)):
            raise ValueError(f"layers[{number}]: {type(layer).__name__} given; give one get_weights() a layer")
        if len(layer) not in (2, 3, 4, 6):
            raise ValueError(
                f"layers[{number}] has {len(layer)} arrays; a recurrent layer has kernel, recurrent_kernel and bias "
                "(2 or 3 arrays), and Bidirectional twice as many"
            )
        parts = _KERAS_PARTS[: 3 if len(layer) % 3 == 0 else 2]
        for position, array in enumerate(layer):
            key = _Key(number, _DIRECTIONS[position // len(parts)], parts[position % len(parts)])
            weights[key] = _as_array(array, _spell_keras(key))
    return weights


def _as_array(array: Any, name: str) -> np.ndarray:
    """Returns a copy of NumPy's, MXNet's or PyTorch's as floating-point NumPy array, of the type it has."""
    try:
        read = array.asnumpy() if hasattr(array, "asnumpy") else np.array(np.asarray(array))
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{name!r} cannot be read as an array ({reason}); give float32 values on the CPU") from error
    if read.dtype.kind != "f":
        raise ValueError(f"{name!r} holds {read.dtype} values; give floating-point numbers, such as float32")
    return read


def _named_sizes(weights: _Weights, spell: _Spell) -> _Sizes:
    """Returns the sizes that ours or PyTorch's arrays of the first layer say."""
    inputs, state = (_matrix(weights, _Key(0, "forward", part), spell) for part in ("i2h_weight", "h2h_weight"))
    projected = any(key.part == "h2r_weight" for key in weights)
    hidden_size = state.shape[1]
    if projected:
        hidden_size = _matrix(weights, _Key(0, "forward", "h2r_weight"), spell).shape[1]
    gates = _gate_count(state.shape[0], hidden_size, state.shape, spell(_Key(0, "forward", "h2h_weight")))
    if projected and gates != _GATE_COUNTS["LSTM"]:
        raise ValueError(f"{spell(_Key(0, 'forward', 'h2r_weight'))!r}: only an LSTM has a projection; drop it")
    return _Sizes(
        num_layers=len({key.layer for key in weights}),
        directions=_directions(weights),
        gates=gates,
        hidden_size=hidden_size,
        input_size=inputs.shape[1],
        state_size=state.shape[1],
        projected=projected,
        biased=any(key.part in _BIASES for key in weights),
    )


def _keras_sizes(weights: _Weights, num_layers: int) -> _Sizes:
    """Returns the sizes that Keras arrays of the first layer say."""
    kernel, recurrent = (_matrix(weights, _Key(0, "forward", part), _spell_keras) for part in _KERAS_PARTS[:2])
    key = _Key(0, "forward", "recurrent_kernel")
    return _Sizes(
        num_layers=num_layers,
        directions=_directions(weights),
        gates=_gate_count(recurrent.shape[1], recurrent.shape[0], recurrent.shape, _spell_keras(key)),
        hidden_size=recurrent.shape[0],
        input_size=kernel.shape[0],
        state_size=recurrent.shape[0],
        projected=False,
        biased=any(key.part == "bias" for key in weights),
    )


def _matrix(weights: _Weights, key: _Key, spell: _Spell) -> np.ndarray:
    """Returns an array that must be there and have two axes that are not empty."""
    if key not in weights:
        raise ValueError(f"{spell(key)!r} is missing; give every weight of every layer")
    if weights[key].ndim != 2 or 0 in weights[key].shape:
        raise ValueError(f"{spell(key)!r} has shape {weights[key].shape}; a matrix is needed")
    return weights[key]


def _gate_count(rows: int, hidden_size: int, shape: Tuple[int, ...], name: str) -> int:
    """Returns how many gates of ``hidden_size`` units make up ``rows``."""
    gates, rest = divmod(rows, hidden_size)
    if rest or gates not in _GATE_COUNTS.values():
        kinds = ", ".join(f"{count} ({kind})" for kind, count in _GATE_COUNTS.items())
        raise ValueError(
            f"{name!r} has shape {shape}: {rows} is not {hidden_size} units times the gates of a known cell, {kinds}"
        )
    return gates


def _directions(weights: _Weights) -> Tuple[str, ...]:
    """Returns the directions that any layer has."""
    return _DIRECTIONS if any(key.direction == "backward" for key in weights) else _DIRECTIONS[:1]


def _named_shapes(sizes: _Sizes) -> Dict[_Key, Tuple[int, ...]]:
    """Returns the shape of each of ours or PyTorch's arrays."""
    rows = sizes.gates * sizes.hidden_size
    shapes = {
        "h2h_weight": (rows, sizes.state_size),
        **dict.fromkeys(_BIASES if sizes.biased else (), (rows,)),
        **({"h2r_weight": (sizes.state_size, sizes.hidden_size)} if sizes.projected else {}),
    }
    inputs = {key: (rows, sizes.layer_input_size(key.layer)) for key in sizes.keys(["i2h_weight"])}
    return {**inputs, **{key: shapes[key.part] for key in sizes.keys(shapes)}}


def _keras_shapes(sizes: _Sizes) -> Dict[_Key, Tuple[int, ...]]:
    """Returns the shape of each Keras array."""
    columns = sizes.gates * sizes.hidden_size
    bias = (2, columns) if sizes.gates == _GATE_COUNTS["GRU"] else (columns,)
    shapes = {"recurrent_kernel": (sizes.hidden_size, columns), **({"bias": bias} if sizes.biased else {})}
    inputs = {key: (sizes.layer_input_size(key.layer), columns) for key in sizes.keys(["kernel"])}
    return {**inputs, **{key: shapes[key.part] for key in sizes.keys(shapes)}}


def _check(weights: _Weights, shapes: Mapping[_Key, Tuple[int, ...]], spell: _Spell) -> None:
    """Raises ValueError unless there is just what ``shapes`` asks for, in finite numbers."""
    for key in shapes:
        if key not in weights:
            raise ValueError(f"{spell(key)!r} is missing; every layer and direction has the weights of the first")
    for key, array in weights.items():
        if key not in shapes:
            raise ValueError(f"{spell(key)!r} is one too many; every layer and direction has the weights of the first")
        if array.shape != shapes[key]:
            raise ValueError(_misfit(key, array.shape, shapes[key], spell))
        if not np.isfinite(array).all():
            raise ValueError(f"{spell(key)!r} holds values that are not finite; use weights from before they diverged")


def _misfit(key: _Key, found: Tuple[int, ...], needed: Tuple[int, ...], spell: _Spell) -> str:
    """Returns the line for an array whose shape is not the one needed."""
    if key.part == "bias" and found == needed[1:]:
        return (
            f"{spell(key)!r} has shape {found}, that of a GRU with reset_after=False, which computes another function; "
            f"train it with reset_after=True, where the bias has shape {needed}"
        )
    return f"{spell(key)!r} has shape {found}, but {needed} goes with the first layer; give the weights of one encoder"


def _from_keras_cell(kernel, recurrent, bias, gates: int) -> Dict[str, np.ndarray]:
    """Returns one direction's arrays in our form, from kernel (C, G·H), recurrent kernel (H, G·H) and bias."""
    if bias is None:
        bias = np.zeros(kernel.shape[1], kernel.dtype)
    if bias.ndim == 1:
        bias = np.stack([bias, np.zeros_like(bias)])
    arrays = (kernel.T, recurrent.T, *bias)
    return {part: _swap_gates(array, gates) for part, array in zip(_PARTS, arrays)}


def _to_keras_cell(i2h_weight, h2h_weight, i2h_bias, h2h_bias, gates: int) -> List[np.ndarray]:
    """Returns kernel, recurrent kernel and bias of one direction, from our arrays."""
    kernel, recurrent = (np.ascontiguousarray(_swap_gates(weight, gates).T) for weight in (i2h_weight, h2h_weight))
    biases = [_swap_gates(bias, gates) for bias in (i2h_bias, h2h_bias)]
    return [kernel, recurrent, np.stack(biases) if gates == _GATE_COUNTS["GRU"] else sum(biases)]


def _swap_gates(array: np.ndarray, gates: int) -> np.ndarray:
    """Returns (G·H, …) with a GRU's first two gates exchanged: r, z, n is Keras's z, r, h; others stay in order."""
    if gates != _GATE_COUNTS["GRU"]:
        return np.ascontiguousarray(array)
    first, second, candidate = np.split(array, gates)
    return np.concatenate([second, first, candidate])


def _name_all(weights: _Weights, sizes: _Sizes, spell: _Spell) -> Dict[str, np.ndarray]:
    """Returns the arrays by a convention's names, layer by layer, in the order of PyTorch's own."""
    parts = _PARTS if sizes.projected else _PARTS[:4]
    return {spell(key): weights[key] for key in sizes.keys(parts)}


def _our_key(name: str) -> Optional[_Key]:
    """Returns what one of our names says, or ``None`` where it is no such name."""
    match = _OUR_NAME.fullmatch(name)
    return match and _Key(int(match["layer"]), match["direction"], match["part"])


def _torch_key(name: str) -> Optional[_Key]:
    """Returns what one of PyTorch's names says, or ``None`` where it is no such name."""
    match = _TORCH_NAME.fullmatch(name)
    parts = {theirs: ours for ours, theirs in _TORCH_PARTS.items()}
    return match and _Key(int(match["layer"]), _DIRECTIONS[bool(match["direction"])], parts[match["part"]])


def _spell_ours(key: _Key) -> str:
    """Returns our name."""
    return f"layers.{key.layer}.{key.direction}_{key.part}"


def _spell_torch(key: _Key) -> str:
    """Returns PyTorch's name."""
    return f"{_TORCH_PARTS[key.part]}_l{key.layer}{'_reverse' * (key.direction == 'backward')}"


def _spell_keras(key: _Key) -> str:
    """Returns where a Keras array is from; Keras itself gives positions only."""
    return f"layers[{key.layer}] {'backward ' * (key.direction == 'backward')}{key.part}"


def _prefixed(prefix: str, spell: _Spell) -> _Spell:
    """Returns a spelling with a prefix before every name."""
    return lambda key: prefix + spell(key)
