"""The shape of the package: imports go one way, and nothing heavy is imported before it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "grader"

RANKS = {
    "errors": 0,
    "machine": 0,
    "model": 1,
    "testing": 2,
    "wording": 2,
    "course": 3,
    "renderers": 3,
    "submissions": 4,
    "sandbox": 4,
    "grading": 5,
    "gradebook": 6,
    "batch": 7,
    "verify": 8,
    "release": 9,
    "commands": 10,
    "__main__": 11,
}


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",) and "templates" not in parts:
            found.append((parts[0], path))
    return found


def imported(path: Path) -> set[str]:
    """Return the modules of grader that a file imports, by their first name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("grader.")}
    return found - {"__version__"}


def test_every_module_has_a_rank() -> None:
    assert {name for name, _ in modules()} <= set(RANKS)


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda item: str(item)[-40:])
def test_imports_go_one_way(name: str, path: Path) -> None:
    for other in imported(path) - {name}:
        assert RANKS[other] < RANKS[name], f"{path.name} imports {other}, which ranks no lower"


def users_of(library: str) -> set[str]:
    found = set()
    for name, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            if any(item.split(".")[0] == library for item in names):
                found.add(name)
    return found


def test_one_module_knows_otter() -> None:
    assert users_of("otter") == {"grading"}


def test_one_module_knows_nbformat() -> None:
    assert users_of("nbformat") == {"course"}


def test_one_place_spawns_processes() -> None:
    assert users_of("subprocess") <= {"sandbox"}


def test_nothing_unpickles_or_evaluates_what_a_child_sent() -> None:
    forbidden = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
    for library in forbidden:
        assert users_of(library) == set()


@pytest.mark.parametrize("command", [["-c", "import grader"], ["-m", "grader", "--help"]])
def test_heavy_imports_wait_until_they_are_used(command: list[str]) -> None:
    program = [sys.executable, "-X", "importtime", *command]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"torch", "otter", "numpy", "nbformat", "IPython"}


def positional(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Return the parameters that a caller may pass by position, but `self` and `cls`."""
    names = [argument.arg for argument in [*node.args.posonlyargs, *node.args.args]]
    return [name for name in names if name not in {"self", "cls"}]


@pytest.mark.parametrize("room", ["grading", "renderers"])
def test_no_function_takes_more_than_five_parameters_by_position(room: str) -> None:
    for path in sorted((PACKAGE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert len(positional(node)) <= 5, f"{path.name}, {node.name}"


def test_a_sixth_parameter_by_position_would_be_counted() -> None:
    [node] = ast.parse("def f(self, a, b, c, d, e, f, *, g): ...").body
    assert isinstance(node, ast.FunctionDef)
    assert len(positional(node)) == 6


def test_the_replay_of_a_notebook_knows_no_test() -> None:
    source = (PACKAGE / "grading" / "replay.py").read_text(encoding="utf-8")
    assert not {"grading"} & imported(PACKAGE / "grading" / "replay.py")
    assert not any(word in source for word in ("TestCase", "Outcome", "otter_tests"))
