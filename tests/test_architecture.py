"""The package's order, which a reader may rely on: see each table."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Each room may import from its own level's modules and from the levels before it.
LEVELS = (
    ("errors", "version", "atomic", "bounded", "arrays", "config", "runtime"),
    ("data", "nn"),
    ("rundir",),
    ("evaluation",),
    ("training",),
    ("article",),
    ("cli",),
    ("__main__",),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}

# What may stand at module level beside imports, definitions and constants.
STATEMENTS_ALLOWED = {
    "gluon_lstm/__init__.py": ["runtime.prepare_import()"],
    "gluon_lstm/__main__.py": ["if __name__ == '__main__':\n    sys.exit(main())"],
}
DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)

# Ways to run code that a file brings along.
CODE_RUNNERS = {"eval", "exec", "load_states", "save_states", "unsafe_load", "full_load"}
# MXNet's and NumPy's own formats, which are not checked as safetensors files are.
OTHER_FORMATS = {"load_parameters", "save_parameters", "load_params", "load_dict", "fromfile", "memmap", "loadtxt"}
LOADERS = {"nd.load", "mx.nd.load", "np.load", "numpy.load", "mx.model.load_checkpoint"}
CODE_CARRIERS = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}

# Ways to read a whole file, whatever and however large it is; ``bounded`` has those with limits.
UNBOUNDED = {"read_bytes", "read_text"}
READ_FROM_LINUX = "gluon_lstm/runtime.py"

MOST_LINES = 50


def modules(*patterns):
    """Returns the package's modules as parameters: relative path and syntax tree."""
    found = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    names = [path.relative_to(ROOT).as_posix() for path in found]
    return [pytest.param(n, ast.parse(p.read_text(encoding="utf-8")), id=n) for n, p in zip(names, found)]


PACKAGE = modules("gluon_lstm/**/*.py")
SCRIPTS = modules("*.py")
each_module = pytest.mark.parametrize("name, tree", PACKAGE)


def imported(tree):
    """Returns the full names of all that a module imports, inside functions too."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room_of(module):
    """Returns the room of a module such as ``gluon_lstm.nn.cell``."""
    return module.split(".")[1]


@each_module
def test_imports_point_one_way(name, tree):
    here = room_of(name[: -len(".py")].replace("/", "."))
    targets = {room_of(module) for module in imported(tree) if module.startswith("gluon_lstm.")}
    if here == "__init__":
        assert targets == {"runtime", "version"}
        return
    targets &= set(LEVEL)  # a name such as __version__ is of no room
    rooms_before = {room for room, level in LEVEL.items() if level < max(LEVEL[here], 1)}
    assert targets <= rooms_before | {here}


def test_every_room_has_its_level():
    assert set(LEVEL) == {room_of(parameters.values[0][: -len(".py")].replace("/", ".")) for parameters in PACKAGE} - {
        "__init__"
    }


def test_no_two_files_of_tests_share_a_name():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names), "pytest imports them by name alone"


@each_module
def test_modules_hold_definitions_alone(name, tree):
    statements = [ast.unparse(node) for node in tree.body if not isinstance(node, DEFINITIONS) and not is_text(node)]
    assert statements == STATEMENTS_ALLOWED.get(name, [])


def is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@pytest.mark.parametrize("name, tree", SCRIPTS)
def test_scripts_only_call_the_package(name, tree):
    *others, last = tree.body
    assert all(isinstance(node, (ast.Import, ast.ImportFrom)) or is_text(node) for node in others)
    assert ast.unparse(last).startswith("if __name__ == '__main__':\n    sys.exit(main(")


@each_module
def test_every_module_and_public_name_is_documented(name, tree):
    assert ast.get_docstring(tree)
    public = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    public += [inner for node in public if isinstance(node, ast.ClassDef) for inner in node.body]
    named = [node for node in public if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_"]
    assert [node.name for node in named if not ast.get_docstring(node)] == []


@each_module
def test_nothing_runs_code_from_a_file(name, tree):
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = {ast.unparse(call.func) for call in calls}
    assert not {name.rpartition(".")[2] for name in called} & (CODE_RUNNERS | OTHER_FORMATS)
    assert not called & LOADERS
    assert not {module.partition(".")[0] for module in imported(tree)} & CODE_CARRIERS
    assert not [keyword for call in calls for keyword in call.keywords if keyword.arg == "allow_pickle"]


@pytest.mark.parametrize("name, tree", [param for param in PACKAGE if param.id != READ_FROM_LINUX])
def test_files_are_read_within_limits(name, tree):
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not {ast.unparse(call.func).rpartition(".")[2] for call in calls} & UNBOUNDED


def test_one_module_knows_the_format_of_weight_files():
    modules_and_trees = [param.values for param in PACKAGE]
    knowing = [name for name, tree in modules_and_trees if any(m.startswith("safetensors") for m in imported(tree))]
    assert knowing == ["gluon_lstm/arrays.py"]


@each_module
def test_functions_are_short(name, tree):
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert {f.name: f.end_lineno - f.lineno + 1 for f in functions if f.end_lineno - f.lineno >= MOST_LINES} == {}


@each_module
def test_no_name_comes_from_a_star(name, tree):
    assert not [module for module in imported(tree) if module.endswith(".*")]


@pytest.mark.parametrize("name, tree", modules("gluon_lstm/data/*.py"))
def test_data_do_without_mxnet(name, tree):
    imports = {module.partition(".")[0] for module in imported(tree)} & {"mxnet", "gluonnlp"}
    # gluonnlp, which imports MXNet, makes the vocabulary, inside of the function that does so.
    assert imports <= ({"gluonnlp"} if name.endswith("/encoding.py") else set())


def modules_after(code):
    """Returns the names of the modules that a new process has imported after running some code."""
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split())


@pytest.mark.parametrize("code", ["import gluon_lstm.data, gluon_lstm.rundir", "import gluon_lstm.cli"])
def test_importing_the_package_does_not_import_mxnet(code):
    found = modules_after(code)
    assert "gluon_lstm.data" in found
    assert not found & {"mxnet", "matplotlib", "sklearn"}


def test_the_public_names_are_there():
    import gluon_lstm

    assert all(getattr(gluon_lstm, name) for name in gluon_lstm.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = gluon_lstm.nothing
