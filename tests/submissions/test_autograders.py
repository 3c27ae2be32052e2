"""What otter packs is recognised by content and copied under guards; nothing in it is run."""

import ast
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.submissions import notebook_tests, sources, unpacking
from grader.submissions.autograders import load
from tests.conftest import write_small_course
from tests.support.autograders import OK_TEST, TESTS, packed, write_autograder

CONFIG = {"seed": 3, "token": "s3cret", "course_id": 11, "assignment_id": 12}
FILES = {"data.csv": "a,b\n1,2\n", "lib/helpers.py": "FACTOR = 2\n"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this test's own for what is unpacked."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_autograder(tmp_path / "hw03" / "autograder", CONFIG, files=FILES)


def of_assign(folder: Path) -> Path:
    """Lay a folder out as `otter assign` does: an archive, and beside it what it was made of."""
    made = folder.parent / "dist" / "autograder"
    packed(folder, made / "hw03-autograder_2026_11_26T19_11_10_497371.zip")
    (made / "data.csv").write_text(FILES["data.csv"], encoding="utf-8")
    (made / "otter_config.json").write_text("{}", encoding="utf-8")
    (made / "hw03.ipynb").write_text(notebook({"q1": OK_TEST}), encoding="utf-8")
    return made


def notebook(tests: dict[str, str], **metadata: object) -> str:
    """Return a notebook with tests in its metadata, as `otter assign` writes them."""
    specs = {
        name: ast.literal_eval(text.format(name=name, points=2).partition("test = ")[2])
        for name, text in tests.items()
    }
    otter = {"OK_FORMAT": True, "tests": specs, **metadata}
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None,
            "source": "x = 3"}  # fmt: skip
    return json.dumps({"cells": [cell], "metadata": {"otter": otter}, "nbformat": 4,
                       "nbformat_minor": 4})  # fmt: skip


WAYS: dict[str, Callable[[Path], Path]] = {
    "a folder": lambda folder: folder,
    "a zip": lambda folder: packed(folder, folder.parent / "autograder.zip"),
    "a zip of a folder": lambda folder: packed(folder, folder.parent / "a.zip", "autograder/"),
    "a zip by another name": lambda folder: packed(folder, folder.parent / "autograder.dat"),
    "what otter assign made": of_assign,
    "the folder above it": lambda folder: of_assign(folder).parent,
    "the course's folder": lambda folder: of_assign(folder).parents[1],
    "a zip of what otter assign made": lambda folder: packed(
        of_assign(folder).parent, folder.parent / "d.zip", "dist/"
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_packed_it_is_the_same_assignment(
    folder: Path, way: str, tmp_path: Path
) -> None:
    loaded, plain = load(str(WAYS[way](folder))), load(str(folder))
    assert loaded.sha256 == plain.sha256
    assert loaded.questions == plain.questions
    assert [(q.name, q.points) for q in loaded.questions] == [("q1", 2.0), ("q2", 4.0)]
    held = {path.relative_to(loaded.folder).as_posix() for path in loaded.folder.rglob("*.*")}
    assert {"files/data.csv", "files/lib/helpers.py", "tests/q1.py", "tests/q2.py"} <= held
    assert not held & {"run_otter.py", "setup.sh"}
    assert not (tmp_path / "hw03" / "ran").exists()


def test_what_macos_and_python_add_is_passed_over(folder: Path, tmp_path: Path) -> None:
    plain = load(str(folder)).sha256
    (folder / "tests" / "__init__.py").touch()
    (folder / ".DS_Store").write_bytes(b"mac")
    (folder / "files" / "._data.csv").write_bytes(b"mac")
    archive = packed(folder, tmp_path / "hw.zip", "hw/")
    with zipfile.ZipFile(archive, "a") as written:
        written.writestr("__MACOSX/hw/._tests", b"mac")
        written.writestr(".DS_Store", b"mac")
    assert load(str(folder)).sha256 == load(str(archive)).sha256 == plain


def test_a_zip_is_the_same_assignment_wherever_it_lies(folder: Path, tmp_path: Path) -> None:
    one = load(str(packed(folder, tmp_path / "hw03" / "autograder.zip")))
    other = load(str(packed(folder, tmp_path / "elsewhere" / "hw04.zip")))
    assert (one.slug, other.slug) == ("hw03", "hw04")
    assert one.sha256 == other.sha256


def test_the_unpacked_folder_is_an_assignment_itself(folder: Path) -> None:
    loaded = load(str(folder))
    again = load(str(loaded.folder), ignore_plugins=True)
    assert again.sha256 == loaded.sha256
    assert again.slug == loaded.slug
    assert again.folder == loaded.folder


def test_an_assignment_is_called_by_its_configuration_first(tmp_path: Path) -> None:
    folder = write_autograder(tmp_path / "x", {"assignment_name": "Homework 3"})
    loaded = load(str(packed(folder, tmp_path / "y.zip")))
    assert (loaded.slug, loaded.title) == ("Homework 3", "Homework 3")


def test_what_is_secret_is_on_no_disk_of_ours_and_noted_once(folder: Path, cache: Path) -> None:
    loaded = load(str(packed(folder, folder.parent / "autograder.zip")))
    texts = [path.read_text(encoding="utf-8") for path in cache.rglob("*") if path.is_file()]
    assert texts
    assert not any("s3cret" in text for text in texts)
    assert loaded.otter is not None
    assert [note for note in loaded.otter.notes if "token" in note] == list(loaded.otter.notes)
    assert "s3cret" not in repr(loaded)


def test_the_unpacked_folder_is_for_its_user_alone(folder: Path, cache: Path) -> None:
    loaded = load(str(folder))
    assert (cache / "ulp-grader" / "otter").stat().st_mode & 0o077 == 0
    assert loaded.folder.is_relative_to(cache)


@pytest.mark.parametrize("harm", ["changed", "added", "removed"])
def test_an_unpacked_folder_that_was_meddled_with_is_made_again(folder: Path, harm: str) -> None:
    before = load(str(folder))
    place = before.folder / "tests" / ("q3.py" if harm == "added" else "q1.py")
    if harm == "removed":
        place.unlink()
    else:
        place.write_text(OK_TEST.format(name="q3", points=50), encoding="utf-8")
    after = load(str(folder))
    assert after.sha256 == before.sha256
    assert after.questions == before.questions


def test_a_notebook_holds_public_tests_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "lab01.ipynb"
    public = OK_TEST.replace("'hidden': True", "'hidden': False")
    path.write_text(notebook({"q1": public, "q2": public}), encoding="utf-8")
    loaded = load(str(path))
    assert (loaded.slug, [q.name for q in loaded.questions]) == ("lab01", ["q1", "q2"])
    assert loaded.otter is not None
    assert any("public ones only" in note for note in loaded.otter.notes)


def test_a_notebook_with_hidden_tests_is_not_said_to_have_public_ones_only(tmp_path: Path) -> None:
    path = tmp_path / "solution.ipynb"
    path.write_text(notebook({"q1": OK_TEST}), encoding="utf-8")
    loaded = load(str(path))
    assert loaded.questions[0].hidden_points == 1.0
    assert loaded.otter is not None
    assert not loaded.otter.notes


def test_files_that_a_notebook_names_come_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lab01.ipynb"
    document = json.loads(notebook({"q1": OK_TEST}))
    source = "import helpers\nopen('a.csv')\nopen('data/words.txt')\nprint('music', \"b.csv\")"
    document["cells"][0]["source"] = source
    path.write_text(json.dumps(document), encoding="utf-8")
    beside = ("helpers.py", "a.csv", "b.csv", "c.csv", "data/words.txt", "music/long.mp3",
              "other.ipynb", "submissions.zip", "tests/q9.txt")  # fmt: skip
    for name in beside:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "data" / "ada.ipynb").touch()  # what students handed in
    given = {name for name, _ in load(str(path)).given}
    assert given == {"helpers.py", "a.csv", "b.csv"}
    (tmp_path / "data" / "ada.ipynb").unlink()
    given = {name for name, _ in load(str(path)).given}
    assert given == {"helpers.py", "a.csv", "b.csv", "data/words.txt"}
    (tmp_path / "other.ipynb").unlink()
    (tmp_path / "submissions.zip").unlink()
    given = {name for name, _ in load(str(path)).given}  # the assignment's own folder
    assert given == {"helpers.py", "a.csv", "b.csv", "c.csv", "data/words.txt", "music/long.mp3"}
    for number in range(notebook_tests.HANDED_OUT):
        (tmp_path / "music" / str(number)).touch()
    given = {name for name, _ in load(str(path)).given}  # somebody's whole disk
    assert given == {"helpers.py", "a.csv", "b.csv", "data/words.txt"}


def test_a_notebook_in_r_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lab01.ipynb"
    document = json.loads(notebook({}))
    document["metadata"]["kernelspec"] = {"name": "ir", "language": "R"}
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(GraderError, match="is an assignment in R"):
        load(str(path))


def test_what_nobody_has_used_for_long_is_removed(folder: Path, tmp_path: Path) -> None:
    old = load(str(folder)).folder
    left = old.parent / ".making-left"
    left.mkdir()
    for path in (old / unpacking.NOTE, left):
        os.utime(path, (0, 0))
    other = write_autograder(tmp_path / "hw04" / "autograder", {"seed": 5})
    assert load(str(other)).folder.is_dir()
    assert not old.exists()
    assert not left.exists()


def test_a_notebook_may_have_its_tests_beside_it(tmp_path: Path) -> None:
    write_autograder(tmp_path)
    (tmp_path / "otter_config.json").unlink()
    path = tmp_path / "lab01.ipynb"
    path.write_text(notebook({}), encoding="utf-8")
    assert [q.name for q in load(str(path)).questions] == ["q1", "q2"]


def test_exception_tests_of_a_notebook_are_kept_as_they_are(tmp_path: Path) -> None:
    document = json.loads(notebook({}))
    document["metadata"]["otter"] = {"OK_FORMAT": False, "tests": {"q2": TESTS["q2"]}}
    path = tmp_path / "lab01.ipynb"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert [q.points for q in load(str(path)).questions] == [4.0]


def test_an_older_script_holds_the_configuration(tmp_path: Path) -> None:
    folder = write_autograder(tmp_path / "hw")
    (folder / "otter_config.json").unlink()
    script = 'raise SystemExit(1)\nconfig = {"points_possible": 7, "token": "s3cret"}\n'
    (folder / "run_otter.py").write_text(script, encoding="utf-8")
    loaded = load(str(folder))
    assert loaded.otter is not None
    assert loaded.otter.points_possible == 7


def test_our_own_assignments_are_loaded_as_ever(tmp_path: Path) -> None:
    course = write_small_course(tmp_path)
    assert load("small", course, need_solutions=True).otter is None
    assert load(str(course / "assignments" / "small")).otter is None


# What is refused, in one sentence with the next step.


def zipped(path: Path, members: dict[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


TEST = TESTS["q1"].encode()
WHOLE: dict[str | zipfile.ZipInfo, bytes] = {"tests/q1.py": TEST, "otter_config.json": b"{}"}


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("files/passwords")
    info.external_attr = 0o120777 << 16
    return info


def encrypted(path: Path) -> Path:
    """Mark every member as encrypted, as a packer with a password does."""
    zipped(path, WHOLE)
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 1)
    path.write_bytes(content)
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "in R": (lambda path: zipped(path, {"tests/q1.R": b"", "otter_config.json": b"{}"}),
             r"is an assignment in R, and only Python is graded here"),
    "in R by its configuration": (
        lambda path: zipped(path, {**WHOLE, "otter_config.json": b'{"lang": "r"}'}),
        r"the assignment is in R"),
    "no autograder": (lambda path: zipped(path, {"notes.txt": b"a"}),
                      r"an otter autograder has tests/\*\.py"),
    "submissions": (lambda path: zipped(path, {"ada.ipynb": b"{}"}),
                    r"it holds notebooks, as submissions do"),
    "no zip": (lambda path: (path.write_bytes(b"PK\x03\x04 and nothing") and path) or path,
               r"is not a readable zip"),
    "cut off": (lambda path: (path.write_bytes(zipped(path, WHOLE).read_bytes()[:-40]) and path)
                or path, r"is not a readable zip"),
    "a password": (encrypted, r"is encrypted; pack it again without a password"),
    "a way out": (lambda path: zipped(path, {**WHOLE, "../../escaped.py": b"a"}),
                  r"'\.\./\.\./escaped\.py', which has a path that leads out of the zip"),
    "an absolute name": (lambda path: zipped(path, {**WHOLE, "/etc/escaped": b"a"}),
                         r"has an absolute path"),
    "a link": (lambda path: zipped(path, {**WHOLE, link(): b"/etc/passwd"}),
               r"files/passwords is a symbolic link in the zip"),
    "a test too large": (lambda path: zipped(path, {**WHOLE, "tests/q2.py": b"#" * 5_000_000}),
                         r"tests/q2\.py is larger than the"),
    "no configuration": (lambda path: zipped(path, {"tests/q1.py": TEST}),
                         r"an otter autograder has tests/\*\.py"),
    "a broken configuration": (lambda path: zipped(path, {**WHOLE, "otter_config.json": b"{"}),
                               r"otter_config\.json is not JSON"),
    "no test in a test": (lambda path: zipped(path, {**WHOLE, "tests/q2.py": b"import os"}),
                          r"tests/q2\.py says no name of its question"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_used_is_refused_in_a_sentence(kind: str, tmp_path: Path) -> None:
    make, said = REFUSED[kind]
    (tmp_path / "in").mkdir()
    path = make(tmp_path / "in" / "autograder.zip")
    with pytest.raises(GraderError, match=said) as refused:
        load(str(path))
    assert refused.value.exit_status == 2
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.rglob("escaped*"))
    assert not list((tmp_path / "cache").rglob(".making-*"))


def test_a_bomb_is_refused_before_it_fills_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "EXPANSION_FLOOR", 1_000_000)
    path = zipped(tmp_path / "a.zip", {**WHOLE, "files/zeros": b"\0" * 20_000_000})
    with pytest.raises(GraderError, match=r"files/zeros is larger than the"):
        load(str(path))
    monkeypatch.setattr(sources, "EXPANSION_FLOOR", 100_000_000)
    monkeypatch.setattr(unpacking, "ALL_BYTES", 1_000_000)
    with pytest.raises(GraderError, match=r"its files are more than 1,000,000 bytes"):
        load(str(path))
    held = [one for one in (tmp_path / "cache").rglob("*") if one.is_file()]
    assert not held


def test_links_in_a_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret", encoding="utf-8")
    Path(folder / "files" / "secret").symlink_to(tmp_path / "secret")
    with pytest.raises(GraderError, match=r"files/secret is a symbolic link"):
        load(str(folder))


@pytest.mark.parametrize("suffix", [".Rmd", ".R", ".qmd"])
def test_a_file_in_r_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"hw{suffix}"
    path.write_text("x <- 3\n", encoding="utf-8")
    with pytest.raises(GraderError, match="is an assignment in R"):
        load(str(path))


def test_a_notebook_without_tests_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hw.ipynb"
    path.write_text(notebook({}), encoding="utf-8")
    with pytest.raises(GraderError, match="is a notebook without otter's tests in its metadata"):
        load(str(path))


def test_two_archives_in_a_folder_are_told_apart_by_a_person(folder: Path, tmp_path: Path) -> None:
    for name in ("hw1.zip", "hw2.zip"):
        packed(folder, tmp_path / "both" / name)
    with pytest.raises(GraderError, match=r"holds 2 autograders \(hw1\.zip, hw2\.zip\); name one"):
        load(str(tmp_path / "both"))


@pytest.mark.parametrize("name", ["nowhere.zip", "no/where.ipynb"])
def test_a_file_that_is_not_there_is_said_to_be_missing(name: str) -> None:
    with pytest.raises(GraderError, match="There is no file"):
        load(name)


def test_a_folder_that_cannot_be_written_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(GraderError, match="name one by XDG_CACHE_HOME"):
        load(str(folder))
