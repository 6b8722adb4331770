"""Every reader of files, with valid contents to start from. A further reader is one more line of ``READERS``."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import io
import json
import struct
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple, Type

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gluon_lstm.arrays import pack_arrays
from gluon_lstm.config import PRESETS, Config, merge, preset, read_config_file
from gluon_lstm.data import originals, texts
from gluon_lstm.data.archives import Sizes, read_tar, read_zip
from gluon_lstm.data.encoding import TextFormat, Tokenization
from gluon_lstm.data.formats import ImageFormat, read_format
from gluon_lstm.data.idx import read_idx
from gluon_lstm.data.lines import open_lines, read_lines
from gluon_lstm.data.ngrams import NgramModel
from gluon_lstm.data.pictures import read_pictures
from gluon_lstm.data.tables import Columns, read_texts
from gluon_lstm.data.tokenizers import make_tokenizer, read_sentencepiece_model
from gluon_lstm.errors import UserError
from gluon_lstm.rundir import FittedTemperature, RepeatsDirectory, RunDirectory, SavedModel, read_temperature
from gluon_lstm.rundir.checkpoints import Checkpoint, Checkpoints, Counts
from gluon_lstm.rundir.files import CURVES, read_json
from gluon_lstm.rundir.model import read_model, write_model

ROOT = Path(__file__).resolve().parents[2]

JSON_TOKENS = (
    b"NaN", b"-Infinity", b"1e999", b"null", b"true", b"[", b"{", b'{"a":', b"]", b"}", b",", b":", b'"', b"\\",
    b"\\ud800", b"\\u0000", b"\0", b"\xff", b"\xef\xbb\xbf", b"[" * 100_000, b'{"a":' * 20_000, b"-1", b"version",
    b'"version": 2,', b"\n",
)  # fmt: skip
YAML_TOKENS = (
    b"&a ", b"*a", b"<<: *a", b"<<: [*a, *a]", b"- ", b"? ", b": ", b"\n", b"\n  ", b"\t", b"|", b">", b"%YAML 1.1\n",
    b"---\n", b"!!python/object/apply:os.system [id]", b"!!binary aGk=", b"!!set {a}", b"!!omap [a: 1]", b"!!float x",
    b"!!int x", b"!!timestamp 1", b"2001-99-99", b"1:60:99", b"0x" + b"f" * 5_000, b"[", b"]", b"{", b"}", b"'", b'"',
    b"\\x", b".inf", b".nan", b"~", b"=", b"#", b"\x85", b"\xe2\x80\xa8", b"\0", b"\xff", b"data: ", b"model: ",
)  # fmt: skip
TABLE_TOKENS = (
    b'"', b'""', b",", b";", b"\t", b"\r", b"\n", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b" ",
    b"text", b"label", b",\n,", b'"\n', b'{"text": "a", "label": NaN}\n', b"\xe2\x80\xa8", b"\\", b"'", b"1e999",
)  # fmt: skip
VECTOR_TOKENS = (
    b" ", b"\n", b"\r", b"\t", b"nan", b"inf", b"1e999", b"1_0", b"0x10", b"the ", b"2 3\n", b"9" * 5_000, b"\0",
    b"\xff", b"\xc2\xa0", b"\xd9\xa3", b"-", b"e", b"1 " * 3_000,
)  # fmt: skip
BINARY_TOKENS = (b"\0", b"\xff", b"\0" * 8, b"\xff" * 8, b"\x80\x04\x95", b"PK\x03\x04", b"\x1f\x8b\x08")
ARRAY_TOKENS = (
    *JSON_TOKENS, b'"dtype":"BF16"', b'"dtype":"F64"', b'"dtype":"I64"', b'"dtype":"BOOL"', b'"shape":[]',
    b'"shape":[0,4611686018427387904]', b'"shape":[18446744073709551615]', b'"data_offsets":[0,10000000000]',
    b'"data_offsets":[8,0]', b'"__metadata__":{"a":"b"},', b"ngrams.", b"\0\0\xc0\x7f",
)  # fmt: skip
PNG_TOKENS = (
    b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"zTXt", b"iTXt", b"acTL", b"fcTL", b"fdAT", b"eXIf", b"gAMA", b"IEND",
    b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x08", b"x\x9c\xed\xc1\x01\x01",
)  # fmt: skip


class Reader(NamedTuple):
    """A reader, and what it is tried on.

    Attributes:
        name: of the file that it reads.
        seeds: gives valid contents of the file.
        read: reads the file at a path; may only raise what ``raises`` has.
        tokens: what means something in the format.
        repairs: what is done to a mutated content, one of these at random, so that it gets past checksums.
        raises: the errors that the reader tells with.
    """

    name: str
    seeds: Callable[[], List[bytes]]
    read: Callable[[Path], Any]
    tokens: Sequence[bytes] = BINARY_TOKENS
    repairs: Sequence[Callable[[bytes], bytes]] = (bytes,)
    raises: Tuple[Type[Exception], ...] = (UserError,)


def read_all_lines(path: Path, encoding: str = "utf-8") -> None:
    """Reads the lines of a file, a piece at a time."""
    with open_lines(path) as stream:
        for _ in read_lines(stream, str(path), encoding):
            pass


def pack(content: bytes) -> bytes:
    """Returns a content gzipped."""
    return gzip.compress(content, 1, mtime=0)


def png_with_checksums(content: bytes) -> bytes:
    """Returns a PNG file with the checksum that each chunk ought to have."""
    parts, place = [content[:8]], 8
    while place + 12 <= len(content):
        size = struct.unpack(">I", content[place : place + 4])[0]
        body = content[place + 4 : place + 8 + size]
        parts += [content[place : place + 4], body, struct.pack(">I", zlib.crc32(body))]
        place += 12 + size
    return b"".join(parts)


def tar_with_checksums(content: bytes) -> bytes:
    """Returns a tar archive whose headers have the checksums that they ought to have, gzipped."""
    blocks = bytearray(content)
    for start in range(0, len(blocks) - 511, 512):
        if blocks[start + 257 : start + 262] == b"ustar":
            blocks[start + 148 : start + 156] = b" " * 8
            blocks[start + 148 : start + 156] = b"%06o\0 " % sum(blocks[start : start + 512])
    return pack(bytes(blocks))


def idx_files() -> List[bytes]:
    """Returns IDX files of images."""
    return [
        struct.pack(">HBB3I", 0, 8, 3, *shape) + bytes(i % 17 for i in range(shape[0] * shape[1] * shape[2]))
        for shape in ((3, 8, 8), (1, 2, 5))
    ]


def tables(separator: bytes) -> List[bytes]:
    """Returns files of labelled texts with a separator between the columns."""
    rows = [b"text|label", b"a good film|1", b'"bad, ""really"" bad\nfilm"|0', b"|1", "好|0".encode(), b"x|1"]
    return [b"\n".join(rows).replace(b"|", separator) + b"\n", b"\r\n".join(rows[:3]).replace(b"|", separator)]


def json_lines() -> List[bytes]:
    """Returns JSON Lines of labelled texts."""
    rows = [{"text": "a good film", "label": 1}, {"text": "坏", "label": "0", "more": [1, {"a": None}]}, {"text": ""}]
    return [b"".join(json.dumps(row).encode() + b"\n" for row in rows[:size]) for size in (2, 3)]


def plain_lines() -> List[bytes]:
    """Returns lines of text."""
    return ["one text\nanother\r\n\n好的\nlast".encode(), b"\xef\xbb\xbfmarked\n"]


def questions() -> List[bytes]:
    """Returns questions as TREC has them."""
    return ["DESC:manner How does it work ?\nLOC:city Which sister\xf0city is it ?\n".encode("latin-1")]


def trees() -> List[bytes]:
    """Returns sentences as the Stanford treebank has them."""
    return [b"(3 (2 It) (4 (2 really) (3 works)))\n(2 (2 -LRB-) (2 and\\/or))\n"]


def results() -> List[bytes]:
    """Returns the results of a claim."""
    content = json.loads((ROOT / "docs" / "article" / "cell.json").read_text(encoding="utf-8"))
    return [json.dumps(content, indent=indent).encode() for indent in (None, 2)]


def read_and_judge_results(path: Path) -> None:
    """Reads a claim's results, judges them anew, and writes the page and the index."""
    from gluon_lstm.article import CLAIMS, ResultsDirectory
    from gluon_lstm.article.claim import Record
    from gluon_lstm.article.pages import render_index, render_page
    from gluon_lstm.article.reproduce import told_as_damage
    from gluon_lstm.article.translation import ENGLISH, make_translator

    claim = CLAIMS[path.stem]
    content = ResultsDirectory(path.parent, CLAIMS).read(claim.id)
    with told_as_damage(path):
        claim.judge([Record(**record) for record in content["runs"]])
    if content["verdict"]:
        render_page(claim, content, make_translator(ENGLISH), {ENGLISH: ""})
        render_index({claim.id: content}, make_translator(ENGLISH), {ENGLISH: ""})


def vectors() -> List[bytes]:
    """Returns files of word vectors, with and without the line that tells their sizes."""
    rows = b"the 0.1 -0.2 3e-1\nof 1 2 3\n"
    return [rows, b"3 3\n" + rows + b"windows 10 0.5 0.5 0.5\n"]


def read_word_vectors(path: Path) -> None:
    """Reads the vectors of a few words."""
    from gluon_lstm.data.vectors import read_vectors

    read_vectors(str(path), TOKENS)


def json_settings() -> List[bytes]:
    """Returns what ``config.json`` holds of runs of each preset, with a record of what they ran on."""
    record = {"dataset": {"class_names": ["a", "b"], "splits": {"train": {"samples": 3, "sha256": "0" * 64}}},
              "environment": {"threads": "2"}}  # fmt: skip
    return [json.dumps({**preset(name).to_dict(), **record}, indent=2).encode() for name in PRESETS]


def yaml_settings() -> List[bytes]:
    """Returns settings as a person writes them."""
    return [
        b"preset: default\ndata: &a {view: columns, split_seed: 1}\nmodel:\n  hidden_size: 64  # units\n"
        b"  dropout: 0.1\ntraining: {epochs: 3, learning_rate: 1e-3}\n",
        b"version: 1\ntext:\n  lowercase: false\n  text_column: 'body'\nmodel: {encoder: gru, groups: 1}\n",
    ]


TOKENS = ("<unk>", "<pad>", "the", "film", "好")
NGRAMS = NgramModel((2, 0), np.array([1, 5, 2**63], np.uint64), np.ones((3, 2), np.float32), np.ones(2, np.float32))
TEXT_MODEL = SavedModel(
    parameters={"embedding.weight": np.arange(10, dtype=np.float32).reshape(5, 2), "bias": np.ones(2, np.float32)},
    class_names=("no", "yes"),
    step_shape=(None, 5),
    input_format={"kind": "text", **TextFormat(Tokenization("words", True, 40, "start"), TOKENS).to_dict()},
    epoch=3,
    validation_accuracy=0.5,
    validation_loss=0.25,
    ngrams=NGRAMS,
)
IMAGES = ImageFormat(8, 8, 16, "rows")
IMAGE_MODEL = replace(TEXT_MODEL, step_shape=(8, 8), input_format={"kind": "image", **IMAGES._asdict()})


def model_files(name: str) -> List[bytes]:
    """Returns a file of the folder ``model/`` as two models have it."""
    contents = []
    for model in (TEXT_MODEL, IMAGE_MODEL):
        with tempfile.TemporaryDirectory() as folder:
            write_model(Path(folder), model)
            if (Path(folder) / name).exists():
                contents.append((Path(folder) / name).read_bytes())
    return contents


def read_model_with(path: Path, checksum: Optional[str] = None) -> None:
    """Reads a model of which a file is another; ``checksum``: the name of the file's own in ``model.json``, if any."""
    folder = path.parent / "model"
    if not folder.exists():
        folder.mkdir()
        write_model(folder, TEXT_MODEL)
    (folder / path.name).write_bytes(path.read_bytes())
    if checksum:
        described = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        described[checksum] = hashlib.sha256(path.read_bytes()).hexdigest()
        (folder / "model.json").write_text(json.dumps(described), encoding="utf-8")
    model = read_model(folder)
    read_format(model.input_format, "model.json")
    if checksum == "sha256":
        from gluon_lstm.nn import check_arrays

        check_arrays(small_net(), model.parameters, "model")


CHECKPOINT = Checkpoint(
    step=7, epoch=2, epoch_step=3, counts=Counts(samples=30, loss=1.5, correct=4), updates=7, averaged=0, rollbacks=0,
    log=({"epoch": 1, "best": True, "validation_accuracy": 0.5, "validation_loss": 1.25},),
    arrays={"parameters.bias": np.ones(2, np.float32), "optimizer.bias.0": np.zeros(2, np.float32)},
    settings={"training": {"epochs": 2}},
)  # fmt: skip


def checkpoint_files(name: str) -> List[bytes]:
    """Returns a file of a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        Checkpoints(Path(folder)).save(CHECKPOINT)
        return [next(Path(folder).rglob(name)).read_bytes()]


def read_checkpoint_with(path: Path) -> None:
    """Reads a checkpoint of which a file is another, whose checksum the manifest has."""
    checkpoints = Checkpoints(path.parent / "checkpoints")
    if not checkpoints.entries():
        checkpoints.save(CHECKPOINT)
    (entry,) = checkpoints.entries()
    folder = path.parent / "checkpoints" / entry.name
    (folder / path.name).write_bytes(path.read_bytes())
    if path.name != "manifest.json":
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        manifest["sha256"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    checkpoints.read(entry)


def plans() -> List[bytes]:
    """Returns the plan of several runs."""
    runs = {f"seed-{seed}": merge(Config(), {"runtime": {"seed": seed}}).to_dict() for seed in range(2)}
    return [json.dumps({"version": 1, "threads": 2, "runs": runs}, indent=2).encode()]


@cache
def small_net():
    """Returns a block whose parameters have the names and shapes of the models'."""
    import mxnet as mx

    block = mx.gluon.nn.HybridSequential()
    block.embedding = mx.gluon.nn.Embedding(5, 2)
    block.bias = block.params.get("bias", shape=(2,))
    return block


def logs() -> List[bytes]:
    """Returns the log of a training."""
    record = {"epoch": 1, "train_loss": 1.5, "train_accuracy": 0.25, "validation_loss": 2, "validation_accuracy": 0.5,
              "gradient_norm": None, "best": True}  # fmt: skip
    return [b"".join(json.dumps({**record, "epoch": epoch}).encode() + b"\n" for epoch in range(1, 4))]


def read_log_and_draw(path: Path) -> None:
    """Reads a run's log, and takes of it what its report draws."""
    for record in RunDirectory(path.parent).read_log():
        np.array([record.get(name) for name in CURVES], float)


FITTED = FittedTemperature(1.25, 500, 30, 0.4, 0.39, "0" * 64)


def temperatures() -> List[bytes]:
    """Returns the temperature of a run."""
    return [json.dumps({"version": 1, **FITTED._asdict()}, indent=2).encode()]


def read_temperature_with(path: Path) -> None:
    """Reads a run's temperature, and scales with it."""
    (path.parent / "evaluation").mkdir(exist_ok=True)
    (path.parent / "evaluation" / path.name).write_bytes(path.read_bytes())
    fitted = read_temperature(RunDirectory(path.parent), FITTED.model_sha256)
    if fitted is not None:
        assert np.isfinite(np.log(np.array([1e-45, 0.5])) / fitted.temperature).all()
        f"{fitted.temperature:.4f} {fitted.samples:,} {fitted.nll:.4f} {fitted.nll_scaled:.4f}"


def pngs() -> List[bytes]:
    """Returns PNG files of several modes, with and without further chunks."""
    contents = []
    for mode, options in (
        ("L", {}), ("RGBA", {}), ("P", {"transparency": 3}), ("1", {}), ("I;16", {}),
        ("RGB", {"icc_profile": b"x" * 99}),
    ):  # fmt: skip
        info = PngInfo()
        info.add_text("comment", "z" * 99, zip=True)
        file = io.BytesIO()
        Image.new(mode, (8, 8)).save(file, "PNG", pnginfo=info if mode == "L" else None, **options)
        contents.append(file.getvalue())
    return contents


FILES = {"a/one.txt": b"one", "a/two.txt": b"two\n" * 100, "other.bin": bytes(600)}
SIZES = Sizes(member=1_000, total=100_000)


def tars() -> List[bytes]:
    """Returns tar archives, not yet gzipped, in the formats there are."""
    contents = []
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=form) as archive:
            for name, content in [*FILES.items(), ("x" * 60 + "/" + "ä" * 40, b"long name")]:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        contents.append(file.getvalue())
    return contents


def zips() -> List[bytes]:
    """Returns zip archives, stored and deflated."""
    contents = []
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", packing) as archive:
            for name, content in FILES.items():
                archive.writestr(zipfile.ZipInfo(name), content, packing)
        contents.append(file.getvalue())
    return contents


def cached_tokens() -> List[bytes]:
    """Returns the arrays of cut texts, without the checksum before them."""
    found = np.frombuffer(json.dumps(TOKENS).encode(), np.uint8)
    numbers, offsets = np.array([2, 3, 4, 2], np.int32), np.array([0, 1, 4])
    return [pack_arrays({"found": found, "numbers": numbers, "offsets": offsets})]


def with_digest(content: bytes) -> bytes:
    """Returns a content behind its checksum."""
    return hashlib.sha256(content).digest() + content


def read_cached_tokens(path: Path) -> None:
    """Reads cut texts from the cache, and numbers them as a vocabulary does."""
    tokens = texts._read_cached(path)
    if tokens is not None:
        format_of_models = read_format(TEXT_MODEL.input_format, "model")
        format_of_models.numericalize(tokens).take(np.arange(len(tokens.sequences.lengths)))


def pieces() -> List[bytes]:
    """Returns a SentencePiece model."""
    sentencepiece = importlib.import_module("sentencepiece")
    words = [first + second for first in ("un", "re", "pre", "over") for second in ("do", "make", "view", "load")]
    lines = [" ".join(words[start:] + words[:start]) for start in range(len(words))]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=30, num_threads=1, minloglevel=2
    )
    return [model.getvalue()]


def cut_with_pieces(path: Path) -> None:
    """Reads a SentencePiece model and cuts texts with it."""
    cut = make_tokenizer("sentencepiece", True, read_sentencepiece_model(str(path)))
    for text in ("undo the preview", "好 \u200b\U0001f680 ﬁ", "\ud800"):
        cut(text)


READERS: Dict[str, Reader] = {
    "idx": Reader("images-ubyte", idx_files, lambda path: read_idx(path, 3), repairs=(bytes, pack)),
    "csv": Reader("a.csv", partial(tables, b","), lambda path: read_texts(path, Columns()), TABLE_TOKENS),
    "tsv": Reader("a.tsv", partial(tables, b"\t"), lambda path: read_texts(path, Columns()), TABLE_TOKENS),
    "csv.gz": Reader("a.csv.gz", lambda: [pack(c) for c in tables(b",")], lambda path: read_texts(path, Columns())),
    "jsonl": Reader("a.jsonl", json_lines, lambda path: read_texts(path, Columns()), JSON_TOKENS),
    "lines": Reader("a.txt", plain_lines, read_all_lines, TABLE_TOKENS),
    "lines.gz": Reader("a.txt.gz", plain_lines, read_all_lines, TABLE_TOKENS, (pack,)),
    "lines in utf-16": Reader("a.txt", lambda: [c.decode().encode("utf-16") for c in plain_lines()],
                              partial(read_all_lines, encoding="utf-16"), TABLE_TOKENS),
    "unlabelled": Reader("a.jsonl", json_lines, lambda path: read_texts(path, Columns(), labelled=False), JSON_TOKENS),
    "questions": Reader("a.label", questions, lambda path: originals.read_questions(path.read_bytes()),
                        (b":", b" ", b"\n", b"\xf0", b"DESC:"), raises=(ValueError,)),
    "trees": Reader("trees.txt", trees, lambda path: originals.read_trees(path.read_bytes(), originals.SENTIMENTS),
                    (b"(", b")", b"(2 ", b"\n", b"-LRB-", b"\\/", b"\xff", b"(9 x)"), raises=(ValueError,)),
    "results": Reader("cell.json", results, read_and_judge_results, JSON_TOKENS),
    "vectors": Reader("a.vec", vectors, read_word_vectors, VECTOR_TOKENS),
    "settings.yaml": Reader("a.yaml", yaml_settings, lambda path: merge(Config(), read_config_file(path)), YAML_TOKENS),
    "config.json": Reader("config.json", json_settings, lambda p: RunDirectory(p.parent).read_config(), JSON_TOKENS),
    "model.json": Reader("model.json", partial(model_files, "model.json"), read_model_with, JSON_TOKENS),
    "vocabulary": Reader("vocabulary.json", partial(model_files, "vocabulary.json"),
                         partial(read_model_with, checksum="vocabulary_sha256"), JSON_TOKENS),
    "parameters": Reader("parameters.safetensors", partial(model_files, "parameters.safetensors"),
                         partial(read_model_with, checksum="sha256"), ARRAY_TOKENS),
    "manifest": Reader("manifest.json", partial(checkpoint_files, "manifest.json"), read_checkpoint_with, JSON_TOKENS),
    "state": Reader("state.json", partial(checkpoint_files, "state.json"), read_checkpoint_with, JSON_TOKENS),
    "arrays": Reader("arrays.safetensors", partial(checkpoint_files, "arrays.safetensors"), read_checkpoint_with,
                     ARRAY_TOKENS),
    "plan": Reader("plan.json", plans, lambda path: RepeatsDirectory(path.parent).read_plan(), JSON_TOKENS),
    "log": Reader("log.jsonl", logs, read_log_and_draw, JSON_TOKENS),
    "temperature": Reader("temperature.json", temperatures, read_temperature_with, JSON_TOKENS),
    "summary": Reader("summary.json", json_settings, read_json, JSON_TOKENS),
    "png": Reader("a.png", pngs, lambda p: read_pictures(p, IMAGES), PNG_TOKENS, (bytes, png_with_checksums)),
    "tar": Reader("a.tar.gz", tars, lambda path: read_tar(path, FILES.__contains__, SIZES),
                  repairs=(pack, tar_with_checksums), raises=(ValueError,)),
    "zip": Reader("a.zip", zips, lambda path: read_zip(path, FILES.__contains__, SIZES), raises=(ValueError,)),
    "tokens": Reader("a.tokens", cached_tokens, read_cached_tokens, ARRAY_TOKENS, (with_digest,)),
    "sentencepiece": Reader("a.model", pieces, cut_with_pieces),
}  # fmt: skip
