"""Text corpora by name, fetched from where their authors publish them and converted once."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from gluon_lstm.atomic import replacing_file
from gluon_lstm.bounded import read_file
from gluon_lstm.data import originals
from gluon_lstm.data.archives import Sizes, read_tar, read_zip
from gluon_lstm.data.downloads import Checksum, Limits, fetch
from gluon_lstm.data.originals import Sample
from gluon_lstm.data.places import cache_folder
from gluon_lstm.errors import DataError

Samples = Dict[str, List[Sample]]
"""The samples of each file of a corpus; files are named without ``.jsonl.gz``."""

SECONDS = 3_600.0  # universities' servers can be slow, and IMDB has 84 MB
MEGABYTE = 10**6
SMALL = Sizes(member=10 * MEGABYTE, total=30 * MEGABYTE)
REVIEWS = Sizes(member=MEGABYTE, total=1_000 * MEGABYTE)


class Original(NamedTuple):
    """A file as its authors publish it.

    Attributes:
        urls: where it is; the authors' own address first.
        max_bytes: never more than this is downloaded.
        digest: its SHA-256; ``None`` where none is known, and what it converts to has to do.
    """

    urls: Tuple[str, ...]
    max_bytes: int
    digest: Optional[str] = None

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.urls[0].rpartition("/")[2]


class Content(NamedTuple):
    """What a converted file must hold.

    Attributes:
        counts: label → number of texts.
        digest: ``digest_samples`` of them; ``None`` where no independent copy is known.
    """

    counts: Mapping[str, int]
    digest: Optional[str] = None


class Home(NamedTuple):
    """Where a corpus comes from.

    Attributes:
        originals: the files to fetch.
        convert: reads the files, in that order.
        contents: what is to come out, for each file.
    """

    originals: Tuple[Original, ...]
    convert: Callable[[Sequence[Path]], Samples]
    contents: Mapping[str, Content]


def convert_questions(paths: Sequence[Path]) -> Samples:
    """Reads TREC's two files, to train on and to test on."""
    contents = [read_file(path, SMALL.member) for path in paths]
    return {split: originals.read_questions(content) for split, content in zip(("train", "test"), contents)}


def convert_trees(paths: Sequence[Path], label_names: Sequence[Optional[str]]) -> Samples:
    """Reads the Stanford Sentiment Treebank; label names as of ``originals.read_trees``."""
    names = {split: f"trees/{split}.txt" for split in ("train", "dev", "test")}
    members = _complete(read_zip(paths[0], set(names.values()).__contains__, SMALL), names.values())
    return {split: originals.read_trees(members[name], label_names) for split, name in names.items()}


def convert_sentences(paths: Sequence[Path], names: Mapping[str, str]) -> Samples:
    """Reads an archive of Pang and Lee's that has the sentences of each label in a file; ``names``: label → file."""
    members = _complete(read_tar(paths[0], set(names.values()).__contains__, SMALL), names.values())
    samples = [originals.read_sentences(members[name], label) for label, name in names.items()]
    return {"all": sum(samples, [])}


def convert_reviews(paths: Sequence[Path]) -> Samples:
    """Reads the Large Movie Review Dataset, in which each review is a file of its own."""
    return originals.read_reviews(read_tar(paths[0], originals.REVIEW_NAME.fullmatch, REVIEWS))


def _complete(members: Dict[str, bytes], names: Sequence[str]) -> Dict[str, bytes]:
    """Returns the members, or raises ValueError where one of the names is missing."""
    missing = [name for name in names if name not in members]
    if missing:
        raise ValueError(f"the archive has no file {missing[0]}")
    return members


# SHA-256 and sizes of trec, sst2, sst5, mr and imdb are those that the dataset_infos.json files of Hugging Face's
# `datasets` 1.x record for these very files (datasets/trec, sst, rotten_tomatoes, imdb in huggingface/datasets).
_TREEBANK = Original(
    urls=("https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip",),
    max_bytes=789_539,
    digest="5c613a4f673fc74097d523a2c83f38e0cc462984d847b82c7aaf36b01cbbbfcc",
)
_PANG_AND_LEE = "https://www.cs.cornell.edu/people/pabo/movie-review-data/"
_QUESTIONS = "https://cogcomp.seas.upenn.edu/Data/QA/QC/"

HOMES: Dict[str, Home] = {
    # Digests: the questions of TREC_10.label, put together from an independent copy, have the SHA-256 of that file;
    # those of train_5500.label agree in number, labels and total length with what Hugging Face recorded.
    "trec": Home(
        originals=(
            Original(
                urls=(f"{_QUESTIONS}train_5500.label",),
                max_bytes=335_858,
                digest="9e4c8bdcaffb96ed61041bd64b564183d52793a8e91d84fc3a8646885f466ec3",
            ),
            Original(
                urls=(f"{_QUESTIONS}TREC_10.label",),
                max_bytes=23_354,
                digest="033f22c028c2bbba9ca682f68ffe204dc1aa6e1cf35dd6207f2d4ca67f0d0e8e",
            ),
        ),
        convert=convert_questions,
        contents={
            "train": Content(
                {"ABBR": 86, "DESC": 1_162, "ENTY": 1_250, "HUM": 1_223, "LOC": 835, "NUM": 896},
                "18986af5f890c4d5aebb18a2a7ae6fd57fcf5d98a8e860a9ca4ccb0f45cdf3fc",
            ),
            "test": Content(
                {"ABBR": 9, "DESC": 138, "ENTY": 94, "HUM": 65, "LOC": 81, "NUM": 113},
                "8425d9597653611b207f76eac0de597d6c60166feebe06e4962dc8d43ebba1de",
            ),
        },
    ),
    # No digests: known copies of the texts are lower-cased and keep the treebank's escapes.
    "sst2": Home(
        originals=(_TREEBANK,),
        convert=partial(convert_trees, label_names=originals.POLARITIES),
        contents={
            "train": Content({"negative": 3_310, "positive": 3_610}),
            "dev": Content({"negative": 428, "positive": 444}),
            "test": Content({"negative": 912, "positive": 909}),
        },
    ),
    "sst5": Home(
        originals=(_TREEBANK,),
        convert=partial(convert_trees, label_names=originals.SENTIMENTS),
        contents={
            split: Content(dict(zip(originals.SENTIMENTS, counts)))
            for split, counts in (
                ("train", (1_092, 2_218, 1_624, 2_322, 1_288)),
                ("dev", (139, 289, 229, 279, 165)),
                ("test", (279, 633, 389, 510, 399)),
            )
        },
    ),
    # The SHA-256 was recorded for the second address; that the authors' file has the same bytes is not known.
    # No digest of the texts: known copies have lost every letter outside ASCII.
    "mr": Home(
        originals=(
            Original(
                urls=(
                    f"{_PANG_AND_LEE}rt-polaritydata.tar.gz",
                    "https://storage.googleapis.com/seldon-datasets/sentence_polarity_v1/rt-polaritydata.tar.gz",
                ),
                max_bytes=487_770,
                digest="a05befe52aafda71d458d188a1c54506a998b1308613ba76bbda2e5029409ce9",
            ),
        ),
        convert=partial(
            convert_sentences,
            names={"negative": "rt-polaritydata/rt-polarity.neg", "positive": "rt-polaritydata/rt-polarity.pos"},
        ),
        contents={"all": Content({"negative": 5_331, "positive": 5_331})},
    ),
    # Nobody is known to have published a SHA-256 of this archive: HTTPS and the counts have to do.
    "subj": Home(
        originals=(Original(urls=(f"{_PANG_AND_LEE}rotten_imdb.tar.gz",), max_bytes=5 * MEGABYTE),),
        convert=partial(
            convert_sentences, names={"objective": "plot.tok.gt9.5000", "subjective": "quote.tok.gt9.5000"}
        ),
        contents={"all": Content({"objective": 5_000, "subjective": 5_000})},
    ),
    # Digests: an independent copy, which agrees in number, labels and total length with what Hugging Face recorded.
    "imdb": Home(
        originals=(
            Original(
                urls=("https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",),
                max_bytes=84_125_825,
                digest="c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
            ),
        ),
        convert=convert_reviews,
        contents={
            "train": Content(
                {"negative": 12_500, "positive": 12_500},
                "2e84c99ea0e5420cffc708d4c7c691d8fbaeac81af968e31021b235e0e55d0f7",
            ),
            "test": Content(
                {"negative": 12_500, "positive": 12_500},
                "8a16029ee22c5109ef87fa5923d2d2412a7404def5ab3b03d33c36f675f6b8f7",
            ),
        },
    ),
}

HOMELESS: Dict[str, str] = {
    "cr": "its authors publish product features with their polarity, not the labelled sentences that are compared on",
    "mpqa": "its authors publish annotated news articles, not the labelled phrases that are compared on",
}
"""Why a corpus cannot be downloaded."""


def download_corpus(name: str, files: Sequence[str]) -> Path:
    """Returns the folder of the cache that has a corpus, which is downloaded and converted if it is not there.

    Args:
        name: of ``HOMES`` or ``HOMELESS``.
        files: names of the files that make it up.

    Raises:
        DataError: it cannot be downloaded, or the cache cannot be written to; the line says which files to put where.
    """
    folder = cache_folder() / name
    if all((folder / file).is_file() for file in files):
        return folder
    if name not in HOMES:
        raise DataError(f"--dataset {name}: cannot be downloaded, since {HOMELESS[name]}; {advice(name, files)}")
    home = HOMES[name]
    try:
        paths = [_obtain(original, home) for original in home.originals]
        _write(folder, _convert(home, paths))
    except (DataError, ValueError) as error:
        raise DataError(f"--dataset {name}: {error}; or {advice(name, files)}") from error
    return folder


def advice(name: str, files: Sequence[str]) -> str:
    """Returns for an error's line which files of a corpus to put where."""
    return f"put {', '.join(files)} into DIR/{name}, each line an object with text and label, and give --data-dir DIR"


def _obtain(original: Original, home: Home) -> Path:
    """Returns the path of an original in the cache, downloaded unless it is there and right."""
    target = cache_folder() / "originals" / original.name
    verify = partial(_verify, original=original, home=home)
    try:
        verify(target)
        return target
    except (OSError, ValueError):
        pass  # missing, or cut off by somebody's own download
    try:
        return fetch(original.urls, target, verify, Limits(max_bytes=original.max_bytes, total_seconds=SECONDS))
    except DataError as error:
        missing = [other for other in home.originals if other == original or not (target.parent / other.name).is_file()]
        urls = " and ".join(other.urls[0] for other in missing)
        raise DataError(f"{error}; get {urls} and put it into {target.parent}") from error


def _verify(path: Path, original: Original, home: Home) -> None:
    """Raises ValueError for a file that is not the original meant."""
    if original.digest:
        Checksum(original.digest, original.max_bytes, unpack=False).verify(path)
    elif path.stat().st_size > original.max_bytes:
        raise ValueError(f"larger than {original.max_bytes:,} bytes")
    else:
        _convert(home, [path])


def _convert(home: Home, paths: Sequence[Path]) -> Samples:
    """Returns what the originals hold, or raises ValueError where that is not the corpus meant."""
    samples = home.convert(paths)
    for file, content in home.contents.items():
        counts = Counter(sample.label for sample in samples[file])
        if counts != content.counts:
            raise ValueError(f"{file} has {_listed(counts)} instead of {_listed(content.counts)}")
        if content.digest and digest_samples(samples[file]) != content.digest:
            raise ValueError(f"{file} has texts other than those known")
    return samples


def _listed(counts: Mapping[str, int]) -> str:
    """Returns numbers of texts for an error's line."""
    return ", ".join(f"{count:,} {label}" for label, count in sorted(counts.items())[:10]) or "no texts"


def digest_samples(samples: Sequence[Sample]) -> str:
    """Returns the SHA-256 of texts with their labels, whatever their order."""
    digest = hashlib.sha256()
    for label, text in sorted((sample.label, sample.text) for sample in samples):
        digest.update(f"{label}\0{text}\0".encode())
    return digest.hexdigest()


def _write(folder: Path, samples: Samples) -> None:
    """Writes each file whole or not at all; the same samples always give the same bytes."""
    for file, lines in samples.items():
        content = "".join(json.dumps(sample._asdict(), ensure_ascii=False) + "\n" for sample in lines)
        packed = io.BytesIO()
        # Neither a name nor a time goes into the header.
        with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream:
            stream.write(content.encode())
        try:
            with replacing_file(folder / f"{file}.jsonl.gz") as part:
                part.write_bytes(packed.getvalue())
        except OSError as error:
            raise DataError(f"{folder}: cannot be written to ({error.strerror or error})") from error
