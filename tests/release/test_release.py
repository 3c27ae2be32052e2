"""What is handed out: one file that works anywhere, an autograder that survives, the same bytes."""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader import wording
from grader.course import notebooks
from grader.course.assignments import load
from grader.model import Assignment
from grader.release import (
    RefusedError,
    Release,
    autograder,
    release,
    student,
    wheel,
)
from grader.release.archives import pack
from grader.verify import Gate, Verification
from grader.verify.agreement import stub_names
from tests.conftest import REPOSITORY, edit_cells
from tests.release.conftest import only_what_is_checked
from tests.support import requirements

pytestmark = pytest.mark.long

COLAB = """import sys, types
import otter.check.utils as utils
sys.modules["google.colab"] = types.ModuleType("google.colab")
utils.IPythonInterpreter.COLAB.value.check_strs.append("ZMQInteractiveShell")
for name in ("grader", "msgspec", "typer", "landlockpy", "pyseccomp"):
    sys.modules[name] = None  # what only we need is not there
"""


@pytest.fixture(scope="module")
def released(small: Assignment, tmp_path_factory: pytest.TempPathFactory) -> Release:
    return release(small, tmp_path_factory.mktemp("dist"), Verification(()))


def solve(assignment: Assignment, content: bytes) -> bytes:
    assert assignment.solutions is not None
    text = (assignment.solutions / "reference.py").read_text(encoding="utf-8")
    return notebooks.fill(content, text, stub_names(assignment), "reference.py")


def said(cell: dict[str, Any]) -> str:
    parts = []
    for output in cell["outputs"]:
        parts.append("".join(output.get("text", "")))
        parts.append("".join(output.get("data", {}).get("text/plain", "")))
        parts.append(output.get("ename", ""))
    return "\n".join(parts)


def checks_of(executed: bytes) -> list[str]:
    cells = [c for c in json.loads(executed)["cells"] if c["cell_type"] == "code"]
    return [said(c) for c in cells if notebooks.CHECK.search("".join(c["source"]))]


def test_the_same_tree_gives_the_same_bytes(
    small: Assignment, released: Release, tmp_path: Path
) -> None:
    again = release(small, tmp_path, Verification(()))
    for one, other in zip(released.files, again.files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_a_zip_has_no_moment_and_no_order_of_its_own() -> None:
    assert pack({"b": b"2", "a": b"1"}) == pack({"a": b"1", "b": b"2"})


def test_a_failing_gate_refuses_and_is_named(small: Assignment, tmp_path: Path) -> None:
    failing = Verification((Gate("wrong", "…", ("wrong/x.py should lose q1",)),))
    with pytest.raises(RefusedError, match=r"'wrong' fails, wrong/x.py should lose q1"):
        release(small, tmp_path, failing)
    assert list(tmp_path.iterdir()) == []


def test_force_is_recorded(
    small: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a kernel would make of the solution has nothing to do with it.
    monkeypatch.setattr(notebooks, "executed", lambda content, _folder: content)
    failing = Verification((Gate("wrong", "…", ("wrong/x.py should lose q1",)),))
    made = release(small, tmp_path, failing, force=True)
    manifest = json.loads((made.folder / "release.json").read_text())
    assert made.forced
    assert manifest["forced"]
    assert manifest["gates"]["wrong"] == ["wrong/x.py should lose q1"]


def test_the_manifest_lists_every_file_with_its_hash(released: Release) -> None:
    import hashlib

    manifest = json.loads((released.folder / "release.json").read_text())
    for name, digest in manifest["files"].items():
        data = (released.folder / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest
    assert set(manifest["files"]) == {
        "student/small.ipynb", "student.zip", "autograder.zip", "solution.ipynb", "solution.html"
    }  # fmt: skip


def test_nothing_hidden_is_in_what_students_get(small: Assignment, released: Release) -> None:
    with zipfile.ZipFile(released.folder / "student.zip") as archive:
        names = archive.namelist()
        texts = [archive.read(name).decode() for name in names]
    texts.append((released.folder / "student" / "small.ipynb").read_text())
    assert all(name.startswith("small/") for name in names)
    assert not any("of many" in text or "return 2 * x" in text for text in texts)
    assert small.solutions is not None


def run_alone(content: bytes, folder: Path, *, first: str = "") -> list[str]:
    """Run a solved notebook where nothing lies beside it, and return what its checks say."""
    if first:

        def put(cells: list[dict[str, object]]) -> None:
            cells.insert(0, {"cell_type": "code", "id": "first", "metadata": {}, "outputs": [],
                             "execution_count": None, "source": first})  # fmt: skip

        content = edit_cells(content, put)
    return checks_of(notebooks.executed(content, folder))


def test_the_single_file_is_solved_and_checked_on_colab(tmp_path: Path) -> None:
    """The larger of our assignments; what otter makes of the other is in test_release_otter.

    That the cells between the answers run is in tests/course/test_notebooks.py.
    """
    assignment = load("attention", REPOSITORY, need_solutions=True)
    content = edit_cells(student.notebook(assignment), only_what_is_checked(assignment))
    found = run_alone(solve(assignment, content), tmp_path, first=COLAB)
    assert len(found) > 5
    assert all("passed!" in text for text in found), found


def test_the_single_file_is_checked_from_its_metadata_in_jupyter(
    small: Assignment, tmp_path: Path
) -> None:
    def forget(cells: list[dict[str, object]]) -> None:
        cells[:] = [cell for cell in cells if cell["id"] != "public-tests"]

    content = edit_cells(solve(small, student.notebook(small)), forget)
    (tmp_path / small.notebook.name).write_bytes(content)
    found = run_alone(content, tmp_path)
    assert len(found) == 2
    assert all("passed!" in text for text in found), found


def test_without_its_tests_the_notebook_fails_on_colab(small: Assignment, tmp_path: Path) -> None:
    """The control: what makes the file work there is the cell, and otter really looks."""
    found = run_alone(solve(small, small.notebook.read_bytes()), tmp_path, first=COLAB)
    assert not any("passed!" in text for text in found)


def test_the_wheel_installs_and_holds_the_whole_package(tmp_path: Path) -> None:
    name, data = wheel.build()
    (tmp_path / name).write_bytes(data)
    with zipfile.ZipFile(tmp_path / name) as archive:
        held = set(archive.namelist())
    assert "grader/sandbox/wire/protocol.py" in held
    assert "grader/release/templates/run_autograder" in held
    assert not any("__pycache__" in item for item in held)
    target = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-compile",
               "--target", str(target), str(tmp_path / name)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    assert (target / "grader" / "commands" / "main.py").is_file()


# Gradescope's container: root, no namespaces, /autograder with source, submission and results.

DENY_NAMESPACES = """
import os, sys
import pyseccomp as seccomp
rules = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
denied = seccomp.ERRNO(1)
flags = 0x10000000 | 0x00020000 | 0x20000000 | 0x40000000 | 0x08000000 | 0x04000000
for name in ("unshare", "setns", "mount", "pivot_root"):
    rules.add_rule(denied, name)
for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000):
    rules.add_rule(denied, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
rules.add_rule(seccomp.ERRNO(38), "clone3")
rules.load()
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True)
class Container:
    root: Path
    site: Path
    python: Path

    def grade(self, content: bytes | None, name: str = "small.ipynb") -> dict[str, Any]:
        folder = self.root / "submission"
        for old in folder.iterdir():
            old.unlink()
        if content is not None:
            (folder / name).write_bytes(content)
        (self.root / "results" / "results.json").unlink(missing_ok=True)
        environment = {
            "PATH": "/usr/bin:/bin",
            "GRADER_PYTHON": str(self.python),
            "PYTHONPATH": str(self.site),
            "HOME": str(self.root),
        }
        script = self.root / "source" / "run_autograder"
        command = [sys.executable, "-c", DENY_NAMESPACES, "/bin/bash", str(script), str(self.root)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120,
                              env=environment, cwd=self.root)  # fmt: skip
        target = self.root / "results" / "results.json"
        assert target.is_file(), done.stderr
        result: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
        result["stderr"] = done.stderr
        return result


@pytest.fixture(scope="module")
def container(
    released: Release, image: Path, tmp_path_factory: pytest.TempPathFactory
) -> Container:
    requirements.require("seccomp", "landlock")
    root = tmp_path_factory.mktemp("gradescope") / "autograder"
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    with zipfile.ZipFile(released.folder / "autograder.zip") as archive:
        archive.extractall(root / "source")
    metadata = {"id": 1, "users": [{"email": "ada@example.edu", "name": "Ada", "sid": "1"}]}
    (root / "submission_metadata.json").write_text(json.dumps(metadata))
    wheels = list((root / "source").glob("*.whl"))
    site = root / "site"
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-compile",
               "--target", str(site), *map(str, wheels)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return Container(root, site, image)


def scores_in(result: dict[str, Any]) -> dict[str, float | None]:
    return {test["name"]: test.get("score") for test in result["tests"]}


def test_a_wrong_submission_loses_what_is_wrong(container: Container, small: Assignment) -> None:
    content = solve(small, small.notebook.read_bytes()).replace(b"return 2 * x", b"return 4")
    found = scores_in(container.grade(content))
    assert found == {"q1: q1 of two": 1, "q1: q1 of many": 0,
                      "q2: q2 of two": 1, "q2: q2 of many": 2}  # fmt: skip


def with_first_cell(content: bytes, source: str) -> bytes:
    def put(cells: list[dict[str, object]]) -> None:
        cells.insert(0, {"cell_type": "code", "id": "first", "metadata": {}, "outputs": [],
                         "execution_count": None, "source": source})  # fmt: skip

    return edit_cells(content, put)


def test_a_right_submission_gets_its_points_without_namespaces_and_a_hanging_cell_costs_nothing(
    container: Container, small: Assignment
) -> None:
    content = solve(small, small.notebook.read_bytes())
    result = container.grade(with_first_cell(content, "while True:\n    pass"))
    assert result.get("score") == 6, result["stderr"]
    assert result["extra_data"]["isolation"] in {"container-uid", "same-uid"}
    assert {test["visibility"] for test in result["tests"]} == {"visible", "after_published"}


def test_a_hostile_submission_reads_nothing_and_forges_nothing(
    container: Container, small: Assignment
) -> None:
    root = container.root
    source = f"""
import glob, os, signal
for place in glob.glob({str(root / "source")!r} + "/**/*.py", recursive=True):
    try:
        print(open(place).read())
    except OSError as problem:
        print(problem)
for attack in (
    lambda: open({str(root / "results" / "results.json")!r}, "w").write('{{"score": 1000}}'),
    lambda: os.kill(os.getppid(), signal.SIGKILL),
    lambda: os.kill(-1, signal.SIGKILL),
):
    try:
        attack()
    except OSError as problem:
        print(problem)
def double(x):
    raise ValueError(repr(glob.glob({str(root / "source")!r} + "/**/*", recursive=True)))
"""
    content = small.notebook.read_bytes()
    text = json.dumps(container.grade(with_first_cell(content, source)))
    assert '"score": 0.0' in text or '"score": 0' in text
    for secret in ("for number in rng.integers", "reference.py", "return x * x", "1000}"):
        assert secret not in text


def test_no_notebook_is_said_and_costs_nothing_but_points(container: Container) -> None:
    result = container.grade(b"my homework", name="essay.txt")
    assert "No notebook was handed in" in result["output"]
    assert result["score"] == 0


@pytest.mark.needs("isolation")
def test_what_was_judged_survives_the_global_timeout(
    small: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grader.release import container as program

    assert small.solutions is not None
    seen: list[dict[str, Any]] = []
    write: Callable[[Path, dict[str, Any]], None] = program._write

    def note(target: Path, document: dict[str, Any]) -> None:
        seen.append(document)
        write(target, document)

    monkeypatch.setattr(program, "_write", note)
    for name in ("source", "submission"):
        (tmp_path / name).mkdir()
    with zipfile.ZipFile(_zip(small, tmp_path)) as archive:
        archive.extractall(tmp_path / "source")
    content = solve(small, small.notebook.read_bytes())
    (tmp_path / "submission" / "small.ipynb").write_bytes(content)
    assert program.main([str(tmp_path)]) == 0
    *so_far, final = seen
    assert final["score"] == 6
    # While questions wait there is no score, which would be a zero for what was not judged.
    assert not any("score" in part for one in so_far for part in [one, *one["tests"]])
    judged = [sum("status" in test for test in one["tests"]) for one in so_far]
    assert judged == [0, 1, 2, 3, 4]
    assert {one["output"] for one in so_far} == {wording.NOT_FINISHED}


@pytest.mark.parametrize("when", ["before", "after a question"])
@pytest.mark.needs("isolation")
def test_a_fault_of_ours_leaves_no_score(
    small: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    from grader.grading import judge as judging
    from grader.release import container as program

    original = judging.judge

    def fail(request: judging.Request, engine: judging.Engine) -> None:
        if when == "after a question":
            original(request, engine)
        raise RuntimeError("a fault of ours")

    for name in ("source", "submission"):
        (tmp_path / name).mkdir()
    with zipfile.ZipFile(_zip(small, tmp_path)) as archive:
        archive.extractall(tmp_path / "source")
    (tmp_path / "submission" / "small.ipynb").write_bytes(small.notebook.read_bytes())
    monkeypatch.setattr(judging, "judge", fail)
    assert program.main([str(tmp_path)]) == 1
    document = json.loads((tmp_path / "results" / "results.json").read_text())
    assert not any("score" in part for part in [document, *document["tests"]])
    assert document["output"] == wording.UNGRADED


def test_what_the_reference_does_not_pass_there_gets_no_score(
    small_course: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from grader.release import container as program

    shutil.copytree(small_course, tmp_path / "course")
    hidden = tmp_path / "course" / "solutions" / "small" / "tests" / "q2.py"
    text = hidden.read_text(encoding="utf-8")
    hidden.write_text(text.replace("assert", "import scipi\n        assert"), encoding="utf-8")
    small = load("small", tmp_path / "course", need_solutions=True)
    for name in ("source", "submission"):
        (tmp_path / name).mkdir()
    with zipfile.ZipFile(_zip(small, tmp_path)) as archive:
        archive.extractall(tmp_path / "source")
    content = solve(small, small.notebook.read_bytes())
    (tmp_path / "submission" / "small.ipynb").write_bytes(content)
    assert program.main([str(tmp_path)]) == 0
    document = json.loads((tmp_path / "results" / "results.json").read_text())
    assert "score" not in document
    # Gradescope adds up the scores of tests where there is no other, and would make this a loss.
    assert not any("score" in test for test in document["tests"])
    states = {test["name"]: test.get("status") for test in document["tests"]}
    assert states == {
        "q1: q1 of two": "passed", "q1: q1 of many": "passed", "q2: q2 of two": "passed",
        "q2: q2 of many": None,
    }  # fmt: skip
    assert "scipi" not in json.dumps(document)
    assert "The module scipi, which the reference needs" in capfd.readouterr().err


def _zip(assignment: Assignment, folder: Path) -> Path:
    path = folder / "autograder.zip"
    path.write_bytes(autograder.archive(assignment))
    return path
