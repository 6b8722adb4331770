"""The configuration of a run: one frozen, validated value.

Each field carries its help text, choices and bounds; the command line's flags,
the files read by ``--config`` and ``config.json`` all follow from this table.
"""

from __future__ import annotations

import re
import sys
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional, Tuple, get_args, get_type_hints

from gluon_lstm.errors import ConfigError, did_you_mean, is_utf8, shortened, shown
from gluon_lstm.runtime import MOST_SEED, MOST_THREADS

CONFIG_VERSION = 1
SECTIONS = ("data", "text", "model", "training", "runtime")
RECORDED = ("version", "preset", "environment", "dataset")
"""Keys that ``config.json`` carries beside the sections: a record, not settings."""


MOST_UNITS = 8192
"""Of a layer; MXNet's arrays hold fewer than 2**31 numbers."""
MOST_STEPS = 100_000
"""Of a sequence whose length varies."""
MOST_TOKENS, MOST_CHARACTERS = 5, 8
"""Of an n-gram."""

# The names that options take; the code behind each option reads them here, so that there is one list of each.
VIEWS = ("rows", "columns", "pixels", "permuted", "rows+columns")
POOLINGS = ("last", "mean", "max", "mean+max", "attention")
ENCODERS = ("lstm", "gru", "rnn", "transformer")
CELL_ACTIVATIONS = ("tanh", "relu", "sigmoid", "hard_sigmoid")
RECURRENT_INITIALIZERS = ("orthogonal", "xavier")
INPUT_INITIALIZERS = ("xavier", "lecun")
IMPLEMENTATIONS = ("auto", "fused", "cell")
TOKENIZERS = ("words", "characters", "jieba", "sentencepiece")
ENDS = ("start", "end")
MONITORED = ("accuracy", "macro-f1", "loss")
"""What the epoch that is kept can be chosen by."""
DIVERGENCE = ("stop", "skip", "rollback")
MOST_ROLLBACKS = 3
MOST_EPOCHS = 100_000
"""Whose records a run's log and its checkpoints can hold."""
TRANSFORMER_HEADS = 4
REPORT_SECTIONS = (
    "mistakes", "calibration", "selective", "ranking", "lengths", "explanation", "robustness", "speed", "training",
)  # fmt: skip
"""Parts of an evaluation's report beside its numbers, which are always there."""
RECURRENT_ONLY = ("locked_dropout", "weight_dropout", "zoneout", "residual", "layer_norm")
"""Options of the model that a Transformer does not have."""


def option(default: Any, help: str, *, choices: Iterable[str] = (), low=None, high=None, above=None) -> Any:
    """Declares a field: default, help text, and the values it may take.

    Args:
        default: the value where nothing else is said.
        help: one sentence for ``--help``.
        choices: the strings allowed, where they are few.
        low: least value allowed.
        high: greatest value allowed.
        above: bound that the value must exceed.
    """
    limits = {"choices": tuple(choices), "low": low, "high": high, "above": above}
    return field(default=default, metadata={"help": help, **limits})


@dataclass(frozen=True)
class DataConfig:
    """What is read, and how an image becomes a sequence."""

    dataset: str = option(
        "digits",
        "data set: digits, sentences (both embedded), mnist, a text corpus (trec, sst2, sst5, mr, imdb, subj, cr, "
        "mpqa), a CSV, TSV or JSON Lines file of your own texts, or a folder of your own PNG pictures, with one in it "
        "for each class",
    )
    data_dir: Optional[str] = option(
        None,
        "folder of the data's files, or of the data sets' folders; default: $GLUON_LSTM_DATA, then the cache, then a "
        "download",
    )
    view: str = option(
        "rows",
        "what a time step of an image is: a row, a column, a pixel, a pixel in one fixed random order, "
        "or row t and column t side by side",
        choices=VIEWS,
    )
    validation_size: Optional[int] = option(
        None,
        "training samples set aside for validation; default: 180 of digits, a twelfth of mnist's images, a tenth of "
        "texts, of both at most 5000, or the set's own validation split",
        low=1,
    )
    split_seed: int = option(0, "seed that draws the validation split; apart from --seed, so that seeds compare", low=0)
    folds: int = option(
        0, "cut texts without a test set into this many parts, each of which tests a model of the others",
        low=0, high=1000,
    )
    fold: Optional[int] = option(None, "the part, from 0, that tests; default: each in turn, a run each", low=0)
    limit_train: Optional[int] = option(
        None, "use only this many training samples, spread over the classes; default: all", low=1
    )
    augment_shift: int = option(1, "shift each training image by up to this many pixels, anew each epoch", low=0)
    augment_sideways: bool = option(False, "shift training images left and right alone, not up and down")
    augment_rotate: float = option(0.0, "rotate each training image by up to this many degrees", low=0, high=180)
    augment_scale: float = option(0.0, "stretch height and width by up to this share", low=0, high=0.9)
    augment_elastic: float = option(
        0.0, "standard deviation, in pixels, of a smooth random distortion of each training image", low=0
    )


@dataclass(frozen=True)
class TextConfig:
    """How a file of texts is read, and how a text becomes a sequence of tokens."""

    text_column: Optional[str] = option(
        None, "column of the texts, by name, or by number from 1 in a file without names; default: guessed by name"
    )
    label_column: Optional[str] = option(None, "column of the labels, likewise; default: guessed by name")
    validation_file: Optional[str] = option(
        None, "file of texts to validate on; default: a tenth of the training texts, at most 5000"
    )
    test_file: Optional[str] = option(None, "file of texts to test on; default: a tenth of the texts")
    encoding: str = option("utf-8", "encoding of the files, such as cp1252 (Windows, Western Europe) or gb18030")
    quotes: bool = option(
        True, "in CSV and TSV, read a text between quotation marks without them; --no-quotes takes all as they stand"
    )
    tokenizer: str = option(
        "words",
        "what a token is: a word or punctuation mark, a character, a Chinese word (jieba), "
        "or a piece of --sentencepiece-model",
        choices=TOKENIZERS,
    )
    sentencepiece_model: Optional[str] = option(None, "model file of the tokenizer sentencepiece; default: none")
    lowercase: bool = option(True, "read capital letters as small ones")
    vocabulary_size: int = option(30_000, "most different tokens, the most frequent ones first", low=1, high=2**24 - 2)
    min_count: int = option(1, "times that a token must be in the training texts to be known", low=1)
    max_length: int = option(400, "tokens of a text that are read", low=1, high=MOST_STEPS)
    truncate: str = option("start", "which end of a longer text is cut off", choices=ENDS)
    word_dropout: float = option(0.0, "share of a training text's tokens read as unknown", low=0, high=0.95)


@dataclass(frozen=True)
class ModelConfig:
    """Encoder, pooling and head."""

    embedding_size: int = option(128, "numbers that stand for a token of text", low=1, high=MOST_UNITS)
    embedding_dropout: float = option(0.3, "dropout of these numbers", low=0, high=0.95)
    embedding: Optional[str] = option(
        None, "file of pretrained word vectors in the text format of GloVe, word2vec or fastText; default: none"
    )
    embedding_training: bool = option(True, "train the word vectors, pretrained ones too")
    ngrams: int = option(
        0, "mix the answer with that of a linear model of up to this many successive tokens; 0 for none",
        low=0, high=MOST_TOKENS,
    )
    character_ngrams: int = option(
        0, "the same of up to this many successive characters; for long texts this takes much memory",
        low=0, high=MOST_CHARACTERS,
    )
    encoder: str = option("lstm", "what reads the sequence", choices=ENCODERS)
    hidden_size: int = option(128, "units of each layer and direction", low=1, high=MOST_UNITS)
    num_layers: int = option(1, "layers of the encoder", low=1, high=64)
    bidirectional: bool = option(True, "read each sequence in both directions")
    groups: int = option(1, "split the features of a time step into this many groups, each with its own encoder", low=1)
    dropout: float = option(0.2, "dropout between layers and before the head", low=0, high=0.95)
    locked_dropout: bool = option(False, "drop the same features at every step between layers")
    weight_dropout: float = option(0.0, "share of the recurrent weights dropped in training", low=0, high=0.95)
    zoneout: float = option(0.0, "share of the units that keep their value at a step in training", low=0, high=0.95)
    residual: bool = option(False, "add each layer's inputs to its outputs, where both have the same size")
    layer_norm: bool = option(False, "normalize the outputs of each layer")
    pooling: str = option("mean+max", "how the outputs of all steps become one vector", choices=POOLINGS)
    head_size: int = option(0, "units of the dense relu layer before the output; 0 for none", low=0, high=MOST_UNITS)
    cell_activation: str = option("tanh", "activation of candidate and cell output", choices=CELL_ACTIVATIONS)
    forget_bias: float = option(1.0, "forget-gate bias at the start", low=-100, high=100)
    chrono_steps: int = option(
        0,
        "start the biases of forget and input gates for memories of up to this many steps, 2 or more, in place of "
        "--forget-bias (Tallec and Ollivier 2018); 0 for --forget-bias",
        low=0, high=MOST_STEPS,
    )
    recurrent_initializer: str = option(
        "orthogonal", "how recurrent weights start", choices=RECURRENT_INITIALIZERS
    )
    input_initializer: str = option(
        "xavier",
        "how the weights of a layer's inputs start; lecun goes by the number of its inputs alone (LeCun et al. 1998), "
        "for one feature a step or two",
        choices=INPUT_INITIALIZERS,
    )
    implementation: str = option(
        "auto",
        "fused operator, the cell step by step, or whichever the options allow",
        choices=IMPLEMENTATIONS,
    )


@dataclass(frozen=True)
class TrainingConfig:
    """Optimizer, schedule, stopping and averaging."""

    epochs: int = option(10, "passes over the training set", low=1, high=MOST_EPOCHS)
    batch_size: int = option(128, "samples a step", low=1)
    optimizer: str = option("adam", "update rule", choices=("adam", "adamw", "sgd", "rmsprop"))
    learning_rate: float = option(0.002, "peak learning rate", above=0, high=1000)
    momentum: float = option(0.9, "momentum, of sgd alone", low=0, high=0.9999)
    weight_decay: float = option(
        0.0, "weight decay; decoupled for adamw, an L2 penalty's gradient otherwise", low=0, high=1000
    )
    clip_norm: float = option(1.0, "maximum global norm of the gradient; 0 for no clipping", low=0, high=1e6)
    schedule: str = option("cosine", "learning rate over the epochs", choices=("constant", "step", "cosine"))
    warmup_epochs: float = option(0.5, "epochs over which the rate rises from 0; fractions count", low=0)
    step_epochs: int = option(10, "epochs between drops of the step schedule", low=1)
    step_factor: float = option(0.1, "what the step schedule multiplies the rate with", above=0, high=1)
    label_smoothing: float = option(0.0, "share of the target spread evenly over all classes", low=0, high=0.9)
    class_weights: bool = option(False, "weigh each class by the inverse of its share of the training samples")
    adversarial: float = option(
        0.0,
        "length of the step by which each text's embedding is also moved to where the loss is greater "
        "(Miyato et al. 2017); 0 for none",
        low=0,
        high=1000,
    )
    ema_decay: float = option(
        0.0,
        "decay per step of the moving average of the weights that is validated and kept; 0 for none",
        low=0,
        high=0.99999,
    )
    monitor: str = option(
        "accuracy",
        "what the kept epoch is best in, on the validation split; ties go to the lower loss",
        choices=MONITORED,
    )
    patience: int = option(0, "stop after this many epochs without a better one; 0 for never", low=0)
    on_divergence: str = option(
        "stop",
        "at a loss or gradient that is not finite, stop; leave the batch out, which makes every step wait for its "
        f"result; or go back to the last whole epoch with half the rate, at most {MOST_ROLLBACKS} times",
        choices=DIVERGENCE,
    )
    checkpoint_every: Optional[str] = option(
        None, "steps, or minutes as in 10m, between checkpoints within an epoch; default: one after each epoch"
    )
    keep_checkpoints: int = option(
        2, "newest checkpoints that are kept, beside those of the last and of the best epoch", low=1
    )


@dataclass(frozen=True)
class RuntimeConfig:
    """Device, threads and seed."""

    device: str = option("cpu", "cpu, gpu:0 or several GPUs as gpu:0,1")
    threads: Optional[int] = option(
        None, "CPU threads; default: the preset's, else $OMP_NUM_THREADS, else the physical cores", low=1,
        high=MOST_THREADS,
    )
    seed: int = option(0, "seed of initial weights, order, augmentation and dropout", low=0, high=MOST_SEED)


@dataclass(frozen=True)
class Config:
    """All that decides a run's result.

    Attributes:
        preset: name of the preset that the run started from.
        data: what is read.
        text: how texts are read.
        model: what is trained.
        training: how.
        runtime: on what, and from which seed.
    """

    preset: str = "default"
    data: DataConfig = field(default_factory=DataConfig)
    text: TextConfig = field(default_factory=TextConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    runtime: RuntimeConfig = field(default_factory=RuntimeConfig)

    def __post_init__(self) -> None:
        if not isinstance(self.preset, str):
            raise ConfigError(f"preset {shown(self.preset)}: must be a name")
        for name in SECTIONS:
            section = getattr(self, name)
            hints = get_type_hints(type(section))
            for item in fields(section):
                _check(item, hints[item.name], getattr(section, item.name))
        _check_together(self)

    def to_dict(self) -> Dict[str, Any]:
        """Returns the settings as plain values, with the format's version."""
        return {"version": CONFIG_VERSION, **asdict(self)}


def flag(name: str) -> str:
    """Returns the command line's flag for a field: ``batch_size`` → ``--batch-size``."""
    return "--" + name.replace("_", "-")


def value_type(hint: Any) -> Tuple[type, bool]:
    """Returns the plain type of a field's annotation, and whether it may be ``None``."""
    members = [member for member in get_args(hint) if member is not type(None)]
    return (members[0], True) if members else (hint, False)


def _check(item, hint: Any, value: Any) -> None:
    """Raises ConfigError unless ``value`` is one that the field may take."""
    kind, optional = value_type(hint)
    if value is None and optional:
        return
    allowed = (int, float) if kind is float else kind
    if not isinstance(value, allowed) or (kind is not bool and isinstance(value, bool)):
        raise ConfigError(f"{flag(item.name)} {shown(value)}: must be of type {kind.__name__}")
    limits, named = item.metadata, f"{flag(item.name)} {shortened(value) if kind is str else shown(value)}"
    if kind is float and not abs(value) <= sys.float_info.max:  # also where it is NaN, or a greater int
        raise ConfigError(f"{named}: must be finite")
    if kind is int and abs(value) >= 2**63:
        raise ConfigError(f"{named}: must be a number of 64 bits")
    if kind is str and "\0" in value:  # which no system takes in a path
        raise ConfigError(f"{named}: holds a NUL character")
    if kind is str and not is_utf8(value):  # which no record could hold
        raise ConfigError(f"{named}: is no UTF-8; rename it")
    if limits["choices"] and value not in limits["choices"]:
        raise ConfigError(f"{named}: choose from {', '.join(limits['choices'])}")
    if limits["low"] is not None and value < limits["low"]:
        raise ConfigError(f"{named}: must be at least {limits['low']}")
    if limits["above"] is not None and value <= limits["above"]:
        raise ConfigError(f"{named}: must be greater than {limits['above']}")
    if limits["high"] is not None and value > limits["high"]:
        raise ConfigError(f"{named}: must be at most {limits['high']}")


def _check_together(config: Config) -> None:
    """Raises ConfigError where fields that are fine alone contradict each other."""
    _check_encoder(config.model)
    model, training = config.model, config.training
    checkpoint_interval(training.checkpoint_every)
    if training.warmup_epochs > training.epochs:
        raise ConfigError(f"--warmup-epochs {training.warmup_epochs:g}: more than --epochs {training.epochs}")
    if model.groups > 1 and config.data.view != "rows+columns":
        raise ConfigError(f"--groups {model.groups}: needs --view rows+columns, not {config.data.view}; "
                          "use --groups 1 or that view")  # fmt: skip
    if model.groups > 2:
        raise ConfigError(f"--groups {model.groups}: --view rows+columns has two groups of features")


class CheckpointInterval(NamedTuple):
    """Time between two checkpoints within an epoch: steps, or seconds."""

    steps: Optional[int] = None
    seconds: Optional[int] = None


def checkpoint_interval(text: Optional[str]) -> CheckpointInterval:
    """Returns what ``--checkpoint-every`` says: steps as in ``500``, minutes as in ``10m``, or neither.

    Raises:
        ConfigError: it is of another form.
    """
    if text is None:
        return CheckpointInterval()
    match = re.fullmatch("([1-9][0-9]{0,8})(m?)", text)
    if not match:
        raise ConfigError(f"--checkpoint-every {text}: must be steps, such as 500, or minutes, such as 10m")
    number, is_minutes = int(match.group(1)), bool(match.group(2))
    return CheckpointInterval(seconds=60 * number) if is_minutes else CheckpointInterval(steps=number)


def _check_encoder(model: ModelConfig) -> None:
    """Raises ConfigError where the encoder cannot be what the other fields of the model say."""
    activations = {"lstm": CELL_ACTIVATIONS, "rnn": ("tanh", "relu")}.get(model.encoder, ("tanh",))
    if model.cell_activation not in activations:
        raise ConfigError(f"--cell-activation {model.cell_activation}: --encoder {model.encoder} has "
                          f"{' and '.join(activations)}")  # fmt: skip
    if model.chrono_steps == 1:
        raise ConfigError("--chrono-steps 1: must be at least 2, or 0 for --forget-bias")
    if model.encoder == "transformer":
        _check_transformer(model)
    elif model.residual and model.num_layers == 1:
        raise ConfigError("--residual: one layer has nothing to add; use --num-layers 2 or more")
    if model.implementation == "fused" and model.encoder == "lstm" and model.cell_activation != "tanh":
        raise ConfigError(
            f"--implementation fused: the fused operator knows tanh alone, not --cell-activation "
            f"{model.cell_activation}; use auto"
        )
    if model.implementation == "fused" and model.zoneout:
        raise ConfigError(f"--implementation fused: the fused operator has no --zoneout {model.zoneout:g}; use auto")


def _check_transformer(model: ModelConfig) -> None:
    """Raises ConfigError where the model asks for what only recurrent encoders have."""
    if model.hidden_size % TRANSFORMER_HEADS:
        raise ConfigError(f"--hidden-size {model.hidden_size}: --encoder transformer needs a multiple of "
                          f"{TRANSFORMER_HEADS}, its attention heads")  # fmt: skip
    for name in RECURRENT_ONLY:
        if getattr(model, name):
            raise ConfigError(f"{flag(name)}: --encoder transformer has none; use a recurrent encoder")


def merge(config: Config, changes: Mapping[str, Any], source: str = "") -> Config:
    """Returns ``config`` with the changes of one source laid over it.

    Args:
        config: what is changed.
        changes: section name → field name → value, as ``Config.to_dict`` has it.
        source: what the changes came from, for the error's line; flags name themselves.

    Raises:
        ConfigError: an unknown section or field, or a value that is not allowed.
    """
    unknown = sorted(set(changes) - set(SECTIONS) - set(RECORDED), key=lambda key: (isinstance(key, str), shown(key)))
    if unknown:
        raise ConfigError(f"{source}: unknown section {shown(unknown[0])}{_home(unknown[0])}")
    if not _is_record(changes):
        raise ConfigError(f"{source}: 'dataset' is no section; name the data set in section 'data'")
    merged = {}
    for name in SECTIONS:
        values = changes.get(name, {})
        known = {item.name for item in fields(getattr(config, name))}
        if values is None:
            raise ConfigError(f"{source}: section {name!r} is empty; write options into it, or leave it out")
        if not isinstance(values, Mapping):
            raise ConfigError(f"{source}: section {name!r} must hold names and values")
        for key in values:
            if key not in known:
                raise ConfigError(f"{source}: unknown option {shown(key)} in section {name!r}{suggest(key, known)}")
        merged[name] = replace(getattr(config, name), **values)
    prefix = f"{source}: " if source else ""
    try:
        return replace(config, preset=changes.get("preset", config.preset), **merged)
    except ConfigError as error:
        raise ConfigError(f"{prefix}{error}") from error


def _is_record(changes: Mapping[str, Any]) -> bool:
    """Whether ``dataset``, if there is one, is what a run recorded: for each split, its checksum."""
    if "dataset" not in changes:
        return True
    try:
        return all(isinstance(split["sha256"], str) for split in changes["dataset"]["splits"].values())
    except (AttributeError, KeyError, TypeError):
        return False


def _home(word: Any) -> str:
    """Returns the section that an option named ``word`` belongs into as a hint, or the sections there are."""
    homes = [name for name in SECTIONS if word in {item.name for item in fields(getattr(Config(), name))}]
    return f"; this option belongs in section {homes[0]!r}" if homes else suggest(word, SECTIONS)


def suggest(word: str, known: Iterable[str]) -> str:
    """Returns the known word nearest to ``word`` as a hint, or all of them."""
    return did_you_mean(word, known) or f"; known are {', '.join(sorted(known))}"
