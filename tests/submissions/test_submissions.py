"""Each LMS's layout, made by hand as that LMS makes it."""

import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.model import Limits, Submission
from grader.submissions import layouts
from grader.submissions.collection import Collection, collect
from grader.submissions.content import Wanted
from tests.support.commands import run

NOTEBOOK = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []})


def notebook(text: str) -> str:
    """A notebook that can be told from others."""
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"of": text}, "cells": []})


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files with times one minute apart, in the order given."""
    for minute, (name, text) in enumerate(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        os.utime(path, (1_700_000_000 + 60 * minute,) * 2)
    return folder


def pack(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for minute, (name, content) in enumerate(files.items()):
            info = zipfile.ZipInfo(name, (2024, 5, 1, 12, minute % 60, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def gather(*paths: Path, layout: str | None = None, assignment: str | None = None) -> Collection:
    wanted = None if assignment is None else Wanted(assignment)
    return collect(paths, layout=layout, limits=Limits(), assignment=wanted)


def students(collection: Collection) -> dict[str, str]:
    return {one.student: one.path for one in collection.submissions}


def only(collection: Collection) -> Submission:
    (submission,) = collection.submissions
    return submission


def reasons(collection: Collection) -> dict[str, str]:
    return {one.path: one.reason for one in collection.skipped}


@pytest.fixture(params=["folder", "zip"])
def export(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """Make the same files once as a folder and once as a zip of that folder's content."""

    def make(files: dict[str, str], wrapper: str = "") -> Path:
        files = {f"{wrapper}{name}": text for name, text in files.items()}
        if request.param == "folder":
            return write(tmp_path / "export", files)
        return pack(tmp_path / "export.zip", dict(files))

    return make


# Folders, zips and files


def test_a_folder_of_notebooks_names_students_by_file(export: Callable[..., Path]) -> None:
    found = gather(export({"bob.ipynb": NOTEBOOK, "ada.ipynb": NOTEBOOK, "README.md": "x"}))
    assert students(found) == {"ada": "ada.ipynb", "bob": "bob.ipynb"}
    assert [one.student for one in found.submissions] == ["ada", "bob"]
    assert reasons(found) == {"README.md": "is not a notebook"}
    assert all(one.problem is None for one in found.submissions)
    assert found.submissions[0].content == NOTEBOOK.encode()


def test_a_folder_that_wraps_the_class_is_no_student(export: Callable[..., Path]) -> None:
    files = {"ada.ipynb": NOTEBOOK, "bob.ipynb": NOTEBOOK}
    assert set(students(gather(export(files, "homework 3/")))) == {"ada", "bob"}


def test_a_folder_in_a_folder_of_its_own_name_wraps_the_class(tmp_path: Path) -> None:
    write(tmp_path, {f"hw/hw/{who}/work/softmax.ipynb": notebook(who) for who in ("ada", "bob")})
    assert set(students(gather(tmp_path))) == {"ada", "bob"}
    write(tmp_path / "one", {"cy/cy/softmax.ipynb": NOTEBOOK})
    assert set(students(gather(tmp_path / "one"))) == {"cy"}


@pytest.mark.parametrize("as_folder", [True, False], ids=["as a folder", "one by one"])
def test_google_drives_parts_of_a_download_are_no_students(tmp_path: Path, as_folder: bool) -> None:
    parts = {"001": ["Ada L", "Bo D"], "002": ["Cy Y"]}
    paths = [
        pack(tmp_path / f"hw-20261105T101500Z-{n}.zip",
             {f"hw/{who} - softmax.ipynb": notebook(who) for who in names})
        for n, names in parts.items()
    ]  # fmt: skip
    found = (
        gather(tmp_path, assignment="softmax")
        if as_folder
        else gather(*paths, assignment="softmax")
    )
    assert set(students(found)) == {"Ada L", "Bo D", "Cy Y"}


@pytest.mark.parametrize("names", [("student-1", "student-2"), ("s01", "s02")])
def test_numbered_students_in_a_wrapper_are_not_copies_of_one_file(
    export: Callable[..., Path], names: tuple[str, ...]
) -> None:
    files = {f"{name}.ipynb": NOTEBOOK for name in names}
    assert set(students(gather(export(files, "class/")))) == set(names)


def test_one_students_three_files_are_one_submission_the_newest_and_the_others_are_named(
    export: Callable[..., Path],
) -> None:
    files = {
        "ada/softmax.ipynb": notebook("first"),
        "ada/softmax-1.ipynb": notebook("second"),
        "ada/softmax-2.ipynb": notebook("third"),
        "bob/softmax.ipynb": notebook("bob"),
    }
    found = gather(export(files))
    assert students(found) == {"ada": "ada/softmax-2.ipynb", "bob": "bob/softmax.ipynb"}
    assert set(reasons(found)) == {"ada/softmax.ipynb", "ada/softmax-1.ipynb"}
    assert "ada/softmax-2.ipynb" in reasons(found)["ada/softmax.ipynb"]


def test_the_newest_file_wins_by_time_not_by_name(export: Callable[..., Path]) -> None:
    files = {"ada/softmax-2.ipynb": notebook("old"), "ada/softmax.ipynb": notebook("new")}
    found = gather(export({**files, "bob/softmax.ipynb": NOTEBOOK}))
    assert students(found)["ada"] == "ada/softmax.ipynb"


def test_a_class_of_one_with_copies_is_one_student(export: Callable[..., Path]) -> None:
    files = {"ada/softmax.ipynb": notebook("old"), "ada/softmax-1.ipynb": notebook("new")}
    assert students(gather(export(files))) == {"ada": "ada/softmax-1.ipynb"}


def test_the_assignments_own_notebook_is_preferred_to_a_scratch_one(
    export: Callable[..., Path],
) -> None:
    files = {"ada/softmax.ipynb": NOTEBOOK, "ada/scratch.ipynb": NOTEBOOK, "b/softmax.ipynb": "{}"}
    found = gather(export(files), assignment="softmax")
    assert students(found)["ada"] == "ada/softmax.ipynb"
    assert students(gather(export(files)))["ada"] == "ada/scratch.ipynb"  # newest, none preferred


def test_files_of_the_same_name_given_one_by_one_are_two_students(tmp_path: Path) -> None:
    write(tmp_path, {"ada/softmax.ipynb": NOTEBOOK, "bob/softmax.ipynb": NOTEBOOK})
    paths = [tmp_path / "ada/softmax.ipynb", tmp_path / "bob/softmax.ipynb"]
    assert len(students(gather(*paths))) == 2
    assert students(gather(paths[0])) == {"softmax": "softmax.ipynb"}


def test_zips_of_the_same_notebook_given_one_by_one_are_two_students(tmp_path: Path) -> None:
    paths = [pack(tmp_path / f"{name}.zip", {"softmax.ipynb": "{}"}) for name in ("ada", "bob")]
    assert len(students(gather(*paths))) == 2
    assert set(students(gather(*paths, assignment="softmax"))) == {"ada", "bob"}


def test_a_file_given_twice_is_one_file(tmp_path: Path) -> None:
    write(tmp_path, {"ada.ipynb": NOTEBOOK})
    found = gather(tmp_path, tmp_path / "ada.ipynb", tmp_path / "ada.ipynb")
    assert students(found) == {"ada": "ada.ipynb"}
    assert found.skipped == ()


def test_a_students_late_notebook_given_beside_the_class_replaces_the_old_one(
    tmp_path: Path,
) -> None:
    write(tmp_path, {"class/ada.ipynb": notebook("old"), "class/bob.ipynb": NOTEBOOK})
    late = write(tmp_path, {"late/ada.ipynb": notebook("new")}) / "late/ada.ipynb"
    os.utime(late, (1_800_000_000,) * 2)
    found = gather(tmp_path / "class", late)
    assert b"new" in next(one.content for one in found.submissions if one.student == "ada")
    assert f"ada handed in {late.resolve()}, which" in reasons(found)["ada.ipynb"]


def test_hidden_folders_and_files_are_named_not_graded(export: Callable[..., Path]) -> None:
    files = {
        "ada.ipynb": NOTEBOOK,
        ".ipynb_checkpoints/ada-checkpoint.ipynb": NOTEBOOK,
        "__MACOSX/._ada.ipynb": "x",
        ".DS_Store": "x",
    }
    found = gather(export(files))
    assert students(found) == {"ada": "ada.ipynb"}
    assert set(reasons(found)) == {".ipynb_checkpoints", "__MACOSX", ".DS_Store"}


def test_the_same_folder_gives_the_same_collection(export: Callable[..., Path]) -> None:
    files = {f"{name}.ipynb": notebook(name) for name in ("eve", "ada", "bob", "éve", "Ada")}
    path = export({**files, "notes.txt": ""})
    assert gather(path) == gather(path)


@pytest.mark.parametrize("name", ["nowhere", "empty", "notes.docx", "no.ipynb/"])
def test_nothing_to_grade_is_wrong_usage_with_a_next_step(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.docx").write_text("x")
    with pytest.raises(UsageError, match=r"(Give|ask for)"):
        gather(tmp_path / name)


def test_no_path_at_all_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="Give a folder"):
        gather()


def test_an_unknown_layout_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no layout 'wattle'.*canvas.*moodle"):
        gather(tmp_path, layout="wattle")


# Canvas

CANVAS = {
    "smithbob_LATE_1234_5678_softmax-1.ipynb": NOTEBOOK,
    "lovelaceada_1200_5601_softmax.ipynb": NOTEBOOK,
    "muller-luedenscheidt_1300_5700_softmax (2).ipynb": NOTEBOOK,
    "hoppergrace_1400_5800_report.pdf": "%PDF-1.7",
    "grades backup.xlsx": "x",
}


def test_canvas_names_lateness_and_wrong_kinds(export: Callable[..., Path]) -> None:
    found = gather(export(CANVAS))
    late = {one.student: one.late for one in found.submissions}
    assert late == {
        "hoppergrace": False,
        "lovelaceada": False,
        "muller-luedenscheidt": False,
        "smithbob": True,
    }
    problems = {one.student: one.problem for one in found.submissions if one.problem}
    assert list(problems) == ["hoppergrace"]
    assert "report.pdf" in problems["hoppergrace"]
    assert reasons(found)["grades backup.xlsx"] == "is not a notebook"


def test_canvas_newest_attempt_is_told_by_its_number_not_by_time(
    export: Callable[..., Path],
) -> None:
    files = {
        "smithbob_1234_5679_softmax-1.ipynb": notebook("new"),
        "smithbob_1234_5678_softmax.ipynb": notebook("old"),
        "lovelaceada_1200_5601_softmax.ipynb": NOTEBOOK,
    }
    found = gather(export(files))
    assert students(found)["smithbob"] == "smithbob_1234_5679_softmax-1.ipynb"
    assert list(reasons(found)) == ["smithbob_1234_5678_softmax.ipynb"]


def test_canvas_tells_who_is_graded_anonymously_by_a_word(export: Callable[..., Path]) -> None:
    files = {
        "anon_Ab3x2_5679_softmax-1.ipynb": notebook("new"),
        "anon_Ab3x2_5678_softmax.ipynb": notebook("old"),
        "LATE_anon_12345_5680_softmax.ipynb": NOTEBOOK,
        "anon_zzTop_text.html": "<p>",
    }
    found = gather(export(files))
    assert students(found)["anon_Ab3x2"] == "anon_Ab3x2_5679_softmax-1.ipynb"
    late = {one.student: one.late for one in found.submissions}
    assert late == {"anon_Ab3x2": False, "anon_12345": True, "anon_zzTop": False}


def test_canvas_namesakes_are_two_students(export: Callable[..., Path]) -> None:
    files = {
        "smithbob_1234_5679_softmax.ipynb": notebook("one"),
        "smithbob_4321_5678_softmax.ipynb": notebook("other"),
    }
    assert set(students(gather(export(files)))) == {"smithbob (1234)", "smithbob (4321)"}


def test_a_stray_notebook_among_canvas_files_is_named_with_what_to_do(
    export: Callable[..., Path],
) -> None:
    found = gather(export({**CANVAS, "solution.ipynb": NOTEBOOK}))
    assert "solution" not in students(found)
    assert "path of its own" in reasons(found)["solution.ipynb"]


def test_the_layout_can_be_forced(export: Callable[..., Path]) -> None:
    path = export(CANVAS)
    assert "smithbob_LATE_1234_5678_softmax-1" in students(gather(path, layout="plain"))
    assert "smithbob" in students(gather(path, layout="canvas"))


# Otter's export zip


def otter_zip(folder: Path, name: str, text: str, **more: str) -> Path:
    files = {"softmax.ipynb": text, "softmax.pdf": "%PDF", ".OTTER_LOG": "\x80\x04", **more}
    return pack(folder / name, {**files, "__zip_filename__": name})


def test_otters_export_is_opened_and_its_log_is_never_read(tmp_path: Path) -> None:
    path = otter_zip(tmp_path, "ada.zip", notebook("ada"))
    found = gather(path)
    assert students(found) == {"ada": "softmax.ipynb"}
    assert b"ada" in only(found).content
    assert "not read" in reasons(found)[".OTTER_LOG"]
    assert reasons(found)["softmax.pdf"] == "is not a notebook"


def test_otters_export_handed_in_through_canvas(tmp_path: Path) -> None:
    zipped = otter_zip(tmp_path, "x.zip", notebook("bob")).read_bytes()
    name = "smithbob_LATE_1234_5678_softmax_2024_05_01T10_00_00_000000.zip"
    files = {name: zipped, "lovelaceada_1200_5601_softmax.ipynb": NOTEBOOK}
    found = gather(pack(tmp_path / "submissions.zip", files))
    assert students(found)["smithbob"] == f"{name}/softmax.ipynb"
    assert b"bob" in next(one.content for one in found.submissions if one.late)


def test_a_folder_of_otters_exports(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    for name in ("ada", "bob"):
        otter_zip(tmp_path / "class", f"{name}.zip", notebook(name))
    assert set(students(gather(tmp_path / "class"))) == {"ada", "bob"}


# Gradescope

METADATA = """\
---
submission_101:
  :submitters:
  - :name: Ada Lovelace
    :sid: '3031'
    :email: ada@example.edu
  :created_at: 2024-05-01 17:55:59.712000000 Z
  :score: 3.0
  :status: processed
  :results: !ruby/hash:ActiveSupport::HashWithIndifferentAccess
    tests: []
submission_102:
  :submitters:
  - :name: Bob Smith
    :sid: ''
    :email: bob@example.edu
  - :name: Grace Hopper
    :sid: '3033'
    :email: grace@example.edu
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2024-05-02 08:00:00.000000000 Z
    zone: America/Los_Angeles
submission_103:
  :submitters:
  - :name: Alan Turing
    :sid:
    :email: alan@example.edu
  :created_at: 2024-05-01 10:00:00 Z
"""
GRADESCOPE = {
    "submission_metadata.yml": METADATA,
    "submission_101/softmax.ipynb": NOTEBOOK,
    "submission_102/softmax.ipynb": NOTEBOOK,
    "submission_102/softmax.pdf": "%PDF",
    "submission_999/softmax.ipynb": NOTEBOOK,
    "notes.txt": "x",
}


def test_gradescope_submitters_groups_and_moments(export: Callable[..., Path]) -> None:
    found = gather(export(GRADESCOPE, "assignment_55_export/"))
    by_student = {one.student: one for one in found.submissions}
    assert list(by_student) == [
        "ada@example.edu",
        "alan@example.edu",
        "bob@example.edu, grace@example.edu",
    ]
    group = by_student["bob@example.edu, grace@example.edu"]
    assert group.members == ("bob@example.edu", "grace@example.edu")
    assert group.received == "2024-05-02T08:00:00+00:00"
    assert by_student["ada@example.edu"].received == "2024-05-01T17:55:59.712000+00:00"
    assert by_student["ada@example.edu"].members == ()
    assert by_student["alan@example.edu"].problem is not None  # listed, but without a file
    prefix = "assignment_55_export/"
    assert "metadata" in reasons(found)[f"{prefix}submission_999/softmax.ipynb"]
    assert reasons(found)[f"{prefix}notes.txt"] == "is not a notebook"


def test_gradescope_metadata_constructs_no_object(tmp_path: Path) -> None:
    target = tmp_path / "made"
    hostile = METADATA.replace(
        ":score: 3.0", f":score: !!python/object/apply:os.mkdir ['{target}']"
    )
    export = write(tmp_path / "e", {**GRADESCOPE, "submission_metadata.yml": hostile})
    with pytest.raises(UsageError, match="cannot be read"):
        gather(export)
    assert not target.exists()


def test_unreadable_gradescope_metadata_is_wrong_usage(tmp_path: Path) -> None:
    export = write(tmp_path, {**GRADESCOPE, "submission_metadata.yml": "a: [1"})
    with pytest.raises(UsageError, match=r"submission_metadata.yml of .* cannot be read"):
        gather(export)


# Moodle


def test_moodle_folders_and_flat_files(export: Callable[..., Path]) -> None:
    files = {
        "Ada Lovelace_123_assignsubmission_file_/softmax.ipynb": NOTEBOOK,
        "Bob O'Neil_124_assignsubmission_file_softmax.ipynb": NOTEBOOK,
        "Ada Lovelace_123_assignsubmission_onlinetext_/onlinetext.html": "<p>hi",
        "Anne-Marie von Mises_200_assignsubmission_file_/report.docx": "x",
        "José_Ortega_125_assignsubmission_file_/softmax.ipynb": NOTEBOOK,
    }
    found = gather(export(files))
    assert list(students(found)) == [
        "Ada Lovelace",
        "Anne-Marie von Mises",
        "Bob O'Neil",
        "José_Ortega",
    ]
    assert [one.student for one in found.submissions if one.problem] == ["Anne-Marie von Mises"]
    assert any("onlinetext" in reason for reason in reasons(found).values())


def test_moodle_namesakes_are_two_students(export: Callable[..., Path]) -> None:
    files = {
        "Ada Lovelace_123_assignsubmission_file_/softmax.ipynb": notebook("one"),
        "Ada Lovelace_999_assignsubmission_file_/softmax.ipynb": notebook("other"),
    }
    assert set(students(gather(export(files)))) == {"Ada Lovelace (123)", "Ada Lovelace (999)"}


# nbgrader


def test_nbgrader_students_and_timestamps(export: Callable[..., Path]) -> None:
    files = {
        "submitted/ada/softmax/softmax.ipynb": NOTEBOOK,
        "submitted/ada/softmax/timestamp.txt": "2024-05-01 15:58:23.948203 America/Los_Angeles",
        "submitted/ada/softmax/data/readme.txt": "x",
        "submitted/bob/softmax/softmax.ipynb": NOTEBOOK,
        "submitted/bob/softmax/timestamp.txt": "whenever",
        "source/softmax/softmax.ipynb": NOTEBOOK,
        "gradebook.db": "x",
    }
    found = gather(export(files))
    assert students(found) == {
        "ada": "submitted/ada/softmax/softmax.ipynb",
        "bob": "submitted/bob/softmax/softmax.ipynb",
    }
    assert [one.received for one in found.submissions] == ["2024-05-01T15:58:23.948203-07:00", None]
    assert {"gradebook.db", "source/softmax/softmax.ipynb"} <= set(reasons(found))


def test_nbgrader_from_its_submitted_folder_and_by_assignment(tmp_path: Path) -> None:
    files = {
        "submitted/ada/softmax/softmax.ipynb": notebook("softmax"),
        "submitted/ada/attention/attention.ipynb": notebook("attention"),
        "submitted/bob/softmax/softmax.ipynb": NOTEBOOK,
    }
    write(tmp_path, files)
    found = gather(tmp_path / "submitted", assignment="softmax")
    assert students(found) == {
        "ada": "ada/softmax/softmax.ipynb",
        "bob": "bob/softmax/softmax.ipynb",
    }
    assert "belongs to attention" in reasons(found)["ada/attention/attention.ipynb"]


# GitHub Classroom


@pytest.mark.parametrize("wrapper", ["", "softmax-submissions/"])
def test_github_classroom_clones(export: Callable[..., Path], wrapper: str) -> None:
    files = {}
    for login in ("ada", "ada-lovelace", "bob"):
        files[f"softmax-{login}/softmax.ipynb"] = NOTEBOOK
        files[f"softmax-{login}/.git/HEAD"] = "ref: refs/heads/main"
        files[f"softmax-{login}/README.md"] = "# hi"
    found = gather(export(files, wrapper))
    assert set(students(found)) == {"ada", "ada-lovelace", "bob"}
    assert f"{wrapper}softmax-ada/README.md" in reasons(found)
    assert f"{wrapper}softmax-ada/.git" in reasons(found)


def test_github_classroom_of_logins_that_start_alike(tmp_path: Path) -> None:
    files = {f"hw-softmax-jane-{who}/.git/HEAD": "" for who in ("doe", "roe")}
    files |= {f"hw-softmax-jane-{who}/softmax.ipynb": "{}" for who in ("doe", "roe")}
    found = gather(write(tmp_path, files), assignment="hw-softmax")
    assert set(students(found)) == {"jane-doe", "jane-roe"}


# A platform nobody has met yet

WATTLE = '''
"""Wattle's download: `<login>=<moment>=<file>`."""

import re

from grader.submissions.claims import Claim, Layout, stray

NAME = re.compile(r"(?P<login>[^=]+)=(?P<moment>[\\d-]+)=.+")


def read(view):
    for _, entry in view.places:
        found = NAME.fullmatch(entry.name)
        yield Claim(found["login"], entry, found["login"]) if found else stray(entry, "Wattle")


LAYOUT = Layout("a Wattle download", read)
'''


def test_a_new_platform_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{who}=2024-05-01={who}'s softmax.ipynb": NOTEBOOK for who in ("ada", "bob")}
    handed_in = write(tmp_path / "class", files)
    assert set(students(gather(handed_in))) == {Path(name).stem for name in files}

    folder = tmp_path / "layouts"
    folder.mkdir()
    (folder / "wattle.py").write_text(WATTLE, "utf-8")
    monkeypatch.setattr(layouts, "__path__", [*layouts.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, "grader.submissions.layouts.wattle", raising=False)
    layouts.load.cache_clear()
    try:
        assert "wattle" in layouts.names()
        assert set(students(gather(handed_in))) == {"ada", "bob"}
    finally:
        monkeypatch.undo()
        layouts.load.cache_clear()


def test_the_commands_choices_are_the_layouts_that_are_tried() -> None:
    assert sorted(layouts.load()) == layouts.names()
    assert layouts.LAST_RESORT in layouts.names()
    told = run("grade", "--help").stdout
    assert "|".join(layouts.names()) in told
