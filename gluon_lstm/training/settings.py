"""What the steps of a training follow from, as its checkpoints hold it."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from gluon_lstm.config import SECTIONS, Config, flag
from gluon_lstm.data import DataSplits
from gluon_lstm.errors import RunError, shown

_FREE = {
    "data": ("dataset", "data_dir"),
    "text": ("validation_file", "test_file", "sentencepiece_model"),
    "model": ("embedding",),
    "training": ("patience", "on_divergence", "checkpoint_every", "keep_checkpoints"),
    "runtime": ("device", "threads"),
}
"""Options that may be others when a run goes on: where files are, when it ends, what is kept, and on what it runs."""


def step_settings(config: Config, splits: DataSplits) -> Dict[str, Dict[str, Any]]:
    """Returns the options that the steps of a training follow from, by section, and its samples' checksums."""
    sections = config.to_dict()
    settings = {
        name: {key: value for key, value in sections[name].items() if key not in _FREE.get(name, ())}
        for name in SECTIONS
    }
    if config.training.schedule != "cosine":  # which alone knows when the run ends
        del settings["training"]["epochs"]
    return {**settings, "splits": {split.split: split.fingerprint for split in (splits.train, splits.validation)}}


def check_settings(recorded: Mapping[str, Mapping[str, Any]], settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises RunError where a checkpoint's settings are not those of the training that would go on from it.

    Args:
        recorded: those of the checkpoint; what another release has not recorded is not compared.
        settings: those of the training.
    """
    for section, values in settings.items():
        before = recorded.get(section, {})
        for name, value in values.items():
            if name not in before or before[name] == value:
                continue
            if section == "splits":
                raise RunError(f"the checkpoint was written on another {name} split")
            raise RunError(f"the checkpoint was written with {flag(name)} {shown(before[name])}, not {shown(value)}")
