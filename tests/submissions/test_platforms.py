"""Every platform's download, whatever lies beside and around it: the same people are found."""

import os
import re
import tempfile
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from grader.model import Limits
from grader.submissions import layouts
from grader.submissions.collection import Collection, collect
from grader.submissions.content import Wanted
from tests.conftest import REPOSITORY
from tests.support.downloads import (
    DOWNLOADS,
    QUESTIONS,
    SLUG,
    STUBS,
    Files,
    Student,
    book,
    folders,
    owner_of,
    pack,
    pack_raw,
    write,
)

WANTED = Wanted(SLUG, STUBS, QUESTIONS)
ADA = Student("Ada", "Lovelace", "ada", 41230)
BLAISE = Student("Blaise", "Pascal", "blaise2", 41231)
EMMY = Student("Emmy", "Noether", "emmy", 51232)
CLASS = (ADA, BLAISE, EMMY)
NAMELESS = {"otter exports"}


def gather(*paths: Path, layout: str | None = None) -> Collection:
    return collect(paths, layout=layout, limits=Limits(), assignment=WANTED)


def owners(found: Collection) -> list[str]:
    return sorted(owner_of(one.content) for one in found.submissions)


def owners_of(found: Collection) -> list[str]:
    return sorted(owner_of(one.content) for one in found.submissions if one.content)


def folders_of(files: Files) -> set[str]:
    return {path.rpartition("/")[0] for path in files}


def squashed(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFC", name).casefold() if c.isalnum())


def check(found: Collection, people: Sequence[Student], *, are_named: bool = True) -> None:
    """Everybody is found once, with the notebook to be graded and under a name of their own."""
    assert owners(found) == sorted(one.login for one in people), found.understood
    assert not found.lost
    for one in found.submissions:
        person = next(p for p in people if p.login == owner_of(one.content))
        names = (person.login, person.name, person.first, person.last)
        assert not are_named or any(squashed(name) in squashed(one.student) for name in names)
    assert len({one.student for one in found.submissions}) == len(people)


@pytest.mark.parametrize("name", DOWNLOADS)
def test_each_platforms_download_is_recognised_and_read(tmp_path: Path, name: str) -> None:
    layout, make = DOWNLOADS[name]
    export = write(tmp_path / "class", make(CLASS))
    found = gather(export)
    check(found, CLASS, are_named=name not in NAMELESS)
    assert layouts.load()[layout].title in found.understood
    assert found.understood.startswith("3 students from ")
    assert [c.submission.student for c in gather(export, layout=layout).chosen] == [
        c.submission.student for c in found.chosen
    ]


def test_every_layout_has_a_download_here() -> None:
    assert {layout for layout, _ in DOWNLOADS.values()} == set(layouts.names()) - {"single"}


def test_every_layout_has_a_line_on_the_page() -> None:
    page = (REPOSITORY / ".github" / "PLATFORMS.md").read_text("utf-8")
    told = re.findall(r"^\| [^|`]+, `(\w+)` \|", page, re.MULTILINE)
    assert sorted(told) == layouts.names()


PARTED = ("moodle", "brightspace", "sakai", "ilias", "teams", "nbgrader", "nbgrader exchange",
          "github", "folders", "sections")  # fmt: skip


@pytest.mark.parametrize("form", ["folder", "zip"])
@pytest.mark.parametrize("name", PARTED)
def test_whoever_has_a_folder_in_which_nothing_lies_is_seen(
    tmp_path: Path, name: str, form: str
) -> None:
    make = DOWNLOADS[name][1]
    files = make((ADA, BLAISE))
    # No section of one: what it leaves behind would be an empty section.
    people = (ADA, BLAISE, EMMY) if name != "sections" else (ADA, EMMY, BLAISE)
    first = next(folder for folder in sorted(folders_of(files)) if folder)
    left = folders_of(make(people)) - folders_of(files) | {f"{first}/figures"}
    whole = {**files, **{f"{folder}/": b"" for folder in left if "/.git" not in folder}}
    export = as_download(tmp_path, whole, form, "")
    found = gather(export)
    nothing = [one for one in found.submissions if not one.content]
    assert owners_of(found) == ["ada", "blaise2"]
    assert [one.problem for one in nothing if "Nothing was handed in" in (one.problem or "")]
    assert len(nothing) == 1
    assert "emmy" in squashed(nothing[0].student)
    assert any("see whether the download is whole" in note for note in found.notes)
    assert not any(path.path.endswith("/") for path in found.skipped)


@pytest.mark.parametrize("hidden", ["", ".git/HEAD", "__MACOSX/._small.ipynb", "a/b/"])
def test_a_folder_that_only_seems_to_hold_something_is_empty(tmp_path: Path, hidden: str) -> None:
    files = {**folders((ADA, BLAISE)), f"Emmy Noether/{hidden}": b"", "figures/": b""}
    for form in ("folder", "zip"):
        found = gather(as_download(tmp_path, files, form, "hw3/"))
        assert [one.student for one in found.submissions if not one.content] == ["Emmy Noether"]


def test_empty_folders_beside_files_are_nobodys(tmp_path: Path) -> None:
    files = {"ada.ipynb": ADA.notebook, "blaise.ipynb": BLAISE.notebook, "marked/": b""}
    check(gather(as_download(tmp_path, files, "folder", "")), (ADA, BLAISE), are_named=False)


def test_a_folder_that_cannot_be_listed_costs_nobody_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = write(tmp_path / "class", folders(CLASS))
    listed = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == EMMY.name:
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    emmy = next(one for one in gather(export).submissions if not one.content)
    assert emmy.is_ours
    assert emmy.problem == (
        "Emmy Noether cannot be listed (Permission denied); see to it, or download it again, and "
        "grade again."
    )


def test_what_macos_leaves_beside_a_file_is_no_student(tmp_path: Path) -> None:
    files = {f"{one.login}.ipynb": one.notebook for one in CLASS}
    side = {f"._{name}": b"\0\5\x16\7" for name in files}
    check(gather(write(tmp_path / "class", files | side)), CLASS)


@pytest.mark.parametrize("copy", ["Copy of ", "Kopie von ", "Copy of Copy of "])
def test_a_copys_mark_before_the_name_is_none_of_it(tmp_path: Path, copy: str) -> None:
    files = {f"{copy}{one.login}.ipynb": one.notebook for one in CLASS}
    flat = pack({**files, "ada.ipynb": ADA.earlier})  # all of one moment
    check(gather(write(tmp_path, {"flat.zip": flat}) / "flat.zip"), CLASS)
    named = {f"{one.name} - {copy}{SLUG}.ipynb": one.notebook for one in CLASS}
    check(gather(write(tmp_path / "classroom", named)), CLASS)


def test_in_sakai_and_nbgrader_a_moment_alone_is_somebodys(tmp_path: Path) -> None:
    stamps = {
        "sakai": "Noether, Emmy(emmy)/timestamp.txt",
        "nbgrader": f"submitted/emmy/{SLUG}/timestamp.txt",
        "nbgrader exchange": f"inbound/emmy+{SLUG}+2026-11-05 10:15:00 UTC+x/timestamp.txt",
    }
    for name, stamp in stamps.items():
        files = {**DOWNLOADS[name][1]((ADA, BLAISE)), stamp: b"20261105101500000"}
        found = gather(write(tmp_path / name, files))
        assert owners_of(found) == ["ada", "blaise2"]
        (emmy,) = (one for one in found.submissions if not one.content)
        assert "emmy" in squashed(emmy.student)
        assert emmy.problem == "No notebook was handed in, but timestamp.txt. Hand in the .ipynb."


def test_another_assignment_of_the_same_course_is_not_graded_for_this_one(tmp_path: Path) -> None:
    files = DOWNLOADS["nbgrader"][1](CLASS)
    other = f"submitted/emmy/other/{SLUG}.ipynb"
    files[other] = files.pop(f"submitted/emmy/{SLUG}/{SLUG}.ipynb")
    del files[f"submitted/emmy/{SLUG}/timestamp.txt"]
    found = gather(write(tmp_path / "class", files))
    check(found, (ADA, BLAISE))
    reasons = {one.path: one.reason for one in found.skipped}
    assert reasons[other] == f"belongs to other, not to {SLUG}"


def test_an_earlier_attempt_counts_in_the_sentence(tmp_path: Path) -> None:
    found = gather(write(tmp_path / "class", DOWNLOADS["brightspace"][1](CLASS)))
    assert found.understood == (
        "3 students from a Brightspace download (6 attempts, newest taken), 3 files skipped."
    )


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("9. Nov. 2026 1015", "1. Dezember 2026 0900"),
        ("28 févr., 2026 0915", "5 août, 2026 0915"),
        ("30 de abril de 2026 1015", "2 de diciembre de 2026 1015"),
        ("9 juin 2026 1015", "3 juil. 2026 1015"),
        ("14 Eylül 2026 1015", "Jan 3, 2027 115 PM"),
    ],
)
def test_brightspaces_dates_are_told_in_other_languages(
    tmp_path: Path, earlier: str, later: str
) -> None:
    files = {
        f"1-4711 - Ada L - {earlier}/{SLUG}.ipynb": book("earlier"),
        f"1-4711 - Ada L - {later}/{SLUG}.ipynb": book("later"),
    }
    (one,) = gather(write(tmp_path, files)).submissions
    assert (owner_of(one.content), one.student) == ("later", "Ada L")
    assert one.received is not None


def test_repositories_that_were_downloaded_as_zips_are_clones_too(tmp_path: Path) -> None:
    files = {f"hw-1-tasks-{who}/.github/workflows/x.yml": b"" for who in ("ada", "bo-m")}
    files |= {f"hw-1-tasks-{who}/src/{SLUG}.ipynb": book(who) for who in ("ada", "bo-m")}
    found = gather(write(tmp_path, files))
    assert {one.student for one in found.submissions} == {"ada", "bo-m"}


# Whatever lies beside, around and in it

FIRST = ("Ada", "Zoë", "Jean-Luc", "Ólafur", "María José")
LAST = ("Lovelace", "Müller", "O'Neil", "Noether", "van der Berg")
PHASES = (Phase.explicit, Phase.generate)
STRAYS = ("README.md", "notes.pdf", "figure.png", ".DS_Store", "__MACOSX/._x", "Thumbs.db")


@st.composite
def classes(draw: st.DrawFn) -> list[Student]:
    count = draw(st.integers(2, 5))
    first = draw(st.permutations(FIRST))
    last = draw(st.permutations(LAST))
    numbers = draw(
        st.lists(st.integers(10_000, 99_999), min_size=count, max_size=count, unique=True)
    )
    return [Student(first[n], last[n], f"s{numbers[n]}x", numbers[n]) for n in range(count)]


def with_strays(files: Files, strays: Sequence[str]) -> Files:
    """Put files that nobody grades beside the rest and, where students have folders, into one."""
    done = dict(files)
    for stray in strays:
        done[stray] = b"x"
    for name in [*files][:2]:
        folder = name.rpartition("/")[0]
        if folder and "Section" not in folder and not folder.startswith(("Hand in", "source")):
            done |= {f"{folder}/data/{n}.png": b"\x89PNG" for n in range(2)}
            done[f"{folder}/data.zip"] = pack({"table.csv": b"1"})
            done[f"{folder}/scratch.ipynb"] = book("scratch", own=False)
    return done


def as_download(folder: Path, files: Files, form: str, wrapper: str) -> Path:
    """Write a download as a folder or as a zip that some system made of it."""
    files = {f"{wrapper}{name}": content for name, content in files.items()}
    if form == "folder":
        return write(folder / "download", files)
    path = folder / "download.zip"
    if form == "windows":
        files = {name.replace("/", "\\"): content for name, content in files.items()}
    if form == "macos":
        raw = {unicodedata.normalize("NFD", n).encode(): content for n, content in files.items()}
        path.write_bytes(pack_raw(raw))
    else:
        content = pack(files)
        path.write_bytes(pack({"again.zip": content}) if form == "zip in a zip" else content)
    return path


@settings(max_examples=80, derandomize=True, phases=PHASES, deadline=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(
    name=st.sampled_from(sorted(DOWNLOADS)),
    people=classes(),
    strays=st.lists(st.sampled_from(STRAYS), max_size=3, unique=True),
    form=st.sampled_from(["folder", "zip", "windows", "macos", "zip in a zip"]),
    wrapper=st.sampled_from(["", "hw3/", "Downloads/week 2/"]),
)
def test_the_same_people_are_found_whatever_lies_around_them(
    name: str, people: list[Student], strays: list[str], form: str, wrapper: str
) -> None:
    files = with_strays(DOWNLOADS[name][1](people), strays)
    with tempfile.TemporaryDirectory() as folder:
        found = gather(as_download(Path(folder), files, form, wrapper))
    check(found, people, are_named=name not in NAMELESS)
