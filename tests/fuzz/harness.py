"""Runs readers on mutated files in processes of their own, within limits of time and memory.

A process imports the table of readers once, and forks for each reader. The child writes down before each input which
one it is, so that a crash, too, is found; the file in its folder then is the input that it crashed on.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import time
import traceback
import warnings
import zlib
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT)]

from mutation import mutate  # noqa: E402 - found beside this file, however it is run

SECONDS = 5.0
"""That one input may take."""
MEMORY = 2**30
"""Bytes that a process may take beyond what it has once everything is imported."""
PATIENCE = 60
"""Seconds without a further input, after which the process is taken to hang in compiled code."""
MOST_FAILURES = 20
"""Of a reader; after so many it is not tried further."""


class Failure(NamedTuple):
    """An input that ended in something else than a result or a clear error.

    Attributes:
        number: of the input.
        what: the exception and the place it came from, or how the process ended.
    """

    number: int
    what: str


class Outcome(NamedTuple):
    """What became of one reader's inputs.

    Attributes:
        inputs: how many were tried.
        accepted: how many of these were read.
        refused: how many ended in a clear error.
        slowest: the seconds that the slowest took.
        memory: the most memory, MiB, that the process took beyond what it had before.
        seconds: that all of it took.
        failures: all others.
    """

    inputs: int
    accepted: int
    refused: int
    slowest: float
    memory: float
    seconds: float
    failures: Sequence[Failure]


class State(NamedTuple):
    """How far a process is: the number of the input that it is at, and of those before it what ``Outcome`` has."""

    number: int
    accepted: int
    refused: int
    slowest: float
    memory: float


_STATE = struct.Struct("<3q2d")


class Hang(BaseException):
    """An input that took too long; not an ``Exception``, so that no reader takes it for an error of the file."""


def fuzz(
    readers: Sequence[str], count: int, folder: Path, table: str = "readers", seconds: float = SECONDS
) -> Dict[str, Outcome]:
    """Tries readers on ``count`` mutated files each, the same ones each time.

    Args:
        readers: names in the table.
        count: of inputs.
        folder: an empty one, where the files go; what a failure left stays there.
        table: the module, beside this one or on ``sys.path``, whose ``READERS`` is the table.
        seconds: that one input may take.

    Raises:
        subprocess.CalledProcessError: there is no such table or reader.
    """
    command = [sys.executable, __file__, table, str(count), str(seconds), *readers]
    answer = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True, text=True).stdout
    found = json.loads(answer.splitlines()[-1])
    return {name: Outcome(*values, [Failure(*one) for one in failures]) for name, (*values, failures) in found.items()}


def try_reader(reader: Any, label: str, count: int, seconds: float) -> Outcome:
    """Tries a reader in children of this process, a new one after each that crashes."""
    total, first, start = Outcome(0, 0, 0, 0.0, 0.0, 0.0, []), 0, time.monotonic()
    while first < count and len(total.failures) < MOST_FAILURES:
        work = Path(f"{label}-{first}").absolute()
        work.mkdir()
        ending = _watch(_fork(reader, label, range(first, count), seconds, work), work)
        state, failures = _read_state(work), [*total.failures, *_read_failures(work)]
        if ending:
            failures.append(Failure(state.number, ending))
        total = Outcome(
            inputs=state.number + 1,
            accepted=total.accepted + state.accepted,
            refused=total.refused + state.refused,
            slowest=max(total.slowest, state.slowest),
            memory=max(total.memory, state.memory),
            seconds=time.monotonic() - start,
            failures=failures,
        )
        first = state.number + 1 if state.number >= first else count  # it ended before the first input
    return total


def _fork(reader: Any, label: str, numbers: range, seconds: float, work: Path) -> int:
    """Starts a child that works in a folder of its own, and returns its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.chdir(work)
        output = os.open("output", os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        _work_through(reader, label, numbers, seconds)
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _watch(child: int, work: Path) -> str:
    """Waits for a child and returns how it ended, "" if well; one that gets nowhere is ended."""
    number, since = -1, time.monotonic()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            said = (work / "output").read_text(errors="replace")[-2_000:] if code else ""
            return f"the process ended with {code}: {said}" if code else ""
        now = _read_state(work).number
        if now != number:
            number, since = now, time.monotonic()
        if time.monotonic() - since > PATIENCE:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return f"no end after {PATIENCE} s"
        time.sleep(0.02)


def _read_state(work: Path) -> State:
    """Returns what a process has written about its inputs."""
    try:
        return State(*_STATE.unpack((work / "state").read_bytes()))
    except (FileNotFoundError, struct.error):
        return State(-1, 0, 0, 0.0, 0.0)


def _read_failures(work: Path) -> List[Failure]:
    """Returns the failures that a process has written down."""
    path = work / "failures.jsonl"
    return [Failure(*json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def _work_through(reader: Any, label: str, numbers: range, seconds: float) -> None:
    """Tries a reader on the inputs of some numbers, in the folder that this process is in."""
    seeds = reader.seeds()
    for seed in seeds:
        _try(reader, reader.repairs[0](seed))  # imports what it needs, and sees that a valid content is read
    _limit_memory()
    before, state = _peak_memory(), State(numbers.start - 1, 0, 0, 0.0, 0.0)
    signal.signal(signal.SIGALRM, _hang)
    warnings.simplefilter("error")
    with open("state", "wb", buffering=0) as file, open("failures.jsonl", "w", encoding="utf-8") as failures:
        for number in numbers:
            state = state._replace(number=number)
            os.pwrite(file.fileno(), _STATE.pack(*state), 0)
            content = _make_input(reader, label, seeds, number)
            start = time.perf_counter()
            what = _judge(reader, content, seconds)
            state = state._replace(
                accepted=state.accepted + (what == "accepted"),
                refused=state.refused + (what == "refused"),
                slowest=max(state.slowest, time.perf_counter() - start),
                memory=max(state.memory, _peak_memory() - before),
            )
            if what not in ("accepted", "refused"):
                Path(f"failure-{number}").write_bytes(content)
                print(json.dumps([number, what]), file=failures, flush=True)
                if len(_read_failures(Path())) >= MOST_FAILURES:
                    break
        os.pwrite(file.fileno(), _STATE.pack(*state), 0)


def _make_input(reader: Any, label: str, seeds: List[bytes], number: int) -> bytes:
    """Returns the mutated content of a number; a few are valid ones."""
    rng = random.Random(zlib.crc32(f"{label} {number}".encode()))
    seed, repair = rng.choice(seeds), rng.choice(reader.repairs)
    return repair(seed if rng.random() < 0.05 else mutate(seed, seeds, reader.tokens, rng))


def _judge(reader: Any, content: bytes, seconds: float) -> str:
    """Returns ``accepted``, ``refused``, or what else came of a content."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        _try(reader, content)
        return "accepted"
    except reader.raises as error:
        return "refused" if str(error).strip() else "an error without a word"
    except (Exception, Hang) as error:
        return f"{type(error).__name__}: {str(error)[:300]}: {''.join(traceback.format_tb(error.__traceback__)[-3:])}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _try(reader: Any, content: bytes) -> None:
    """Has a reader read a content."""
    path = Path(reader.name).absolute()
    path.write_bytes(content)
    reader.read(path)


def _hang(*_) -> None:
    raise Hang("took too long")


def _limit_memory() -> None:
    """Lets the process take no more than ``MEMORY`` beyond what it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _peak_memory() -> float:
    """Returns the greatest resident size of the process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(table: str, count: str, seconds: str, *names: str) -> None:
    """Tries readers of a table, and prints what came of each as JSON."""
    readers = importlib.import_module(table).READERS
    outcomes = {}
    for name in names:
        outcomes[name] = found = try_reader(readers[name], name, int(count), float(seconds))
        print(f"{name}: {found.inputs:,} inputs, {len(found.failures)} failures", file=sys.stderr, flush=True)
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(*sys.argv[1:])
