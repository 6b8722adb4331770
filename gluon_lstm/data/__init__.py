"""Data sets as labelled sequences, cut into splits and handed out in batches.

NumPy only: nothing here imports MXNet.
"""

from gluon_lstm.data.augmentation import Augmentation, OversizeError
from gluon_lstm.data.batching import check_batch, iterate_batches, num_batches
from gluon_lstm.data.dataset import Batch, DataSplits, SequenceDataset
from gluon_lstm.data.images import ImageDataset
from gluon_lstm.data.registry import (
    StoredSplits,
    dataset_names,
    find_data,
    load_split,
    load_splits,
    load_stored_splits,
)
from gluon_lstm.data.text import TextDataset, TextReader
from gluon_lstm.data.views import as_sequence, view_shape

__all__ = [
    "Augmentation",
    "Batch",
    "DataSplits",
    "ImageDataset",
    "OversizeError",
    "SequenceDataset",
    "StoredSplits",
    "TextDataset",
    "TextReader",
    "as_sequence",
    "check_batch",
    "dataset_names",
    "find_data",
    "iterate_batches",
    "load_split",
    "load_splits",
    "load_stored_splits",
    "num_batches",
    "view_shape",
]
