"""What must be settled around MXNet: threads, NumPy, devices and seeds.

``prepare`` has to run before ``import mxnet``, because MXNet reads its thread
count once, while it is imported; importing ``gluon_lstm`` calls it.
"""

from __future__ import annotations

import ctypes
import gc
import math
import os
import platform
import random
import re
import sys
import warnings
from importlib import metadata
from pathlib import Path
from typing import Dict, List, Optional, Union

import numpy as np

from gluon_lstm.errors import ConfigError, DeviceError

_DEVICE = re.compile(r"(cpu|gpu)(?::(\d+(?:,\d+)*))?")
_CGROUPS = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_COMMANDS = ("train.py", "evaluate.py")

MOST_THREADS = 1024
MOST_SEED = 2**31 - 1
"""MXNet's seeds are 32-bit integers with a sign."""
WAITING = {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "300000"}
"""How OpenMP's threads wait for each other.

MXNet's engine runs operators on several threads, each with a team of OpenMP threads of its own. As soon as
the teams have more threads than there are processors, GNU's OpenMP lets a waiting thread look 100 times
and then sleep, at each of the many barriers of a recurrent layer, whose time doubles. ``ACTIVE`` makes
that 1,000 times; the count keeps threads without work from looking longer than without it, about 3 ms.
"""
MOST_SHAPES = 64
"""Shapes of its arguments for which MXNet keeps what an operator of oneDNN prepared; unlimited unless told."""


def physical_cores() -> int:
    """Returns how many physical cores this process may use.

    Two hardware threads of one core share its arithmetic units, so they count
    once; where Linux does not tell which belong together, each counts. A
    container that is given less processor time counts as so many cores, rounded up.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len({_siblings(cpu) for cpu in os.sched_getaffinity(0)})
    else:
        cores = os.cpu_count() or 1
    quota = _cpu_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def _cpu_quota() -> Optional[float]:
    """Returns how many processors' time this process's container may use; ``None`` for no limit.

    Microseconds of processor time in each period, in one file (version 2 of
    Linux's control groups) or in two (version 1), where ``max`` or -1 is no limit.
    """
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((_CGROUPS / name).read_text(encoding="ascii") for name in names).split()
            return int(quota) / int(period) if quota not in ("max", "-1") else None
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return None


def _siblings(cpu: int) -> str:
    """Returns a name for the core that the logical processor ``cpu`` is on."""
    try:
        with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return str(cpu)


def describe_processor() -> str:
    """Returns the processor's model name and the widest vectors it computes with, as far as the system tells."""
    try:
        lines = (_PROC / "cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    found = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = found.get("flags", "").split()
    vectors = [text for flag, text in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags]
    return " with ".join([found.get("model name", platform.machine()), *vectors[:1]])


def busy_seconds() -> Optional[float]:
    """Returns how long all processors of this machine were busy since it started, added up; ``None`` off Linux.

    Of the first line of ``/proc/stat``, in ticks: user, nice, system, idle, waiting, interrupts (two kinds), stolen.
    """
    try:
        ticks = (_PROC / "stat").read_text(encoding="ascii").split("\n")[0].split()[1:9]
        user, nice, system, _, _, hard, soft, stolen = map(int, ticks)
    except (OSError, ValueError):
        return None
    return (user + nice + system + hard + soft + stolen) / os.sysconf("SC_CLK_TCK")


def prepare(threads: Optional[int] = None) -> None:
    """Sets the thread count, how threads wait, a limit of memory, and NumPy's alias that ``import mxnet`` needs.

    MXNet takes half the processors it sees unless OMP_NUM_THREADS says
    otherwise, loses time where its threads fall asleep (``WAITING``), and keeps
    memory for every shape that an operator has met unless MXNET_MKLDNN_CACHE_NUM
    says how many; and its modules still use ``np.bool``, which NumPy 1.24 removed.
    What the user has set stays as it is.

    Args:
        threads: number of threads; ``None`` keeps OMP_NUM_THREADS where the
            user has set it, and takes the physical cores where not.

    Raises:
        ConfigError: OMP_NUM_THREADS is to count and is no number, or another
            count was asked for after MXNet was imported.
    """
    if "bool" not in vars(np):
        np.bool = bool
    # MXNet reads it not while it is imported, but where an operator of oneDNN is first called.
    os.environ.setdefault("MXNET_MKLDNN_CACHE_NUM", str(MOST_SHAPES))
    current = os.environ.get("OMP_NUM_THREADS")
    if "mxnet" in sys.modules:
        if threads is not None and str(threads) != current:
            raise ConfigError(
                f"threads: MXNet is already imported with OMP_NUM_THREADS={current or 'unset'}; "
                f"set OMP_NUM_THREADS={threads} before starting Python"
            )
        if current is None:
            warnings.warn(
                "mxnet was imported before gluon_lstm and uses half of the processors; import gluon_lstm first",
                RuntimeWarning,
                stacklevel=2,
            )
    else:
        if not os.environ.keys() & WAITING.keys():
            os.environ.update(WAITING)
        os.environ["OMP_NUM_THREADS"] = str(threads or _threads_of_variable(current) or physical_cores())


def prepare_import() -> None:
    """Does what ``prepare`` does, while ``gluon_lstm`` is imported.

    The program's own commands call ``prepare`` once more, where they can turn its error
    into a line, and where ``--threads`` counts more than the variable; so it is not raised yet.

    Raises:
        ConfigError: OMP_NUM_THREADS is no number.
    """
    try:
        prepare()
    except ConfigError:
        if not _is_command():
            raise


def _is_command() -> bool:
    """Whether this process runs the installed command, the package, or one of the entry scripts beside it."""
    if sys.argv[:1] == ["-m"]:  # what Python puts there until it has found the module to run, as of -m gluon_lstm
        return True
    script = Path(getattr(sys.modules.get("__main__"), "__file__", None) or "")
    return script.stem == "gluon-lstm" or script.resolve() in [Path(__file__).parents[1] / name for name in _COMMANDS]


def _threads_of_variable(value: Optional[str]) -> Optional[int]:
    """Returns the thread count in OMP_NUM_THREADS; ``None`` where it is unset or empty.

    OpenMP allows one count a nested level, as in ``4,2``: MXNet, which has one level and
    would abort the process, gets the first.

    Raises:
        ConfigError: it is something else.
    """
    if not (value or "").strip():
        return None
    counts = [part.strip() for part in value.split(",")]
    if not all(re.fullmatch("[0-9]{1,9}", count) and 1 <= int(count) <= MOST_THREADS for count in counts):
        raise ConfigError(
            f"OMP_NUM_THREADS={value}: must be a whole number from 1 to {MOST_THREADS}; set it to one, or unset it"
        )
    return int(counts[0])


def devices(spec: str) -> List[mxnet.Context]:  # noqa: F821 - named for the reader; imported below
    """Returns the MXNet contexts that a device option names.

    Args:
        spec: ``cpu``, ``gpu:0`` or several of one kind, ``gpu:0,1``.

    Raises:
        ConfigError: ``spec`` is of another form.
        DeviceError: this machine or this build of MXNet has no such GPU.
    """
    match = _DEVICE.fullmatch(spec)
    if not match:
        raise ConfigError(f"--device {spec}: use cpu, gpu:0 or several of one kind such as gpu:0,1")
    import mxnet as mx

    kind, listed = match.groups()
    numbers = [int(number) for number in (listed or "0").split(",")]
    if len(set(numbers)) < len(numbers):
        raise ConfigError(f"--device {spec}: names a device twice")
    found = mx.context.num_gpus() if kind == "gpu" else None
    if found is not None and max(numbers) >= found:
        gpus = f"{found or 'no'} GPU{'s' * (found != 1)}"
        raise DeviceError(f"--device {spec}: MXNet finds {gpus} here; use --device cpu")
    return [mx.Context(kind, number) for number in numbers]


def tell_threads(count: Union[int, str]) -> str:
    """Returns a number of threads in words: ``1 thread``, ``2 threads``."""
    return f"{count} thread{'s' * (str(count) != '1')}"


def describe() -> Dict[str, str]:
    """Returns what a result depends on beside its configuration: versions, processor, threads."""
    names = ("gluon-lstm", "mxnet", "numpy", "scikit-learn")
    versions = {name: metadata.version(name) for name in names if _installed(name)}
    cores = physical_cores()
    machine = f"{platform.system()} {platform.machine()}, {cores} core{'s' * (cores != 1)}"
    threads = os.environ.get("OMP_NUM_THREADS", "?")
    return {"python": platform.python_version(), **versions, "processor": describe_processor(), "machine": machine,
            "threads": threads}  # fmt: skip


def _installed(name: str) -> bool:
    """Whether a distribution is installed; a checkout that is run in place is not."""
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def free_memory() -> None:
    """Gives back to the system what memory nothing uses: nets hold each other in circles that Python does not count."""
    gc.collect()
    trim_memory()


def trim_memory() -> None:
    """Gives back to the system, in some ms, what GNU's C library keeps of freed memory; others are left alone.

    Batches of many shapes would leave more and more holes behind.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
        trim(0)


def derive_seed(seed: int, *keys: int) -> int:
    """Returns a 31-bit seed that depends on ``seed`` and the keys alone; zeros at their end change nothing."""
    return int(np.random.SeedSequence([seed, *keys]).generate_state(1)[0] >> 1)


def seed_everything(seed: int) -> None:
    """Seeds the random streams of Python, NumPy and MXNet on every device.

    Raises:
        ConfigError: the seed is below 0, or more than MXNet can take.
    """
    if not 0 <= seed <= MOST_SEED:
        raise ConfigError(f"seed {seed}: must be from 0 to {MOST_SEED}")
    import mxnet as mx

    random.seed(seed)
    np.random.seed(seed)
    mx.random.seed(seed)
