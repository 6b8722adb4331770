import functools
import gzip
import hashlib
import io
import json
import os
import socket
import tarfile
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gluon_lstm.config import Config, DataConfig
from gluon_lstm.data import corpus_downloads, originals
from gluon_lstm.data.corpora import CORPORA, find_corpus, read_corpus
from gluon_lstm.data.corpus_downloads import HOMELESS, HOMES, Content, Home, digest_samples
from gluon_lstm.data.originals import Sample
from gluon_lstm.errors import ConfigError, DataError


def make_tar(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def make_zip(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


TREES = {
    "__MACOSX/trees/._train.txt": b"",
    "trees/train.txt": "(3 (2 A) (3 rôle))\n(2 (2 so) (2 so))\n(0 (1 bad) (2 .))\n(4 great)\n(1 poor)".encode(),
    "trees/dev.txt": b"(1 (2 -LRB-) (1 no))\n(3 yes)\n",
    "trees/test.txt": b"(4 (4 fine) (2 .))\n(0 worst)\n(2 well)\n",
}
REVIEWS = {
    "aclImdb/README": b"",
    "aclImdb/train/unsup/0_0.txt": b"unlabelled",
    "aclImdb/train/pos/1_9.txt": "Très bon.<br /><br />Go!".encode(),
    "aclImdb/train/neg/0_2.txt": b"Bad.",
    "aclImdb/test/neg/0_1.txt": b"Worse.",
    "aclImdb/test/pos/0_8.txt": b"Good.",
}
ORIGINALS = {
    "train_5500.label": b"DESC:manner How ?\nLOC:city Which sister\xf0city ?\nLOC:other Where ?\n",
    "TREC_10.label": b"LOC:city What town ?\nDESC:def What is it ?\n",
    "trainDevTestTrees_PTB.zip": make_zip(TREES),
    "rt-polaritydata.tar.gz": make_tar(
        {"rt-polaritydata/rt-polarity.neg": b"so \x97 so \nbad \n", "rt-polaritydata/rt-polarity.pos": b"clich\xe9 \n"}
    ),
    "rotten_imdb.tar.gz": make_tar({"quote.tok.gt9.5000": b"moving . \n", "plot.tok.gt9.5000": b"he walks .\n"}),
    "aclImdb_v1.tar.gz": make_tar(REVIEWS),
}
CONVERTED = {
    "trec": {
        "train": [("How ?", "DESC"), ("Which sister city ?", "LOC"), ("Where ?", "LOC")],
        "test": [("What town ?", "LOC"), ("What is it ?", "DESC")],
    },
    "sst2": {
        "train": [("A rôle", "positive"), ("bad .", "negative"), ("great", "positive"), ("poor", "negative")],
        "dev": [("( no", "negative"), ("yes", "positive")],
        "test": [("fine .", "positive"), ("worst", "negative")],
    },
    "sst5": {
        "train": [
            ("A rôle", "positive"),
            ("so so", "neutral"),
            ("bad .", "very negative"),
            ("great", "very positive"),
            ("poor", "negative"),
        ],
        "dev": [("( no", "negative"), ("yes", "positive")],
        "test": [("fine .", "very positive"), ("worst", "very negative"), ("well", "neutral")],
    },
    "mr": {"all": [("so — so", "negative"), ("bad", "negative"), ("cliché", "positive")]},
    "subj": {"all": [("he walks .", "objective"), ("moving .", "subjective")]},
    "imdb": {
        "train": [("Bad.", "negative"), ("Très bon.<br /><br />Go!", "positive")],
        "test": [("Worse.", "negative"), ("Good.", "positive")],
    },
}


def content_of(pairs, has_digest):
    samples = [Sample(*pair) for pair in pairs]
    labels = [sample.label for sample in samples]
    digest = digest_samples(samples) if has_digest else None
    return Content({label: labels.count(label) for label in labels}, digest)


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *_):
        return None


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Keeps the tests from the user's folders."""
    monkeypatch.delenv("GLUON_LSTM_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(corpus_downloads, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path, monkeypatch, cache):
    """The folder that is served in place of the corpora's homes: two mirrors of tiny originals."""
    for mirror in ("first", "second"):
        (tmp_path / "www" / mirror).mkdir(parents=True)
        for name, content in ORIGINALS.items():
            (tmp_path / "www" / mirror / name).write_bytes(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path / "www")))
    server.handle_error = lambda *_: None  # of clients that hang up on what is too large
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    for name, home in HOMES.items():
        monkeypatch.setitem(corpus_downloads.HOMES, name, tiny_home(name, home, address))
    yield tmp_path / "www"
    server.shutdown()
    server.server_close()


def tiny_home(name, home, address):
    """Returns a home as the real one, with the tiny originals' addresses, sizes and checksums."""
    files = [
        original._replace(
            urls=tuple(f"{address}/{mirror}/{original.name}" for mirror in ("first", "second")),
            max_bytes=len(ORIGINALS[original.name]) if original.digest else original.max_bytes,
            digest=original.digest and hashlib.sha256(ORIGINALS[original.name]).hexdigest(),
        )
        for original in home.originals
    ]
    contents = {
        file: content_of(pairs, home.contents[file].digest is not None) for file, pairs in CONVERTED[name].items()
    }
    return Home(tuple(files), home.convert, contents)


def read_lines(folder):
    """Returns the pairs of each file in a folder."""
    files = {path.name.removesuffix(".jsonl.gz"): gzip.decompress(path.read_bytes()) for path in folder.iterdir()}
    objects = {file: [json.loads(line) for line in content.splitlines()] for file, content in files.items()}
    return {file: [(line["text"], line["label"]) for line in lines] for file, lines in objects.items()}


def test_every_corpus_has_a_home_or_a_reason():
    assert {*HOMES, *HOMELESS} == set(CORPORA)
    for name, home in HOMES.items():
        assert set(home.contents) == {file for file in CORPORA[name] if file}
        assert all(url.startswith("https://") for original in home.originals for url in original.urls)
        assert all(original.digest for original in home.originals) or len(home.originals) == 1


def test_numbers_of_texts():
    totals = {
        name: [sum(content.counts.values()) for content in home.contents.values()] for name, home in HOMES.items()
    }
    assert totals == {
        "trec": [5_452, 500],
        "sst2": [6_920, 872, 1_821],
        "sst5": [8_544, 1_101, 2_210],
        "mr": [10_662],
        "subj": [10_000],
        "imdb": [25_000, 25_000],
    }


@pytest.mark.parametrize("name", CONVERTED)
def test_downloads_and_converts(server, cache, name):
    folder = find_corpus(name, None)
    assert folder == cache / name
    assert read_lines(folder) == CONVERTED[name]
    assert sorted(path.name for path in (cache / "originals").iterdir()) == sorted(
        original.name for original in HOMES[name].originals
    )


def test_converts_once(server, cache):
    folder = find_corpus("trec", None)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    for path in (cache / "originals").iterdir():
        path.unlink()
    assert find_corpus("trec", None) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_the_same_bytes_every_time(server, cache):
    first = {path.name: path.read_bytes() for path in find_corpus("sst5", None).iterdir()}
    for name in first:
        (cache / "sst5" / name).unlink()
    assert {path.name: path.read_bytes() for path in find_corpus("sst5", None).iterdir()} == first
    assert all(content[4:8] == bytes(4) for content in first.values())  # no time in gzip's header


def test_a_download_is_read_as_a_corpus(server):
    raw = read_corpus(Config(data=DataConfig(dataset="sst2")))
    assert raw.class_names == ("negative", "positive")
    assert {split: len(part.texts) for split, part in raw.splits.items()} == {"train": 4, "validation": 2, "test": 2}
    assert raw.splits["train"].texts[0] == "A rôle"


def test_corpora_of_one_original_share_it(server, cache):
    find_corpus("sst2", None)
    for mirror in server.iterdir():
        (mirror / "trainDevTestTrees_PTB.zip").unlink()
    assert read_lines(find_corpus("sst5", None)) == CONVERTED["sst5"]


def test_an_original_that_the_user_put_there(server, cache):
    (cache / "originals").mkdir(parents=True)
    for name in ("train_5500.label", "TREC_10.label"):
        (cache / "originals" / name).write_bytes(ORIGINALS[name])
        for mirror in server.iterdir():
            (mirror / name).unlink()
    assert read_lines(find_corpus("trec", None)) == CONVERTED["trec"]


def test_an_original_that_is_cut_off_is_fetched_anew(server, cache):
    (cache / "originals").mkdir(parents=True)
    (cache / "originals" / "rotten_imdb.tar.gz").write_bytes(ORIGINALS["rotten_imdb.tar.gz"][:50])
    assert read_lines(find_corpus("subj", None)) == CONVERTED["subj"]


DAMAGES = {
    "truncated": lambda content: content[: len(content) // 2],
    "corrupt": lambda content: content[:40] + b"\xff\xff" + content[42:],
    "empty": lambda content: b"",
    "too large": lambda content: content + bytes(6_000_000),
    "a page": lambda content: b"<html>Moved</html>",
}
each_damage = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
each_original = pytest.mark.parametrize(
    "name, file",
    [("trec", "TREC_10.label"), ("sst2", "trainDevTestTrees_PTB.zip"), ("subj", "rotten_imdb.tar.gz")],
)


@each_damage
@each_original
def test_the_second_mirror_mends_the_first(server, name, file, damage):
    (server / "first" / file).write_bytes(damage(ORIGINALS[file]))
    assert read_lines(find_corpus(name, None)) == CONVERTED[name]


@each_damage
@each_original
def test_damage_everywhere_says_what_to_put_where(server, cache, name, file, damage):
    for mirror in server.iterdir():
        (mirror / file).write_bytes(damage(ORIGINALS[file]))
    assert_advised(name, file, cache)


@each_original
def test_an_original_that_is_gone(server, cache, name, file):
    for mirror in server.iterdir():
        (mirror / file).unlink()
    message = assert_advised(name, file, cache)
    assert message.count("HTTP status 404") == 2


@each_original
def test_no_network(cache, monkeypatch, name, file):
    def unresolved(*_, **__):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    file = HOMES[name].originals[0].name
    message = assert_advised(name, file, cache)
    assert "Temporary failure in name resolution" in message
    assert all(original.urls[0] in message for original in HOMES[name].originals)


def assert_advised(name, file, cache):
    """Returns the error's line for a corpus that cannot be had, which must say what to do about it."""
    with pytest.raises(DataError) as caught:
        find_corpus(name, None)
    message = str(caught.value)
    assert message.startswith(f"--dataset {name}: {file} could not be downloaded (")
    homes = corpus_downloads.HOMES[name].originals
    missing = [original.urls[0] for original in homes if not (cache / "originals" / original.name).exists()]
    files = ", ".join(f"{file}.jsonl.gz" for file in CORPORA[name] if file)
    assert f"; get {' and '.join(missing)} and put it into {cache / 'originals'}; or put {files} into DIR/" in message
    assert message.endswith("each line an object with text and label, and give --data-dir DIR")
    assert "\n" not in message
    assert not (cache / name).exists()
    assert not (cache / "originals" / file).exists()
    return message


HOSTILE = {
    "outside": ({"../quote.tok.gt9.5000": b"a\n", "plot.tok.gt9.5000": b"b\n"}, "the archive has no file quote.tok"),
    "absolute": ({"/quote.tok.gt9.5000": b"a\n", "plot.tok.gt9.5000": b"b\n"}, "the archive has no file quote.tok"),
    "counts": ({"quote.tok.gt9.5000": b"a\nb\n", "plot.tok.gt9.5000": b"b\n"}, "1 objective, 2 subjective instead of"),
    "nothing": ({"quote.tok.gt9.5000": b"", "plot.tok.gt9.5000": b""}, "all has no texts instead of 1 objective"),
    "large": ({"quote.tok.gt9.5000": bytes(10**7 + 1), "plot.tok.gt9.5000": b"b\n"}, "is larger than 10,000,000 bytes"),
    "bomb": ({"x": bytes(4 * 10**7)}, "unpacks to more than 16,777,216 bytes"),
}


@pytest.mark.parametrize("files, reason", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_archive(server, cache, files, reason):
    for mirror in server.iterdir():
        (mirror / "rotten_imdb.tar.gz").write_bytes(make_tar(files))
    before = {path for path in cache.parent.rglob("*") if cache not in path.parents}
    message = assert_advised("subj", "rotten_imdb.tar.gz", cache)
    assert message.count(reason) == 2
    assert {path for path in cache.parent.rglob("*") if cache not in path.parents} - before <= {cache}
    assert list((cache / "originals").iterdir()) == []


@pytest.mark.parametrize(
    "content, reason",
    [
        (Content({"DESC": 1, "LOC": 3}), "train has 1 DESC, 2 LOC instead of 1 DESC, 3 LOC"),
        (Content({"DESC": 1, "LOC": 2}, "0" * 64), "train has texts other than those known"),
    ],
)
def test_originals_that_convert_to_something_else(server, cache, monkeypatch, content, reason):
    home = corpus_downloads.HOMES["trec"]
    monkeypatch.setitem(corpus_downloads.HOMES, "trec", home._replace(contents={**home.contents, "train": content}))
    with pytest.raises(DataError, match=f"^--dataset trec: {reason}; or put train.jsonl.gz, test.jsonl.gz into DIR"):
        find_corpus("trec", None)
    assert not (cache / "trec").exists()


@pytest.mark.parametrize("name", HOMELESS)
def test_a_corpus_without_a_home(cache, name):
    with pytest.raises(DataError, match=f"^--dataset {name}: cannot be downloaded, since .*; put all.jsonl.gz into"):
        find_corpus(name, None)


def test_a_cache_that_cannot_be_written_to(server, cache):
    cache.write_text("a file")
    with pytest.raises(DataError, match="^--dataset trec: .*originals: cannot be made: .*; or put train.jsonl.gz"):
        find_corpus("trec", None)
    cache.unlink()
    cache.mkdir()
    (cache / "trec").write_text("a file")
    with pytest.raises(DataError, match=r"trec: cannot be written to \(.*\); or put train.jsonl.gz"):
        find_corpus("trec", None)


def write_corpus(folder, files=("train", "test")):
    folder.mkdir(parents=True)
    for file in files:
        (folder / f"{file}.jsonl.gz").write_bytes(gzip.compress(b'{"text": "a", "label": "b"}\n'))
    return folder


@pytest.mark.parametrize("inside", ["", "trec"])
def test_the_users_own_folder_comes_first(tmp_path, server, monkeypatch, inside):
    folder = write_corpus(tmp_path / "data" / inside)
    assert find_corpus("trec", str(tmp_path / "data")) == folder
    monkeypatch.setenv("GLUON_LSTM_DATA", str(tmp_path / "data"))
    assert find_corpus("trec", None) == folder


def test_a_folder_of_the_variable_without_the_corpus_falls_through(tmp_path, server, cache, monkeypatch):
    monkeypatch.setenv("GLUON_LSTM_DATA", str(tmp_path))
    assert find_corpus("trec", None) == cache / "trec"


def test_a_folder_that_was_asked_for_must_have_the_corpus(tmp_path, server):
    with pytest.raises(DataError, match="trec/train.jsonl.gz: no such file; put train.jsonl.gz, test.jsonl.gz into"):
        find_corpus("trec", str(tmp_path))
    with pytest.raises(ConfigError, match="--data-dir /nowhere: no such folder"):
        find_corpus("trec", "/nowhere")


def test_a_folder_with_some_of_the_files(tmp_path, server, monkeypatch):
    write_corpus(tmp_path / "data" / "trec", ["train"])
    monkeypatch.setenv("GLUON_LSTM_DATA", str(tmp_path / "data"))
    with pytest.raises(DataError, match="data/trec/test.jsonl.gz: no such file; put train.jsonl.gz"):
        find_corpus("trec", None)


REAL = Path(os.environ.get("GLUON_LSTM_DATA") or "/nowhere")
"""The folder of real data; a test itself has no such variable."""


def read_real(name):
    lines = gzip.decompress((REAL / name).read_bytes()).splitlines()
    return [Sample(**json.loads(line)) for line in lines]


def needs_real(corpus):
    """Skips a test where there is no such corpus among the real data."""
    found = (REAL / corpus / "test.jsonl.gz").is_file()
    return pytest.mark.skipif(not found, reason=f"$GLUON_LSTM_DATA names no real {corpus}")


# The labels after the colon in TREC_10.label, in order; all else of that file is in trec/test.jsonl.gz.
FINE_LABELS = """
dist city desc def date dist gr plant reason def city ind weight ind date other substance ind def date ind def other
def def ind def other other other speed mount def temp date period other dist count count plant def def def animal
animal period def count gr def ind ind def desc def date city city speed city ind other food state desc termeq def
date other other money city ind other def currency dist weight ind def date ind other date reason def ind def country
event def temp date gr other date def def other def ind manner desc city def temp animal date other color def dist ind
plant ind date substance date other date dist def ind dist ind dist date def period dist ind def product def other
other ind title def def animal other animal def body ind veh def def termeq ind def date gr other city def other state
def def date other termeq other date def state ind date speed date def other state other date color dist other def
other def substance ind ind def other substance other dist period date def city currency ind product substance product
city ind animal other other ind temp desc desc date speed state other def lang def termeq count def def date def other
mount substance other desc other ind date ind def count other def other def other speed state def reason def def other
def def desc other ind city other substance def other dist termeq def money ind ind count instru period def def city
period manner lang desc def ind def reason def date abb substance other ind exp def other def def def def def city
dismed other termeq def def color period other color exp date def date date other ind other ind date city other count
def other def ind other other other def date exp color date exp reason money date def def date animal veh other other
def food def perc weight event perc ind other ind dismed desc date def date other plant animal def ind speed dist
reason animal def def body other def dist color color def other weight currency def def food date other def exp def
ind ind substance ind period date def ind def def ind def animal other def def def other perc mount ind substance date
exp dist city def other date def ind substance city exp plant def def def ind ind date other veh def other other def
other def ind def animal other ind def def def date exp animal ind substance country animal ind animal other ind date
animal color sport food date temp date color other def def gr animal other date state termeq def gr def def def def
currency other other currency def city color country product substance substance def other def city dist other veh def
def techmeth date count ind currency count substance def
"""


@needs_real("trec")
def test_trec_itself():
    samples = read_real("trec/test.jsonl.gz")
    lines = [f"{label}:{fine} {text}\n" for (text, label), fine in zip(samples, FINE_LABELS.split())]
    original = "".join(lines).encode("ascii")
    assert hashlib.sha256(original).hexdigest() == HOMES["trec"].originals[1].digest
    assert originals.read_questions(original) == samples
    assert digest_samples(samples) == HOMES["trec"].contents["test"].digest
    # The copy has U+FFFD where the original has the byte that is no ASCII.
    train = [Sample(text.replace("\ufffd", " "), label) for text, label in read_real("trec/train.jsonl.gz")]
    assert digest_samples(train) == HOMES["trec"].contents["train"].digest


@needs_real("imdb")
@pytest.mark.parametrize("split", ["train", "test"])
def test_imdb_itself(split):
    assert digest_samples(read_real(f"imdb/{split}.jsonl.gz")) == HOMES["imdb"].contents[split].digest
