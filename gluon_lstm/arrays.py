"""Arrays by name in safetensors files: the only reader and writer of them."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Mapping

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from gluon_lstm.errors import RunError


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Returns arrays by name as the content of a safetensors file."""
    # The format stores bytes as they lie in memory, which for a transposed view are in another order.
    return safetensors.numpy.save({name: np.asarray(array, order="C") for name, array in arrays.items()})


def unpack_arrays(content: bytes) -> Dict[str, np.ndarray]:
    """Returns the arrays that ``pack_arrays`` made ``content`` of."""
    return safetensors.numpy.load(content)


def read_arrays(path: Path, advice: str) -> Dict[str, np.ndarray]:
    """Returns the arrays of a safetensors file by name.

    Args:
        path: the file.
        advice: what to do where it cannot be read, for the end of the error's line.

    Raises:
        RunError: the file cannot be read, is damaged, or holds a type that NumPy does not have.
    """
    try:
        return unpack_arrays(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise RunError(f"{path}: cannot be read as a safetensors file ({error}); {advice}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path}: holds numbers of a type that NumPy lacks ({error}); save them as float32") from error
