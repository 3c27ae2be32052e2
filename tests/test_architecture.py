"""The shape of the package: imports go one way, and nothing heavy is imported before it is used."""

import ast
import functools
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "grader"
PAGE = PACKAGE / "README.md"
BEGIN, END = "<!-- ranks -->\n", "<!-- /ranks -->"

RANKS = {
    "errors": 0,
    "model": 1,
    "machine": 2,
    "reports": 2,
    "wording": 3,
    "course": 4,
    "renderers": 4,
    "submissions": 5,
    "sandbox": 5,
    "testing": 6,
    "grading": 6,
    "gradebook": 7,
    "batch": 8,
    "review": 9,
    "verify": 9,
    "release": 10,
    "commands": 11,
    "__main__": 12,
}


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",) and "templates" not in parts:
            found.append((parts[0], path))
    return found


@dataclass(frozen=True)
class Source:
    """What these tests ask about a file: its imports, its calls, what it takes from a name."""

    imports: frozenset[str]
    members: frozenset[str]
    calls: frozenset[str]
    attributes: frozenset[tuple[str, str]]


@functools.cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@functools.cache
def parsed(path: Path) -> Source:
    """Parse a file once for all tests; a whole tree would be too much to keep."""
    imports, members, calls, attributes = set(), set(), set(), set()
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imports.add(str(node.module))
            members |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            attributes.add((node.value.id, node.attr))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            calls.add(node.func.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.add(node.func.id)
    kinds = (imports, members, calls, attributes)
    return Source(*map(frozenset, kinds))  # type: ignore[arg-type]


def imported(path: Path) -> set[str]:
    """Return the modules of grader that a file imports, by their first name."""
    names = parsed(path).imports | parsed(path).members
    return {name.split(".")[1] for name in names if name.startswith("grader.")} - {"__version__"}


def test_every_module_has_a_rank() -> None:
    assert {name for name, _ in modules()} <= set(RANKS)


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda item: str(item)[-40:])
def test_imports_go_one_way(name: str, path: Path) -> None:
    for other in imported(path) - {name}:
        assert RANKS[other] < RANKS[name], f"{path.name} imports {other}, which ranks no lower"


def ranks_in_words() -> str:
    """Return the ranks as the page shows them: each module with its docstring's first line."""
    rows = ["| rank | module | its one job |", "|---|---|---|"]
    for name, rank in RANKS.items():
        file = PACKAGE / name / "__init__.py"
        file = file if file.is_file() else PACKAGE / f"{name}.py"
        said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        rows.append(f"| {rank} | `{name}` | {said.splitlines()[0]} |")
    return "\n".join(rows) + "\n"


def test_the_page_shows_the_ranks_that_are_enforced() -> None:
    shown = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    assert shown == ranks_in_words(), "`python -m tests.test_architecture` writes it again"


def users_of(library: str) -> set[str]:
    return {
        name
        for name, path in modules()
        if any(item.split(".")[0] == library for item in parsed(path).imports)
    }


def test_one_room_knows_otter() -> None:
    assert users_of("otter") == {"course"}


def test_one_module_knows_nbformat() -> None:
    assert users_of("nbformat") == {"course"}


def test_one_place_spawns_processes() -> None:
    assert users_of("subprocess") <= {"sandbox"}


def test_nothing_unpickles_or_evaluates_what_a_child_sent() -> None:
    forbidden = {"pickle", "shelve", "dill", "cloudpickle"}
    for library in forbidden:
        assert users_of(library) == set()


def test_code_is_marshalled_for_a_worker_and_never_read_here() -> None:
    used = {
        (path.name, attribute)
        for path in PACKAGE.rglob("*.py")
        for name, attribute in parsed(path).attributes
        if name == "marshal"
    }
    assert used == {("launch.py", "dumps")}
    assert users_of("marshal") == {"sandbox"}


def callers_of(name: str) -> set[str]:
    """Return the files of grader and its tests that call something by a name."""
    root = PACKAGE.parent
    found = set()
    for path in [*PACKAGE.rglob("*.py"), *(root / "tests").rglob("*.py")]:
        if "submissions" in path.relative_to(root).parts[2:]:
            continue  # attacks, some of which are no Python
        if name in text_of(path) and name in parsed(path).calls:
            found.add(path.relative_to(root).as_posix())
    return found


def test_one_function_assembles_what_judging_needs() -> None:
    assert callers_of("Engine") == {"grader/grading/assemble.py"}
    assert callers_of("assemble") >= {
        "grader/batch/warm_up.py", "grader/commands/checking.py", "tests/conftest.py",
    }  # fmt: skip


@pytest.mark.parametrize("command", [["-c", "import grader"], ["-m", "grader", "--help"]])
def test_heavy_imports_wait_until_they_are_used(command: list[str]) -> None:
    program = [sys.executable, "-X", "importtime", *command]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert not loaded & {
        "torch",
        "otter",
        "numpy",
        "nbformat",
        "IPython",
        "grader.model",
        "grader.reports",
    }


def test_the_replay_of_a_notebook_knows_no_test() -> None:
    path = PACKAGE / "grading" / "replay.py"
    assert "grading" not in imported(path)
    words = {"TestCase", "Outcome", "otter_tests"}
    assert not [word for word in words if word in path.read_text(encoding="utf-8")]


def test_no_function_of_the_package_is_excused_from_the_limit_on_positional_parameters() -> None:
    settings = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    lint = settings["tool"]["ruff"]["lint"]
    assert "PLR0917" in lint["select"]
    assert "PLR0917" not in lint["ignore"]
    excused = [where for where, rules in lint["per-file-ignores"].items() if "PLR0917" in rules]
    assert excused == ["{tests,assignments,solutions}/**"]


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}{ranks_in_words()}{END}{after}", encoding="utf-8")
