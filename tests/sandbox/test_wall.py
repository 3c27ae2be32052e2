"""What runs beside student code is two folders, and they reach nothing else of ours."""

import ast
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import sandbox
from grader.model import Limits
from grader.sandbox import Worker

PACKAGE = Path(__file__).resolve().parents[2] / "grader"
SANDBOX = PACKAGE / "sandbox"
INSIDE = ("grader.sandbox.inside", "grader.sandbox.wire")
# What a worker finds among its packages.
LIBRARIES = frozenset(
    {"IPython", "landlockpy", "matplotlib", "msgspec", "numpy", "torch", "traitlets", "triton"}
) | {"mpmath", "pandas", "pytz", "scipy", "sympy"}  # where a value of theirs has come
IMPORTERS = ("import_module", "__import__")
FILES = sorted(path for name in ("inside", "wire") for path in (SANDBOX / name).rglob("*.py"))


def imports(text: str, module: str) -> Iterator[str]:
    """Yield the absolute name of everything that a module's text imports, wherever it stands.

    Also what only a type checker imports, and `import_module` of a name that is written there.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".")[: -node.level] if node.level else []
            start = ".".join([*package, *([node.module] if node.module else [])])
            yield from (f"{start}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(IMPORTERS):
            yield from (
                part.value
                for part in node.args
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
            )


def crossing(text: str, module: str) -> list[str]:
    """Return what a module beside student code imports and must not."""
    return [name for name in imports(text, module) if not is_allowed(name)]


def is_allowed(name: str) -> bool:
    first = name.split(".", 1)[0]
    if first in LIBRARIES | sys.stdlib_module_names:
        return True
    return any(f"{name}.".startswith(f"{folder}.") for folder in INSIDE)


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts)  # an __init__ keeps its name, so that one level is its own folder


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_beside_student_code_imports_only_what_is_there(path: Path) -> None:
    assert crossing(path.read_text(encoding="utf-8"), module_name(path)) == []


@pytest.mark.parametrize(
    "line",
    [
        "from .. import session",
        "from ..session import Session",
        "from ...model import Limits",
        "import grader.model",
        "from grader.errors import GraderError",
        "if TYPE_CHECKING:\n    from ..levels.recipes import KnownGap",
        "def late():\n    import otter",
        "importlib.import_module('grader.errors')",
        "__import__('otter')",
        "import requests",
    ],
)
def test_an_import_over_the_wall_is_seen(line: str) -> None:
    assert crossing(line, "grader.sandbox.inside.worker") != []


@pytest.mark.parametrize(
    "line",
    [
        "from . import syscalls",
        "from ..wire.channel import Channel",
        "from ..wire import arrays",
        "import os.path",
        "from torch.utils import data",
    ],
)
def test_an_import_on_this_side_of_the_wall_is_allowed(line: str) -> None:
    assert crossing(line, "grader.sandbox.inside.worker") == []


LOADED = """
import subprocess
import sys
loaded = sorted(sys.modules)
sources = [getattr(sys.modules[name], "__file__", None) or "" for name in loaded]
"""


def test_a_child_holds_no_other_module_of_ours(worker: Worker) -> None:
    with worker.session(Limits(), deadline=time.monotonic() + 600) as child:
        assert child.run_cell(LOADED, 1).failure is None
        loaded, sources = child.value("loaded"), child.value("sources")
    ours = {name for name in loaded if name.split(".", 1)[0] in {"sandbox", "grader"}}
    known = {module_name(path).removeprefix("grader.").removesuffix(".__init__") for path in FILES}
    assert {"sandbox.inside.child", "sandbox.wire.channel"} <= ours
    assert ours <= known | {"sandbox"}
    assert [place for place in sources if place.startswith(str(PACKAGE))] == []


def test_the_package_has_a_face_that_waits_to_be_asked() -> None:
    code = (
        "import sys, grader.sandbox.inside\n"
        "heavy = {'torch', 'numpy', 'msgspec', 'otter', 'subprocess'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert set(sandbox.__all__) == {name for names in sandbox._PLACES.values() for name in names}
    assert all(getattr(sandbox, name).__name__ == name for name in sandbox.__all__)
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        sandbox.other  # noqa: B018
