"""What is handed out holds nothing hidden, and nothing that no gate has read."""

import bz2
import gzip
import io
import random
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from grader.course import beside
from grader.course.assignments import load
from grader.model import Assignment
from grader.release import RefusedError, readable, release, student
from grader.release.archives import pack
from grader.verify import Verification

NOISE = random.Random(1).randbytes(2_000)  # noqa: S311 - what no gate can read
PNG = b"\x89PNG\r\n\x1a\n" + NOISE


@pytest.fixture
def course(small: Assignment, tmp_path: Path) -> Path:
    """Return the folder of an assignment, in a course of its own."""
    assert small.solutions is not None
    for folder in (small.folder, small.solutions):
        shutil.copytree(folder, tmp_path / folder.parent.name / folder.name)
    return tmp_path / small.folder.parent.name / small.folder.name


def git(folder: Path, *arguments: str) -> None:
    names = ("-c", "user.name=a", "-c", "user.email=a@x.edu", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True)


def packed(folder: Path) -> dict[str, bytes]:
    archive = student.archive(load(str(folder)), b"{}")
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def with_a_history(folder: Path) -> None:
    """Make the folder a repository that once held the reference, as its history still does."""
    shutil.copyfile(folder.parents[1] / "solutions" / folder.name / "reference.py",
                    folder / "reference.py")  # fmt: skip
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Everything in one place")
    (folder / "reference.py").unlink()
    git(folder, "commit", "-q", "-a", "-m", "The reference moves")
    git(folder, "gc", "-q")


@pytest.mark.needs("git")
def test_a_repository_in_the_folder_is_left_out(course: Path) -> None:
    with_a_history(course)
    assert not [name for name in packed(course) if "/.git" in name]


@pytest.mark.needs("git")
def test_the_control_a_packed_history_holds_the_reference_and_no_gate_reads_it(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_a_history(course)
    monkeypatch.setattr(beside, "_is_left_out", lambda _name: False)
    files = packed(course)
    assert [name for name in files if name.endswith(".pack")]
    with pytest.raises(RefusedError, match=r"'readable' fails, .*\.git/.* cannot be searched"):
        release(load(str(course)), course / "dist", Verification(()))


@pytest.mark.parametrize(
    "hidden", [".env", ".venv/lib/x.py", "data/.cache/x", ".ipynb_checkpoints/x.ipynb", ".DS_Store"]
)
def test_what_is_hidden_is_left_out(course: Path, hidden: str) -> None:
    path = course / hidden
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(NOISE)
    (course / "data.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    names = packed(course)
    assert f"{course.name}/data.csv" in names
    assert not [name for name in names if hidden in name]


def test_a_hidden_folder_above_the_course_hides_nothing(course: Path, tmp_path: Path) -> None:
    inside = tmp_path / ".courses" / "assignments"
    shutil.copytree(course.parents[1] / "solutions", tmp_path / ".courses" / "solutions")
    shutil.copytree(course, inside / course.name)
    assert packed(inside / course.name).keys() == packed(course).keys()


def test_a_link_that_leads_out_of_the_folder_is_left_out(course: Path) -> None:
    secret = course.parents[1] / "solutions" / course.name / "reference.py"
    (course / "help.py").symlink_to(secret)
    assert f"{course.name}/help.py" not in packed(course)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.bin", NOISE),
        ("old.7z", b"7z\xbc\xaf\x27\x1c" + NOISE),
        ("cut.zip", pack({"a": NOISE})[:-40]),
        ("in.zip", pack({"a.txt": b"plain", "b.bin": NOISE})),
        ("x.gz", gzip.compress(NOISE)),
        ("cut.gz", gzip.compress(b"plain" * 99, mtime=0)[:-9]),
        ("x.bz2", bz2.compress(b"\xff" + NOISE)),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(course: Path, name: str, content: bytes) -> None:
    (course / name).write_bytes(content)
    with pytest.raises(RefusedError, match=f"'readable' fails, student.zip!small/{name}.*reason"):
        release(load(str(course)), course / "dist", Verification(()))
    assert not (course / "dist").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "ä".encode()), ("b.txt", "ä".encode("utf-16")), ("c.png", PNG),
        ("d.zip", pack({"a.txt": b"plain", "b.png": PNG})),
        ("e.gz", gzip.compress(b"plain", mtime=0)),
    ],
)  # fmt: skip
def test_what_can_be_read_is_handed_out(name: str, content: bytes) -> None:
    assert list(readable.unread(name, content)) == []
