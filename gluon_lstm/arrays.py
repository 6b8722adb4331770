"""Arrays by name in safetensors files: the only reader and writer of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Dict, Mapping

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from gluon_lstm.bounded import WEIGHT_BYTES, read_file
from gluon_lstm.errors import RunError


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Returns arrays by name as the content of a safetensors file."""
    # The format stores bytes as they lie in memory, which for a transposed view are in another order.
    return safetensors.numpy.save({name: np.asarray(array, order="C") for name, array in arrays.items()})


def unpack_arrays(content: bytes) -> Dict[str, np.ndarray]:
    """Returns the arrays that ``pack_arrays`` made ``content`` of.

    Raises:
        ValueError: it made none of it.
        TypeError: an array is of a type that NumPy does not have.
    """
    try:
        return safetensors.numpy.load(content)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    except (KeyError, AttributeError) as error:
        raise TypeError(str(error)) from error


def read_arrays(path: Path, advice: str, checksum: Any = None) -> Dict[str, np.ndarray]:
    """Returns the arrays of a safetensors file by name.

    Args:
        path: the file.
        advice: what to do where it cannot be read, for the end of the error's line.
        checksum: SHA-256 that the file must have, in hexadecimal; any if ``None``.

    Raises:
        RunError: the file cannot be read, is too large, damaged, or holds a type that NumPy does not have.
    """
    try:
        content = read_file(path, WEIGHT_BYTES)
        if checksum is not None and hashlib.sha256(content).hexdigest() != checksum:
            raise RunError(f"{path}: damaged, its checksum is not the recorded one; {advice}")
        return unpack_arrays(content)
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read as a safetensors file ({error}); {advice}") from error
    except TypeError as error:
        raise RunError(f"{path}: holds numbers of a type that NumPy lacks ({error}); save them as float32") from error
