import ctypes
import math
import os
import platform
import random
import subprocess
import sys
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from gluon_lstm import runtime
from gluon_lstm.errors import ConfigError, DeviceError

ROOT = Path(runtime.__file__).parents[1]
FAKE_MXNET = "import os, sys; print(os.environ.get('OMP_NUM_THREADS')); sys.exit()"
# Processors whose cores are not known count each, as far as this machine's own quota goes.
CORES = str(min(7, math.ceil(runtime._cpu_quota() or 7)))
SEVEN = "import os; os.sched_getaffinity = lambda _: set(range(10_000, 10_007)); os.cpu_count = lambda: 7; "
LOAD = "import gluon_lstm; gluon_lstm.load"
TRAIN = "from gluon_lstm.cli import main; main(['find-lr', '--limit-train', '20', '--threads', '3'])"


def threads_at_import(tmp_path, code, threads=None, variable="OMP_NUM_THREADS"):
    """Runs code in a process of its own; returns a variable as an import of MXNet, here a stand-in, finds it."""
    (tmp_path / "mxnet.py").write_text(FAKE_MXNET.replace("OMP_NUM_THREADS", variable))
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{ROOT}"
    if threads is not None:
        environment["OMP_NUM_THREADS"] = threads
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    "code, given, expected",
    [
        pytest.param(SEVEN + LOAD, None, CORES, id="unset"),
        pytest.param(SEVEN + LOAD, "5", "5", id="set by the user"),
        pytest.param(TRAIN, "5", "3", id="flag over variable"),
        pytest.param(TRAIN, None, "3", id="flag"),
    ],
)
def test_threads_are_settled_before_mxnet_is_imported(tmp_path, code, given, expected):
    assert threads_at_import(tmp_path, code, given) == expected


@pytest.mark.parametrize("given, expected", [(None, "64"), ("7", "7")], ids=["unset", "set by the user"])
def test_the_shapes_that_mxnet_keeps_are_limited_before_it_is_imported(tmp_path, monkeypatch, given, expected):
    monkeypatch.delenv("MXNET_MKLDNN_CACHE_NUM", raising=False)
    if given:
        monkeypatch.setenv("MXNET_MKLDNN_CACHE_NUM", given)
    assert threads_at_import(tmp_path, LOAD, variable="MXNET_MKLDNN_CACHE_NUM") == expected


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "300000"}),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "None"}),
        ({"GOMP_SPINCOUNT": "0"}, {"OMP_WAIT_POLICY": "None", "GOMP_SPINCOUNT": "0"}),
    ],
    ids=["unset", "a policy of the user's", "a count of the user's"],
)
def test_threads_stay_awake_unless_the_user_says_otherwise(tmp_path, monkeypatch, given, expected):
    for name in runtime.WAITING:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert {name: threads_at_import(tmp_path, LOAD, variable=name) for name in expected} == expected


@pytest.mark.parametrize("given, expected", [(None, "64"), ("7", "7")], ids=["unset", "set by the user"])
def test_the_shapes_are_limited_where_mxnet_was_imported_before(monkeypatch, given, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("MXNET_MKLDNN_CACHE_NUM", raising=False)
    if given:
        monkeypatch.setenv("MXNET_MKLDNN_CACHE_NUM", given)
    monkeypatch.setitem(sys.modules, "mxnet", object())
    runtime.prepare()
    assert os.environ["MXNET_MKLDNN_CACHE_NUM"] == expected


@pytest.mark.parametrize("given, expected", [("4,2", "4"), (" 2 ", "2"), ("1024", "1024"), ("", CORES), (" ", CORES)])
def test_the_variable_is_read_as_openmp_has_it(tmp_path, given, expected):
    assert threads_at_import(tmp_path, SEVEN + LOAD, given) == expected


BAD_COUNTS = ["abc", "0", "-1", "1.5", "4,", "4,x", "4,0", "1025", "9" * 30, "²"]


@pytest.mark.parametrize("value", BAD_COUNTS)
def test_a_variable_that_is_no_thread_count_is_refused(monkeypatch, value):
    monkeypatch.delitem(sys.modules, "mxnet")
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    line = f"OMP_NUM_THREADS={value}: must be a whole number from 1 to 1024; set it to one, or unset it"
    for prepare in (runtime.prepare, runtime.prepare_import):
        with pytest.raises(ConfigError) as caught:
            prepare()
        assert str(caught.value) == line
    runtime.prepare(3)  # --threads counts more
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_an_import_with_such_a_variable_is_an_error_and_no_abort():
    environment = {**os.environ, "OMP_NUM_THREADS": "abc", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "import gluon_lstm"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("gluon_lstm.errors.ConfigError: OMP_NUM_THREADS=abc: must be")


def test_another_thread_count_after_the_import_is_refused(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    runtime.prepare(2)
    with pytest.raises(ConfigError, match="OMP_NUM_THREADS=2; set OMP_NUM_THREADS=3 before starting Python"):
        runtime.prepare(3)
    assert os.environ["OMP_NUM_THREADS"] == "2"


def test_an_import_of_mxnet_before_gluon_lstm_is_noticed(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    with pytest.warns(RuntimeWarning, match="import gluon_lstm first"):
        runtime.prepare()
    with pytest.raises(ConfigError, match="OMP_NUM_THREADS=unset"):
        runtime.prepare(1)
    assert runtime.describe()["threads"] == "?"


def test_numpys_alias_is_put_back(monkeypatch):
    monkeypatch.delitem(vars(np), "bool")
    runtime.prepare()
    assert np.bool is bool


@pytest.fixture
def control_group(monkeypatch, tmp_path):
    """A function that puts files in place of Linux's control group, which is empty until then."""
    monkeypatch.setattr(runtime, "_CGROUPS", tmp_path)

    def write(files):
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(content)

    return write


@pytest.mark.parametrize(
    "siblings, cores", [({0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"}, 2), ({0: "0,2", 1: "1"}, 2), ({5: "5"}, 1)]
)
@pytest.mark.usefixtures("control_group")
def test_hardware_threads_of_one_core_count_once(monkeypatch, siblings, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(siblings), raising=False)
    monkeypatch.setattr(runtime, "_siblings", siblings.get)
    assert runtime.physical_cores() == cores


@pytest.mark.usefixtures("control_group")
def test_processors_count_where_their_cores_are_not_known(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {10_000, 10_001}, raising=False)
    assert runtime.physical_cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert runtime.physical_cores() == 7


def version_1(quota, period):
    return {"cpu/cpu.cfs_quota_us": f"{quota}\n", "cpu/cpu.cfs_period_us": f"{period}\n"}


@pytest.mark.parametrize(
    "files, cores",
    [
        pytest.param({"cpu.max": "200000 100000\n"}, 2, id="version 2"),
        pytest.param({"cpu.max": "150000 100000\n"}, 2, id="rounded up"),
        pytest.param({"cpu.max": "1000 100000\n"}, 1, id="at least one"),
        pytest.param({"cpu.max": "0 100000\n"}, 1, id="nothing"),
        pytest.param({"cpu.max": "max 100000\n"}, 7, id="no limit"),
        pytest.param({"cpu.max": "1600000 100000\n"}, 7, id="more than the processors"),
        pytest.param(version_1(300000, 100000), 3, id="version 1"),
        pytest.param(version_1(-1, 100000), 7, id="version 1, no limit"),
        pytest.param({"cpu/cpu.cfs_quota_us": "300000\n"}, 7, id="half of version 1"),
        pytest.param({"cpu.max": ""}, 7, id="empty"),
        pytest.param({"cpu.max": "200000 0"}, 7, id="no period"),
        pytest.param({"cpu.max": "some time"}, 7, id="no numbers"),
        pytest.param({}, 7, id="no control group"),
    ],
)
def test_a_containers_processor_time_limits_the_cores(monkeypatch, control_group, files, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(10_000, 10_007)), raising=False)
    control_group(files)
    assert runtime.physical_cores() == cores


@pytest.fixture
def gpus(monkeypatch):
    """A function that makes MXNet find a number of GPUs."""
    import mxnet as mx

    return lambda count: monkeypatch.setattr(mx.context, "num_gpus", lambda: count)


@pytest.mark.parametrize(
    "spec, names",
    [
        ("cpu", ["cpu(0)"]),
        ("cpu:0,1", ["cpu(0)", "cpu(1)"]),
        ("gpu", ["gpu(0)"]),
        ("gpu:0", ["gpu(0)"]),
        ("gpu:1,0", ["gpu(1)", "gpu(0)"]),
    ],
)
def test_devices(gpus, spec, names):
    gpus(2)
    assert [str(device) for device in runtime.devices(spec)] == names


@pytest.mark.parametrize("spec", ["", "tpu", "gpu:", "gpu:0,", "gpu:a", "gpu:-1", "gpu 0", "cpu,gpu:0", "GPU", "cpu\n"])
def test_a_device_of_another_form(spec):
    with pytest.raises(ConfigError, match="use cpu, gpu:0 or several of one kind such as gpu:0,1"):
        runtime.devices(spec)


@pytest.mark.parametrize(
    "spec, count, message",
    [
        ("gpu:0", 0, "--device gpu:0: MXNet finds no GPUs here; use --device cpu"),
        ("gpu:0,1", 1, "--device gpu:0,1: MXNet finds 1 GPU here"),
        ("gpu:2", 2, "--device gpu:2: MXNet finds 2 GPUs here"),
    ],
)
def test_a_device_that_is_not_there(gpus, spec, count, message):
    gpus(count)
    with pytest.raises(DeviceError) as caught:
        runtime.devices(spec)
    assert str(caught.value).startswith(message)


def test_a_device_named_twice():
    with pytest.raises(ConfigError, match="--device cpu:1,1: names a device twice"):
        runtime.devices("cpu:1,1")


def draws():
    """Returns a number from each random stream."""
    import mxnet as mx

    return random.random(), np.random.random(), mx.nd.random.uniform(shape=1).asscalar()


def test_one_seed_gives_the_same_draws_everywhere():
    runtime.seed_everything(1)
    first = draws()
    assert all(a != b for a, b in zip(first, draws()))
    runtime.seed_everything(1)
    assert draws() == first
    runtime.seed_everything(2)
    assert all(a != b for a, b in zip(first, draws()))


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_that_is_none_leaves_all_streams_as_they_are(seed):
    before = random.getstate()
    with pytest.raises(ConfigError, match=f"seed {seed}: must be from 0 to 2147483647"):
        runtime.seed_everything(seed)
    assert random.getstate() == before


def test_derived_seeds_depend_on_every_key_and_its_place():
    seeds = [runtime.derive_seed(*keys) for keys in ((0, 0), (0, 1), (1, 0), (0, 0, 1), (0, 2), (2**31 - 1, 1))]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert runtime.derive_seed(3, 4) == runtime.derive_seed(3, 4)


def test_describe_names_what_a_result_depends_on():
    found = runtime.describe()
    assert found["numpy"] == np.__version__
    assert {"python", "mxnet", "processor", "machine", "threads"} <= set(found)
    assert all(isinstance(value, str) for value in found.values())


@pytest.mark.parametrize("cores, told", [(1, "1 core"), (2, "2 cores")])
def test_cores_are_counted_in_words_that_fit(monkeypatch, cores, told):
    monkeypatch.setattr(runtime, "physical_cores", lambda: cores)
    assert runtime.describe()["machine"].endswith(f", {told}")


CPUINFO = (
    "processor\t: 0\nmodel name\t: Example 9000\nflags\t\t: fpu sse2 {}\n\nprocessor\t: 1\nmodel name\t: Example 9000\n"
)
STAT = "cpu  1000 200 300 9000 50 7 3 40 0 0\ncpu0 500 100 150 4500 25 3 1 20 0 0\n"


@pytest.mark.parametrize(
    "content, described",
    [
        (CPUINFO.format("avx2 avx512f"), "Example 9000 with AVX-512"),
        (CPUINFO.format("avx2"), "Example 9000 with AVX2"),
        (CPUINFO.format(""), "Example 9000"),
        ("processor : 0\n", platform.machine()),
        (None, platform.machine()),
    ],
    ids=["avx512", "avx2", "neither", "no name", "no file"],
)
def test_the_processor_is_named_as_the_system_names_it(monkeypatch, tmp_path, content, described):
    monkeypatch.setattr(runtime, "_PROC", tmp_path)
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    assert runtime.describe_processor() == described


@pytest.mark.parametrize("content, ticks", [(STAT, 1550), ("cpu 1 2 3\n", None), ("", None), (None, None)],
                         ids=["whole", "short", "empty", "no file"])  # fmt: skip
def test_busy_time_is_all_but_idle_and_waiting(monkeypatch, tmp_path, content, ticks):
    monkeypatch.setattr(runtime, "_PROC", tmp_path)
    if content is not None:
        (tmp_path / "stat").write_text(content)
    assert runtime.busy_seconds() == (None if ticks is None else ticks / os.sysconf("SC_CLK_TCK"))


def test_busy_time_grows_with_work():
    before, start = runtime.busy_seconds(), time.process_time()
    if before is None:
        pytest.skip("this system does not tell how long its processors were busy")
    while time.process_time() - start < 0.2:
        pass
    assert runtime.busy_seconds() - before > 0.15


def is_trimmed() -> bool:
    """Whether this system's C library gives memory back when asked; of Windows there is none to ask."""
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim")


@pytest.mark.skipif(not is_trimmed(), reason="the C library is not GNU's")
@pytest.mark.parametrize("free", [runtime.trim_memory, runtime.free_memory])
def test_freed_memory_goes_back_to_the_system(free):
    """Blocks too small for pages of their own, with one in use behind them, would stay with the process."""
    library = ctypes.CDLL(None)
    library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    blocks = [library.malloc(60_000) for _ in range(2000)]
    for block in blocks:
        ctypes.memset(block, 1, 60_000)
    for block in blocks[:-1]:
        library.free(block)
    before = resident_bytes()
    free()
    assert resident_bytes() < before - 100e6
    library.free(blocks[-1])


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_other_systems_are_left_alone(monkeypatch, system):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_: pytest.fail("there is no such library"))
    runtime.trim_memory()


def test_a_library_that_cannot_trim_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda *_: object())
    runtime.trim_memory()


def resident_bytes() -> int:
    """Returns how much of this process is in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_circles_are_freed():
    class Circle:
        pass

    circle = Circle()
    circle.itself, seen = circle, weakref.ref(circle)
    del circle
    runtime.free_memory()
    assert seen() is None


@pytest.mark.parametrize("count, told", [(1, "1 thread"), ("1", "1 thread"), (2, "2 threads"), ("16", "16 threads")])
def test_threads_are_told_by_their_number(count, told):
    assert runtime.tell_threads(count) == told
