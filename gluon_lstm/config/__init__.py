"""The configuration of a run: its options (``settings``), the presets, and files of settings."""

from gluon_lstm.config.files import read_config_file
from gluon_lstm.config.presets import PRESETS, preset
from gluon_lstm.config.settings import (
    CELL_ACTIVATIONS,
    ENCODERS,
    ENDS,
    IMPLEMENTATIONS,
    INPUT_INITIALIZERS,
    MOST_CHARACTERS,
    MOST_ROLLBACKS,
    MOST_STEPS,
    MOST_TOKENS,
    MOST_UNITS,
    POOLINGS,
    RECURRENT_INITIALIZERS,
    REPORT_SECTIONS,
    SECTIONS,
    TOKENIZERS,
    TRANSFORMER_HEADS,
    VIEWS,
    CheckpointInterval,
    Config,
    DataConfig,
    ModelConfig,
    RuntimeConfig,
    TextConfig,
    TrainingConfig,
    checkpoint_interval,
    flag,
    merge,
    value_type,
)
