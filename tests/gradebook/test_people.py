"""A row of the gradebook stays with its person, whoever arrives later."""

from dataclasses import replace
from pathlib import Path

import pytest

from grader.gradebook.people import Known, named, not_here
from grader.gradebook.store import Store
from grader.model import Submission


def handed_in(name: str, identity: str = "", *, path: str = "", label: str = "") -> Submission:
    path = path or f"{name}_{identity.partition(':')[2]}.ipynb"
    sha256 = f"of {path}"
    return Submission(label or name, path, b"", sha256, identity=identity, name=name)


def rows(*submissions: Submission) -> list[Known]:
    return [Known(s.student, s.name, s.identity, s.path, s.sha256) for s in submissions]


def labels(now: list[Submission], before: list[Known]) -> dict[str, str]:
    """Return who is called how, by identity or path."""
    return {one.identity or one.path: one.student for one in named(now, before).submissions}


FIRST = handed_in("smithjohn", "canvas:41232")
FIRST_AGAIN = replace(FIRST, student="smithjohn (41232)", path="x.ipynb", sha256="another")
SECOND = handed_in("smithjohn", "canvas:41233", label="smithjohn (41233)")


def test_a_namesake_who_arrives_later_renames_nobody() -> None:
    told = labels([FIRST_AGAIN, SECOND], rows(FIRST))
    assert told == {"canvas:41232": "smithjohn", "canvas:41233": "smithjohn (41233)"}
    # And once more, whoever of them hands in.
    both = rows(*named([FIRST_AGAIN, SECOND], rows(FIRST)).submissions)
    assert labels([replace(SECOND, student="smithjohn")], both) == {
        "canvas:41233": "smithjohn (41233)"
    }
    assert labels([FIRST_AGAIN], both) == {"canvas:41232": "smithjohn"}


def test_only_the_later_namesake_in_a_download_does_not_take_over_the_row() -> None:
    found = named([replace(SECOND, student="smithjohn")], rows(FIRST))
    assert [one.student for one in found.submissions] == ["smithjohn (41233)"]
    assert "somebody else in this gradebook" in found.notes[0]


def test_a_person_may_be_called_otherwise_and_keeps_the_row() -> None:
    renamed = handed_in("Ada King", "moodle:7")
    assert labels([renamed], rows(handed_in("Ada Lovelace", "moodle:7"))) == {
        "moodle:7": "Ada Lovelace"
    }


def test_an_empty_folder_takes_back_nothing_that_was_handed_in() -> None:
    before = rows(handed_in("ada"), handed_in("bob", path="bob/"))
    now = [handed_in("ada", path="ada/"), handed_in("bob", path="bob/")]
    assert [one.path for one in named(now, before).submissions] == ["bob/"]
    assert [one.path for one in named([handed_in("bob", path="b.ipynb")], before).submissions] == [
        "b.ipynb"
    ]


def test_who_was_graded_before_and_is_not_among_the_files_is_said_once() -> None:
    before = rows(*map(handed_in, ("ada", "bob", "cyd", "dan", "eva")))
    assert not_here([handed_in("ada"), handed_in("new")], before[:1]) == []
    assert not_here([handed_in("ada")], before[:2]) == [
        "Graded before and not among these files, so it stays as it was: bob."
    ]
    (said,) = not_here([handed_in("ada")], before)
    assert said.endswith("so they stay as they were: bob, cyd, dan and 1 more.")


def test_a_row_from_before_there_were_identities_goes_to_the_file_that_is_in_it() -> None:
    old = [Known("smithjohn", "", "", FIRST.path, FIRST.sha256)]
    told = labels([replace(FIRST, student="smithjohn (41232)"), SECOND], old)
    assert told == {"canvas:41232": "smithjohn", "canvas:41233": "smithjohn (41233)"}


def test_a_late_notebook_without_identity_goes_to_the_only_one_of_that_name() -> None:
    late = handed_in("smithjohn", path="late.ipynb")
    assert labels([late], rows(FIRST)) == {"late.ipynb": "smithjohn"}
    found = named([late], rows(FIRST, SECOND))  # of two nobody can tell: a row of its own, said
    assert [one.student for one in found.submissions] == ["smithjohn (late.ipynb)"]
    assert found.notes


def test_two_without_identity_are_kept_apart_and_stay_so() -> None:
    one = handed_in("John Smith", path="submission_501/x.ipynb")
    before = rows(one)
    again = replace(one, student="John Smith (501)")
    other = handed_in("John Smith", path="submission_502/x.ipynb", label="John Smith (502)")
    assert labels([again, other], before) == {
        "submission_501/x.ipynb": "John Smith", "submission_502/x.ipynb": "John Smith (502)",
    }  # fmt: skip


def test_the_same_download_again_changes_nothing() -> None:
    now = [FIRST, handed_in("ada", "canvas:1"), handed_in("bob", path="bob.ipynb")]
    assert [one.student for one in named(now, rows(*now)).submissions] == [
        "ada", "bob", "smithjohn",
    ]  # fmt: skip


def test_whoever_is_missing_now_has_not_taken_back_what_was_handed_in() -> None:
    missing = Submission("Ada", "", b"", "", problem="Nothing handed in.", identity="canvas:1",
                         name="Ada")  # fmt: skip
    assert named([missing], rows(handed_in("adal", "canvas:1"))).submissions == ()
    assert named([missing], []).submissions == (missing,)
    assert named([missing], rows(missing)).submissions == (missing,)


@pytest.mark.parametrize("given", [FIRST, handed_in("ada")])
def test_the_store_keeps_who_it_was(tmp_path: Path, given: Submission) -> None:
    with Store(tmp_path / "grades.db") as store:
        store.set_submissions([given])
        assert store.known() == rows(given)
