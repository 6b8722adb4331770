import gzip
import io
import os
import struct
import tarfile
import zipfile

import pytest

from gluon_lstm.data.archives import Sizes, read_tar, read_zip

SIZES = Sizes(member=1_000, total=100_000)
FILES = {"a/one.txt": b"one", "a/two.txt": b"two\n" * 100, "other.bin": bytes(2_000)}
WANTED = {"a/one.txt", "a/two.txt"}.__contains__


def write_tar(path, files, changes=()):
    """Writes a gzipped tar archive; ``changes``: attributes of every member's header."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for attribute, value in changes:
                setattr(info, attribute, value)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_zip(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path


each_kind = pytest.mark.parametrize(
    "write, read", [(write_tar, read_tar), (write_zip, read_zip)], ids=["tar", "zip"]
)


@each_kind
def test_members_by_name(tmp_path, write, read):
    archive = write(tmp_path / "archive", FILES.items())
    assert read(archive, WANTED, SIZES) == {name: FILES[name] for name in ("a/one.txt", "a/two.txt")}
    assert list(tmp_path.iterdir()) == [archive]


@each_kind
def test_hostile_names_are_passed_over(tmp_path, write, read):
    names = ["../a/one.txt", "/a/one.txt", "a/../a/one.txt", "a/one.txt/", "A/ONE.TXT"]
    archive = write(tmp_path / "archive", [(name, b"" if name.endswith("/") else b"bad") for name in names])
    assert read(archive, WANTED, SIZES) == {}
    assert list(tmp_path.iterdir()) == [archive]


@each_kind
def test_a_member_too_large(tmp_path, write, read):
    archive = write(tmp_path / "archive", [("a/one.txt", bytes(1_001))])
    with pytest.raises(ValueError, match=r"a/one\.txt is larger than 1,000 bytes"):
        read(archive, WANTED, SIZES)


@each_kind
def test_members_too_large_together(tmp_path, write, read):
    archive = write(tmp_path / "archive", [(f"a/{number}", bytes(1_000)) for number in range(101)])
    with pytest.raises(ValueError, match="unpacks to more than 100,000 bytes"):
        read(archive, lambda name: True, SIZES)


@each_kind
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice(tmp_path, write, read):
    archive = write(tmp_path / "archive", [("a/one.txt", b"1"), ("a/one.txt", b"2")])
    with pytest.raises(ValueError, match="a/one.txt is in the archive twice"):
        read(archive, WANTED, SIZES)


def test_a_bomb_in_a_member_that_nobody_wants(tmp_path):
    archive = write_tar(tmp_path / "archive", [("bomb", bytes(10_000_000)), ("a/one.txt", b"one")])
    assert archive.stat().st_size < 20_000
    with pytest.raises(ValueError, match="unpacks to more than 100,000 bytes"):
        read_tar(archive, WANTED, SIZES)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_a_member_that_is_no_file(tmp_path, kind):
    archive = write_tar(tmp_path / "archive", [("a/one.txt", b"")], [("type", kind), ("linkname", "/etc/passwd")])
    with pytest.raises(ValueError, match="a/one.txt is not an ordinary file"):
        read_tar(archive, WANTED, SIZES)


@each_kind
@pytest.mark.parametrize("damage", ["truncated", "corrupt", "empty", "other"])
def test_a_damaged_archive(tmp_path, write, read, damage):
    archive = write(tmp_path / "archive", [("a/two.txt", bytes(range(256)) * 3)])
    content = bytearray(archive.read_bytes())
    if damage == "corrupt":
        content[len(content) // 2] ^= 0xFF
    changed = {"truncated": content[:-40], "corrupt": content, "empty": b"", "other": b"<html>Not found</html>"}
    archive.write_bytes(changed[damage])
    with pytest.raises(ValueError, match=r"damaged archive \(.+\)|unpacks to more"):
        read(archive, WANTED, SIZES)


def test_a_zip_archive_that_lies_about_sizes(tmp_path):
    archive = write_zip(tmp_path / "archive", [("a/one.txt", bytes(5_000))])
    size = (5_000).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(ValueError, match="damaged archive"):
        read_zip(archive, WANTED, SIZES)


def test_an_encrypted_zip_archive(tmp_path):
    archive = write_zip(tmp_path / "archive", [("a/one.txt", b"one")], zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(ValueError, match="damaged archive .*encrypted"):
        read_zip(archive, WANTED, SIZES)


def test_a_packing_that_can_ask_for_gigabytes_is_refused(tmp_path):
    archive = write_zip(tmp_path / "archive", [("a/one.txt", b"one")], zipfile.ZIP_LZMA)
    with pytest.raises(ValueError, match="a/one.txt is packed in a way that zip files seldom are"):
        read_zip(archive, WANTED, SIZES)


@each_kind
def test_a_pipe_is_not_waited_for(tmp_path, write, read):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not an ordinary file"):
        read(tmp_path / "pipe", WANTED, SIZES)


def test_headers_that_name_each_other_without_end(tmp_path):
    long = tarfile.TarInfo("././@LongLink")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 0
    with gzip.open(tmp_path / "archive", "wb", compresslevel=1) as file:
        file.write(long.tobuf(tarfile.GNU_FORMAT) * 150)
    with pytest.raises(ValueError, match="damaged archive|unpacks to more"):
        read_tar(tmp_path / "archive", WANTED, SIZES)


def test_a_packed_size_that_is_claimed_takes_no_memory(tmp_path):
    archive = write_zip(tmp_path / "archive", [("a/one.txt", b"one")], zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    place = content.index(b"PK\x01\x02") + 20  # packed size in the central directory
    content[place : place + 4] = struct.pack("<I", 2**32 - 2)
    archive.write_bytes(content)
    with pytest.raises(ValueError, match="a/one.txt is said to be larger than the archive"):
        read_zip(archive, WANTED, SIZES)


def test_a_length_beyond_all_numbers_in_an_extended_header(tmp_path):
    extended = tarfile.TarInfo("x")
    extended.type, record = tarfile.XHDTYPE, b"5 a=b\n" + b"9" * 30 + b" a=b\n"
    extended.size = len(record)
    with gzip.open(tmp_path / "archive", "wb") as file:
        file.write(extended.tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0") + bytes(1_024))
    with pytest.raises(ValueError, match="damaged archive"):
        read_tar(tmp_path / "archive", WANTED, SIZES)
