"""A Transformer encoder: every step sees every other through attention, without recurrence."""

import math
from typing import Any, Optional

import mxnet as mx
from mxnet.gluon import HybridBlock, nn

from gluon_lstm.nn.checks import check_choice, check_options, check_shares, check_sizes
from gluon_lstm.nn.encoder import Encoder, EncoderOutput


class TransformerEncoder(Encoder):
    """Attention and feedforward layers over a sequence, to be used where ``LSTMEncoder`` can.

    With inputs x (T, N, C), and positions p (T, H) of one of the two kinds::

        x_0 = dropout(√H (W x + b) + p)
        x_l = layer_l(x_{l-1})                 l = 1 … num_layers, see ``TransformerLayer``
        outputs = LN(x_num_layers)             0 at padded steps
        last = outputs at the last valid step

    Vaswani et al. (2017), sections 3.1, 3.4, 3.5 and 5.4, with a dense layer in the
    place of their embedding. The normalization stands before each sublayer and after
    the last layer, so that it learns without a warm-up (Xiong et al. 2020, "Pre-LN").

    What a sequence gives does not depend on the steps it is padded with, whatever they
    hold, nor on the other sequences of its batch.

    Args:
        hidden_size: H, a multiple of ``num_heads``.
        input_size: C, features of a time step.
        num_layers: layers.
        num_heads: A, attention heads of a layer.
        feedforward_size: units between the two dense layers of a feedforward; ``None`` for 4·H.
        dropout: share dropped of attention weights, of both sublayers' outputs and of x_0.
        positions: ``sinusoidal``, which reads any T, or ``learned``.
        max_steps: the longest T that learned positions are for; ``None`` for 1,024. Sinusoidal ones have no limit.

    Raises:
        TypeError: an option is unknown.
        ValueError: an option is out of range, ``hidden_size`` no multiple of ``num_heads``, or ``max_steps`` was given
            for positions that have no limit.
    """

    def __init__(
        self,
        hidden_size: int,
        input_size: int,
        num_layers: int = 1,
        num_heads: int = 4,
        feedforward_size: Optional[int] = None,
        dropout: float = 0.0,
        positions: str = "sinusoidal",
        max_steps: Optional[int] = None,
        **kwargs,
    ):
        check_options(type(self).__name__, kwargs, self.option_names())
        super().__init__(**kwargs)
        check_sizes(hidden_size=hidden_size, input_size=input_size, num_layers=num_layers)
        check_shares(dropout=dropout)
        self.input_size, self.output_size = input_size, hidden_size
        self._num_heads, self._dropout = num_heads, dropout
        with self.name_scope():
            self.projection = _dense(hidden_size, input_size)
            self.positions = _make_positions(positions, hidden_size, max_steps)
            self.layers = nn.HybridSequential()
            for _ in range(num_layers):
                self.layers.add(TransformerLayer(hidden_size, num_heads, feedforward_size, dropout))
            self.norm = nn.LayerNorm(in_channels=hidden_size)

    def forward(self, inputs, *lengths):
        """Checks the number of steps, which an array knows; of a symbol, MXNet raises an error of its own.

        Raises:
            ValueError: T is above the ``max_steps`` of learned positions.
        """
        most = self.positions.max_steps
        if most is not None and isinstance(inputs, mx.nd.NDArray) and len(inputs) > most:
            raise ValueError(f"the encoder reads up to max_steps = {most} steps, not {len(inputs)}")
        return super().forward(inputs, *lengths)

    def hybrid_forward(self, F, inputs, lengths=None):
        """Takes inputs (T, N, C) and lengths (N,) or ``None``; gives outputs (T, N, H) and last (N, H)."""
        steps = F.contrib.arange_like(F.BlockGrad(inputs), axis=0)  # a graph does not know T
        visible = None
        if lengths is not None:
            lengths = F.cast(F.BlockGrad(lengths), dtype=self.input_type)
            visible = _visible_keys(F, lengths, steps, self._num_heads)
            # Whatever the padding holds, NaN included, must not be multiplied with a weight of 0.
            inputs = F.SequenceMask(inputs, lengths, use_sequence_length=True)
        hidden = self.projection(inputs) * math.sqrt(self.output_size)
        positions = F.cast(self.positions(steps), dtype=self.input_type)
        hidden = _drop(F, F.broadcast_add(hidden, positions), self._dropout)
        for layer in self.layers:
            hidden = layer(hidden, visible)
        return tuple(_encoder_output(F, self.norm(hidden), lengths))


class TransformerLayer(HybridBlock):
    """Attention, then a feedforward of two dense layers, each added to what it reads.

    With x (T, N, H)::

        y = x + dropout(attention(LN(x)))
        z = y + dropout(W_2 relu(W_1 LN(y) + b_1) + b_2)

    Vaswani et al. (2017), section 3.3, in the order of Xiong et al. (2020), figure 1 (b).

    Args:
        hidden_size: H.
        num_heads: A.
        feedforward_size: rows of W_1; ``None`` for 4·H.
        dropout: share dropped.
    """

    def __init__(
        self, hidden_size: int, num_heads: int, feedforward_size: Optional[int] = None, dropout: float = 0.0, **kwargs
    ):
        super().__init__(**kwargs)
        check_sizes(hidden_size=hidden_size)
        feedforward_size = 4 * hidden_size if feedforward_size is None else feedforward_size
        check_sizes(feedforward_size=feedforward_size)
        self._dropout = dropout
        with self.name_scope():
            self.attention_norm = nn.LayerNorm(in_channels=hidden_size)
            self.attention = SelfAttention(hidden_size, num_heads, dropout)
            self.feedforward_norm = nn.LayerNorm(in_channels=hidden_size)
            self.feedforward_in = _dense(feedforward_size, hidden_size, activation="relu")
            self.feedforward_out = _dense(hidden_size, feedforward_size)

    def hybrid_forward(self, F, inputs, visible=None):
        """Takes inputs (T, N, H) and the visible keys of ``SelfAttention``; gives (T, N, H)."""
        attended = self.attention(self.attention_norm(inputs), visible)
        hidden = inputs + _drop(F, attended, self._dropout)
        fed = self.feedforward_out(self.feedforward_in(self.feedforward_norm(hidden)))
        return hidden + _drop(F, fed, self._dropout)


class SelfAttention(HybridBlock):
    """Multi-head scaled dot-product attention of a sequence to itself.

    With x (T, N, H), and for each of A heads the d = H / A units that are its own::

        q = W_q x + b_q,  k = W_k x,  v = W_v x + b_v
        s_ij = q_i · k_j / √d                              score of key j for query i
        w_ij = exp(s_ij) / Σ_j' exp(s_ij')                 over valid keys; 0 for padded ones
        c_i  = Σ_j dropout(w_ij) v_j
        y = W_o [c of head 1, …, c of head A] + b_o

    Vaswani et al. (2017), equation 1 and section 3.2.2. The keys have no bias: it
    would add the same to all scores of a query, which the softmax takes out again.
    Scores and weights are N·A·T² numbers each: memory and time grow with the square of T.

    Args:
        hidden_size: H.
        num_heads: A, which divides H.
        dropout: share of the weights dropped.
    """

    def __init__(self, hidden_size: int, num_heads: int, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        check_sizes(hidden_size=hidden_size, num_heads=num_heads)
        if hidden_size % num_heads:
            raise ValueError(f"hidden_size {hidden_size} cannot be split into num_heads = {num_heads} equal heads")
        self._hidden_size = hidden_size
        self._head_size = hidden_size // num_heads
        self._dropout = dropout
        with self.name_scope():
            self.query = _dense(hidden_size, hidden_size)
            self.key = _dense(hidden_size, hidden_size, use_bias=False)
            self.value = _dense(hidden_size, hidden_size)
            self.output = _dense(hidden_size, hidden_size)

    def hybrid_forward(self, F, inputs, visible=None):
        """Attends.

        Args:
            F: ``mx.nd`` or ``mx.sym``.
            inputs: (T, N, H) float32.
            visible: (N·A, T) int32, how many keys, from the first on, each query may see; ``None`` for all.

        Returns:
            (T, N, H) float32.
        """
        query, key, value = (self._by_head(F, part(inputs)) for part in (self.query, self.key, self.value))
        scores = F.batch_dot(query / math.sqrt(self._head_size), key, transpose_b=True)
        weights = F.softmax(scores) if visible is None else F.softmax(scores, visible, use_length=True)
        context = F.swapaxes(F.batch_dot(_drop(F, weights, self._dropout), value), dim1=0, dim2=1)
        return self.output(F.reshape(context, shape=(0, -1, self._hidden_size)))

    def _by_head(self, F, array):
        """Returns (T, N, H) as (N·A, T, d)."""
        return F.swapaxes(F.reshape(array, shape=(0, -1, self._head_size)), dim1=0, dim2=1)


class SinusoidalPositions(HybridBlock):
    """Positions as sines and cosines of falling frequency.

    For step t and pair i::

        p_{t,2i}   = sin(t / 10000^{2i/H})
        p_{t,2i+1} = cos(t / 10000^{2i/H})

    Vaswani et al. (2017), section 3.5. Computed anew each time: that costs little, and
    a table would be stored and counted with the parameters, which it is not one of.

    Args:
        hidden_size: H.
    """

    max_steps = None
    """There is no longest T."""

    def __init__(self, hidden_size: int, **kwargs):
        super().__init__(**kwargs)
        self._hidden_size = hidden_size

    def hybrid_forward(self, F, steps):
        """Takes steps (T,) float32, which are 0, 1, …; gives positions (T, 1, H) float64."""
        # In float32 the angle of step 1000 would be off by 5e-5.
        pairs = F.arange(math.ceil(self._hidden_size / 2), dtype="float64")
        frequencies = F.exp(pairs * (-2 * math.log(10000) / self._hidden_size))
        column = F.reshape(F.cast(steps, dtype="float64"), shape=(-1, 1))
        angles = F.broadcast_mul(column, F.reshape(frequencies, shape=(1, -1)))
        waves = F.reshape(F.stack(F.sin(angles), F.cos(angles), axis=2), shape=(0, 1, -1))
        return F.slice_axis(waves, axis=2, begin=0, end=self._hidden_size)


class LearnedPositions(HybridBlock):
    """A learned vector for each step, which starts as large as ``SinusoidalPositions``: 1/√2 on average.

    Args:
        hidden_size: H.
        max_steps: rows of the table, the longest T.
    """

    def __init__(self, hidden_size: int, max_steps: int = 1024, **kwargs):
        super().__init__(**kwargs)
        check_sizes(max_steps=max_steps)
        self.max_steps = max_steps
        with self.name_scope():
            self.table = self.params.get("table", shape=(max_steps, hidden_size), init=mx.init.Normal(math.sqrt(0.5)))

    def hybrid_forward(self, F, steps, table):
        """Takes steps (T,) float32, which are 0, 1, …; gives positions (T, 1, H) float32."""
        # MXNet raises if the table is shorter than the inputs.
        return F.expand_dims(F.slice_like(table, steps, axes=(0,)), axis=1)


POSITIONS = {"sinusoidal": SinusoidalPositions, "learned": LearnedPositions}
"""Kinds of positions by the name of their option."""


def _make_positions(kind: str, hidden_size: int, max_steps: Optional[int]) -> HybridBlock:
    """Returns the positions of a kind.

    Raises:
        ValueError: there is no such kind, or it has no ``max_steps``.
    """
    check_choice("positions", kind, POSITIONS)
    if max_steps is None:
        return POSITIONS[kind](hidden_size)
    if kind != "learned":
        raise ValueError(f"max_steps {max_steps}: {kind} positions read any number of steps; leave it out")
    return LearnedPositions(hidden_size, max_steps)


def _dense(units: int, in_units: int, **options) -> nn.Dense:
    """Returns a dense layer of the last axis, with Glorot and Bengio's (2010) weights."""
    return nn.Dense(units, flatten=False, in_units=in_units, weight_initializer="xavier", **options)


def _drop(F, array, share: float):
    """Returns the array with a share of it dropped in training."""
    return F.Dropout(array, p=share) if share else array


def _visible_keys(F, lengths, steps, num_heads: int):
    """Returns (N·A, T) int32: for each head and query, how many keys come before the padding."""
    row = F.reshape(F.ones_like(steps), shape=(1, -1))
    # The heads of a sequence are neighbours, see ``SelfAttention._by_head``.
    column = F.reshape(F.repeat(lengths, repeats=num_heads), shape=(-1, 1))
    return F.cast(F.broadcast_mul(column, row), dtype="int32")


def _encoder_output(F, outputs: Any, lengths: Any) -> EncoderOutput:
    """Returns outputs (T, N, H), with padded steps set to 0, and that at the last valid step (N, H)."""
    if lengths is None:
        return EncoderOutput(outputs, F.squeeze(F.slice_axis(outputs, axis=0, begin=-1, end=None), axis=0))
    outputs = F.SequenceMask(outputs, lengths, use_sequence_length=True)
    return EncoderOutput(outputs, F.SequenceLast(outputs, lengths, use_sequence_length=True))
