"""Hidden tests import `grader.testing` and nothing else of grader; public tests nothing of it."""

import ast
import functools
import importlib
import types
from pathlib import Path

import pytest
import torch

from grader.course import scaffold
from grader.testing import chain, compiled, observe
from tests.conftest import REPOSITORY

HIDDEN = sorted(REPOSITORY.glob("solutions/*/tests/*.py"))
PUBLIC = sorted(REPOSITORY.glob("assignments/*/tests/*.py"))
SECOND_PART = 2


def of_grader(source: str) -> set[str]:
    """Return what a file imports of grader, by the first two parts of the name."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            names = [f"{start}.{alias.name}" for alias in node.names]
        found |= {
            ".".join(name.split(".")[:SECOND_PART])
            for name in names
            if name.startswith(".") or name.split(".")[0] == "grader"
        }
    return found


def short(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@pytest.mark.parametrize("path", HIDDEN, ids=short)
def test_a_hidden_test_imports_nothing_else_of_grader(path: Path) -> None:
    assert of_grader(path.read_text(encoding="utf-8")) <= {"grader.testing"}


@pytest.mark.parametrize("path", PUBLIC, ids=short)
def test_a_public_test_runs_where_there_is_no_grader(path: Path) -> None:
    assert of_grader(path.read_text(encoding="utf-8")) == set()


def test_what_grader_new_writes_keeps_the_rule(tmp_path: Path) -> None:
    written = [path for path in scaffold.write("fresh", tmp_path) if path.parent.name == "tests"]
    kinds = {path.relative_to(tmp_path).parts[0]: path for path in written}
    assert of_grader(kinds["assignments"].read_text(encoding="utf-8")) == set()
    assert of_grader(kinds["solutions"].read_text(encoding="utf-8")) <= {"grader.testing"}


@pytest.mark.parametrize(
    "line",
    [
        "from grader import model",
        "import grader",
        "import grader.sandbox.session as session",
        "from grader.sandbox.inside import instruments",
        "def f():\n    from grader.errors import CannotJudgeError",
        "from . import helpers",
    ],
)
def test_what_breaks_the_rule_is_found(line: str) -> None:
    assert not of_grader(line) <= {"grader.testing"}
    assert of_grader("from grader.testing import numerics\nimport grader.testing.timing") == {
        "grader.testing"
    }


def test_the_package_names_each_of_its_modules_on_one_screen() -> None:
    package = importlib.import_module("grader.testing")
    text = package.__doc__ or ""
    folder = Path(str(package.__file__)).parent
    for path in folder.iterdir():
        if path.stem not in {"__init__", "__pycache__"}:
            assert f"| `{path.stem}`" in text
    assert len(text.splitlines()) <= 60


class Student:
    """A function that stayed with a student's process: it is asked, not called."""

    def observe(self, *args: object, **kwargs: object) -> object:
        return "observed", args, kwargs

    def compile_kernels(self, *args: object, **kwargs: object) -> object:
        return "compiled", args, kwargs

    def record(self, *args: torch.Tensor, **kwargs: object) -> types.SimpleNamespace:
        said = [(tuple(tensor.shape), tensor.dtype) for tensor in args]
        told = functools.partial(lambda *inputs, **more: ("chained", *inputs, more))
        return types.SimpleNamespace(operations=(str(said), str(kwargs)), chain=told)


def test_a_students_function_is_asked_where_it_runs() -> None:
    student = Student()
    inputs = {"shape": (1, 1, 2, 4), "dtype": "float32", "device": "cpu"}
    assert observe.observe(student, 1, causal=True) == ("observed", (1,), {"causal": True})  # type: ignore[arg-type]
    assert compiled.compile_kernels(student, 1, targets=("sm_90",)) == (  # type: ignore[arg-type]
        "compiled", (1,), {"targets": ("sm_90",)},
    )  # fmt: skip
    prepared = chain.prepare(student, causal=True, **inputs)  # type: ignore[arg-type]
    assert prepared.operations == (str([((1, 1, 2, 4), torch.float32)] * 3), "{'causal': True}")
    assert prepared(1, 2) == ("chained", inputs, {"seed": 1, "steps": 2})  # type: ignore[comparison-overlap]


def test_a_function_of_the_reference_is_called_here() -> None:
    seen = observe.observe(torch.exp, torch.zeros(2))
    assert seen.operations == ("aten::exp",)
    assert seen.value.tolist() == [1, 1]
    made = compiled.compile_kernels(torch.exp, torch.zeros(2))
    assert made.findings == ()
    assert made.seen.operations == ("aten::exp",)
    told = chain.prepare(lambda query, *_: query, shape=(1, 2, 4, 8), dtype="float32")(3, 2)
    assert told.projections.shape == (2, 8)
    assert told.norms.shape == (2,)


@pytest.mark.parametrize(
    ("operations", "busy"),
    [
        (
            ("aten::empty.memory_format", "triton::kernel", "aten::copy_", "aten::slice.Tensor"),
            None,
        ),
        (("aten::empty.memory_format", "aten::mul.Tensor", "aten::sum"), "mul"),
        (("triton::mul", "torchvision::nms"), "nms"),
    ],
)
def test_what_computes_beside_a_kernel_is_named(
    operations: tuple[str, ...], busy: str | None
) -> None:
    assert observe.busy(observe.Observation(None, operations)) == busy
