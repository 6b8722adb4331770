"""Arrays in safetensors files: what goes in comes out; see also ``nn/test_exchange.py`` for files that are damaged."""

from __future__ import annotations

import hashlib
import json
import struct

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


def test_a_file_that_is_not_the_one_recorded(tmp_path):
    content = pack_arrays({"a": np.ones(3)})
    (tmp_path / "file").write_bytes(content)
    read_arrays(tmp_path / "file", "train again", hashlib.sha256(content).hexdigest())
    with pytest.raises(RunError, match="file: damaged, its checksum is not the recorded one; train again$"):
        read_arrays(tmp_path / "file", "train again", "0" * 64)


def described(**changes):
    """Returns a file of three floats whose header says otherwise."""
    header = json.dumps({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12], **changes}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(12)


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<Q", 10**10) + b"{}", described(shape=[2_500_000_000], data_offsets=[0, 10**10]),
        described(shape=[2]), described(data_offsets=[12, 0]), described(data_offsets=[4, 16]), described(shape=[-3]),
        described(shape=[2**63, 0], data_offsets=[0, 0]), described(dtype="F99"), b"\x80\x04\x95", b"",
        struct.pack("<Q", 200_000) + b"[" * 200_000,
    ],
    ids=["long", "10 GB", "shape", "turned", "outside", "negative", "huge", "type", "pickle", "nothing", "deep"],
)  # fmt: skip
def test_headers_that_claim_what_is_not_there(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(RunError, match="file: cannot be read as a safetensors file .*; train again$") as caught:
        read_arrays(tmp_path / "file", "train again")
    assert "\n" not in str(caught.value)


def test_a_type_that_numpy_lacks(tmp_path):
    (tmp_path / "file").write_bytes(described(dtype="BF16", shape=[6]))
    with pytest.raises(RunError, match="holds numbers of a type that NumPy lacks"):
        read_arrays(tmp_path / "file", "train again")


def test_a_file_too_large_is_not_read(tmp_path):
    with open(tmp_path / "file", "wb") as file:
        file.truncate(2**32 + 1)
    with pytest.raises(RunError, match="larger than 4,294,967,296 bytes"):
        read_arrays(tmp_path / "file", "train again")
