"""Arrays in safetensors files: what goes in comes out; see also ``nn/test_exchange.py`` for files that are damaged."""

from __future__ import annotations

import numpy as np
import pytest

from gluon_lstm.arrays import pack_arrays, read_arrays
from gluon_lstm.errors import RunError


def test_arrays_come_back_as_they_were(rng, tmp_path):
    matrix = rng.normal(size=(3, 4))
    arrays = {"transposed": matrix.T, "reversed": matrix[::-1], "number": np.float32(2.5), "none": np.zeros((0, 2))}
    (tmp_path / "file").write_bytes(pack_arrays(arrays))
    found = read_arrays(tmp_path / "file", "save it again")
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[name], array)


def test_a_file_that_cannot_be_read_is_told_with_what_to_do(tmp_path):
    with pytest.raises(RunError, match=r"nothing: cannot be read as a safetensors file \(.*\); train again$"):
        read_arrays(tmp_path / "nothing", "train again")
