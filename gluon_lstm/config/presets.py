"""The presets: named settings for a purpose, each as what it changes of the defaults."""

from __future__ import annotations

from typing import Any, Dict

from gluon_lstm.config.settings import Config, merge, suggest
from gluon_lstm.errors import ConfigError

_ARTICLE = {
    "data": {"augment_shift": 0},
    "model": {
        "hidden_size": 50, "bidirectional": False, "dropout": 0.0, "pooling": "last", "head_size": 256,
        "cell_activation": "relu",
    },
    "training": {
        "epochs": 5, "batch_size": 32, "learning_rate": 0.001, "clip_norm": 0.0, "schedule": "constant",
        "warmup_epochs": 0.0,
    },
    # Arrays this small are done sooner by one thread than shared out between two.
    "runtime": {"threads": 1},
}  # fmt: skip

PRESETS: Dict[str, Dict[str, Any]] = {
    "default": {},
    "article": _ARTICLE,
    "article-cell": {
        **_ARTICLE,
        "model": {**_ARTICLE["model"], "head_size": 64, "cell_activation": "tanh", "implementation": "cell"},
    },
    "best": {
        "data": {
            "view": "rows+columns", "augment_shift": 2, "augment_rotate": 8.0, "augment_scale": 0.1,
            "augment_elastic": 0.8,
        },
        "model": {"hidden_size": 96, "num_layers": 2, "groups": 2, "dropout": 0.0},
        "training": {"epochs": 20, "learning_rate": 0.003, "warmup_epochs": 1.0, "ema_decay": 0.998},
    },  # fmt: skip
    "sequential": {
        "data": {"view": "pixels", "augment_shift": 0},
        "model": {
            "bidirectional": False, "dropout": 0.1, "pooling": "last", "chrono_steps": 100,
            "input_initializer": "lecun",
        },
        "training": {
            "epochs": 24, "batch_size": 64, "learning_rate": 0.006, "warmup_epochs": 0.2, "ema_decay": 0.999,
            "checkpoint_every": "10m",
        },
        # So that it runs beside other work for hours; one sequence's step waits for the one before.
        "runtime": {"threads": 1},
    },  # fmt: skip
    "text": {
        "text": {"lowercase": False, "word_dropout": 0.1},
        "model": {
            "embedding_dropout": 0.5, "ngrams": 3, "character_ngrams": 6, "dropout": 0.5, "pooling": "max",
        },
        "training": {"epochs": 6, "batch_size": 32, "ema_decay": 0.99},
        # Steps this small are done sooner by one thread than shared out between two.
        "runtime": {"threads": 1},
    },  # fmt: skip
    "long-text": {
        "text": {"lowercase": False, "word_dropout": 0.1},
        "model": {"embedding_dropout": 0.5, "ngrams": 3, "dropout": 0.5, "pooling": "max"},
        "training": {"epochs": 3, "batch_size": 32, "ema_decay": 0.99},
    },  # fmt: skip
}
"""Changes that each preset makes to the defaults, which are those of ``default``."""


def preset(name: str) -> Config:
    """Returns the configuration of a preset.

    Raises:
        ConfigError: no such preset.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise ConfigError(f"--preset {name}: no such preset{suggest(name, PRESETS)}")
    return merge(Config(preset=name), PRESETS[name], f"preset {name}")
