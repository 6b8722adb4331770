"""What the benchmarks share: how a result is described, and how a command is run and measured."""

from __future__ import annotations

import datetime
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Sequence

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
CHANGED = "-dirty"
"""What a commit's name ends in where files differ from it."""


class Finished(NamedTuple):
    """A command that ended well.

    Attributes:
        output: what it printed on standard output.
        seconds: wall-clock time.
        peak_mib: its greatest resident size, in MiB.
        cpu_seconds: the processors' time that it took, the system's included.
    """

    output: str
    seconds: float
    peak_mib: float
    cpu_seconds: float


def run_command(command: Sequence[str], environment: Optional[Dict[str, str]] = None) -> Finished:
    """Runs a command from the project's root and measures it.

    Raises:
        subprocess.CalledProcessError: it ended with an error.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        list(command), cwd=ROOT, env={**plain_environment(), **(environment or {})}, stdout=subprocess.PIPE, text=True
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), output)
    return Finished(output, seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)


def plain_environment() -> Dict[str, str]:
    """Returns the environment without how ``gluon_lstm``, where it is imported, has MXNet's threads wait.

    PyTorch's threads would do it too.
    """
    runtime = sys.modules.get("gluon_lstm.runtime")
    ours = runtime.WAITING if runtime else {}
    return {name: value for name, value in os.environ.items() if ours.get(name) != value}


def summarize(values: Sequence[float]) -> Dict[str, Any]:
    """Returns values with their mean and sample standard deviation."""
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return {"values": list(values), "mean": statistics.fmean(values), "sd": spread}


def write_result(name: str, content: Dict[str, Any], folder: Path = RESULTS) -> Path:
    """Writes ``docs/results/NAME.json``: the content, and where and when it was measured."""
    path = folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**content, **describe_origin()}, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {path.relative_to(ROOT)}")
    return path


def describe_origin() -> Dict[str, str]:
    """Returns where and when numbers come from: command, date, commit, machine and Python."""
    return {"command": _command(), "date": datetime.date.today().isoformat(), "commit": commit(), **_machine()}


def _command() -> str:
    """Returns the command line that is running, as one would type it."""
    script = Path(sys.argv[0]).resolve().relative_to(ROOT)
    return shlex.join(["python", str(script), *sys.argv[1:]])


def commit() -> str:
    """Returns the commit of the checkout, marked where files other than results differ from it."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/results")
    return (_git("describe", "--always", "--abbrev=12") or "unknown") + (CHANGED if changed else "")


def _git(*arguments: str) -> str:
    """Returns what git answers, nothing where it cannot."""
    answer = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def _machine() -> Dict[str, Any]:
    """Returns the processor, the number of cores and the memory, as the system names them."""
    sys.path.append(str(ROOT))  # the package need not be installed
    from gluon_lstm import runtime  # not before all is measured: it sets OMP_NUM_THREADS

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = runtime.physical_cores()
    processor = f"{runtime.describe_processor()}, {cores} core{'s' * (cores != 1)}"
    return {
        "machine": f"{processor}, {memory:.0f} GiB, {platform.system()}",
        "python": platform.python_version(),
    }
