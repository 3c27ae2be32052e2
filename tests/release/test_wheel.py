"""The wheel shows its own course wherever somebody has typed `pip install`, and hides it."""

import runpy
import sys
import types
import zipfile
from pathlib import Path

import pytest

from grader.course.assignments import available
from grader.release import wheel
from tests.conftest import REPOSITORY
from tests.release.conftest import run

COURSE = "share/ulp-grader"

# Whatever a student may look through: where packages lie, the interpreter, and the exact place.
SEARCH = """
import os, sys
found = []
for place in {places!r} + [path for path in sys.path if path]:
    for folder, _, names in os.walk(place):
        if "reference.py" in names and "softmax" in folder:
            try:
                found.append(open(folder + "/reference.py").read())
            except OSError:
                pass
"""
LOOK_FROM_INSIDE = """
import sys, time
from grader.course.assignments import own_course
from grader.model import Isolation, Limits
from grader.sandbox.proof.probes import choose_isolation
from grader.sandbox import Worker
level = choose_isolation() if sys.argv[1] == "best" else Isolation("none")
with Worker(isolation=level, warm=False) as worker:
    with worker.session(Limits(), deadline=time.monotonic() + 600) as child:
        search = {search!r}.format(places=[sys.prefix, str(own_course())])
        assert child.run_cell(search, 1).failure is None
        print(len(child.value("found")))
"""


def test_a_new_assignment_and_the_courses_own_are_found(environment: Path, tmp_path: Path) -> None:
    ask = (
        "import pathlib, grader, grader.course.assignments as a\n"
        "print(pathlib.Path(grader.__file__).parent)\n"
        "print(a.find_course(pathlib.Path.cwd()))\n"
        "print(*(a.load(name, need_solutions=True).slug for name in a.available("
        "a.find_course(pathlib.Path.cwd()))))"
    )
    package, course, slugs = run(environment, tmp_path, "python", "-c", ask).splitlines()
    assert Path(package).is_relative_to(environment)
    assert Path(course) == environment / COURSE
    assert slugs.split() == available(REPOSITORY)
    run(environment, tmp_path, "grader", "new", "sums")
    assert run(environment, tmp_path, "python", "-c", ask).splitlines()[1:] == [
        str(tmp_path), "sums",
    ]  # fmt: skip


@pytest.mark.needs("isolation")
@pytest.mark.parametrize(("level", "seen"), [("best", 0), ("none", 1)])
def test_student_code_does_not_see_the_solutions_of_the_wheel(
    environment: Path, tmp_path: Path, level: str, seen: int
) -> None:
    """Without isolation the same search finds them."""
    look = LOOK_FROM_INSIDE.format(search=SEARCH)
    found = int(run(environment, tmp_path, "python", "-c", look, level))
    assert found == seen if seen == 0 else found >= seen


def test_what_is_uploaded_to_gradescope_carries_no_course(built: Path, tmp_path: Path) -> None:
    assert any(f"{COURSE}/solutions/softmax/reference.py" in name for name in names(built))
    name, data = wheel.build()
    (tmp_path / name).write_bytes(data)
    ours = names(tmp_path / name)
    assert "grader/commands/main.py" in ours
    assert not [item for item in ours if "softmax" in item or "attention" in item]


@pytest.mark.parametrize(("version", "parts"), [("editable", 0), ("standard", 2)])
def test_an_editable_installation_has_no_copy_of_the_course(
    version: str, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would lie where nobody looks for it; the checkout's own is shown."""
    interface = types.ModuleType("interface")
    interface.BuildHookInterface = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hatchling.builders.hooks.plugin.interface", interface)
    hook = runpy.run_path(str(REPOSITORY / ".ci" / "wheel.py"))["CourseHook"]()
    data: dict[str, dict[str, str]] = {"shared_data": {}}
    hook.initialize(version, data)
    assert len(data["shared_data"]) == parts


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()
