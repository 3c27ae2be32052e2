"""A request is judged again as a class is, and changes nothing until somebody takes it."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from grader.commands import review
from grader.commands.grade import tell_changes
from grader.course.beside import Access
from grader.gradebook import terms
from grader.gradebook.notebooks_kept import NotebookStore
from grader.gradebook.terms import Terms
from grader.model import Status, Submission
from grader.review.rejudge import Where, rejudge
from grader.review.room import Room
from grader.review.server import served
from grader.submissions.autograders import load
from tests.conftest import notebook_of, submission_of
from tests.review.test_server import Visitor
from tests.support.autograders import write_autograder
from tests.support.reading import notebook_with, questions, report_on, write_course


def test_a_question_is_judged_again_under_several_seeds_and_taken(tmp_path: Path) -> None:
    out, assignment = tmp_path / "out", write_course(tmp_path)
    answers = {"r1": "", "r2": "", "r3": ""}
    content = notebook_with("def halve(x):\n    return x / 2", answers)
    submission = Submission("ada", "ada.ipynb", content, hashlib.sha256(content).hexdigest())
    with NotebookStore(out / "grades.db") as store:
        store.bind(assignment, 0)
        store.set_submissions([submission])
        store.keep_notebooks([submission])
        store.add(report_on(submission, answers, 0), questions())  # the hidden case was lost
    (out / "requests.csv").write_text("student,question,text\nada,q1,why?\n", encoding="utf-8")
    room = Room(out, "tim", assignment, isolation="none")
    with served(room) as serving:
        visitor = Visitor(serving)
        page = visitor.below("/requests")[1]
        place = re.findall(r'href="([^"]*/request/\d+)"', page)[0]
        form: dict[str, object] = {"version": "0", "reply": "You were right.", "score": ""}
        assert "do that first" in visitor.ask(place, form | {"do": "take"})[1]
        assert visitor.ask(place, form | {"do": "judge"})[0] == 303
        assert "Being judged" in visitor.ask(place)[1]
        job = room.jobs[1]
        assert job.done.wait(240)  # type: ignore[attr-defined]
        page = visitor.ask(place)[1]
        assert page.count("<b>2</b> of 2") == 3, page
        with room.open() as store:
            assert store.gradebook().reports[0].questions[0].score == 1.0  # nothing is taken yet
        assert visitor.ask(place, form | {"do": "take"})[0] == 303
    with room.open() as store:
        item = store.gradebook().reports[0].questions[0]
        assert (item.status, item.score, item.reply) == (Status.PASSED, 2.0, "You were right.")
        assert [change.after for change in store.changes()] == [2.0]


READS = """from otter.test_files import test_case
OK_FORMAT = False
name = "q1"
points = 1

@test_case(hidden=True)
def test_total(total):
    assert total == sum(map(int, open("answers.csv").read().split()))
"""
READER = "total = sum(map(int, open('answers.csv').read().split()))"


def test_a_class_is_judged_again_with_the_options_that_it_was_graded_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = write_autograder(tmp_path / "hw01", {}, {"q1": READS})
    (folder / "files").mkdir(exist_ok=True)
    (folder / "files" / "answers.csv").write_text("1 2 3", encoding="utf-8")
    given = Terms(limit=("cell_seconds=7",), access=Access(give=("answers.csv",)))
    submission = submission_of(notebook_of(READER))
    found = {}
    for name, said in (("given", given), ("plain", Terms())):
        with NotebookStore(tmp_path / name / "grades.db") as store:
            graded = said.applied(load(str(folder)))
            store.bind(graded, 0)
            terms.keep(store, said)
            kept = review._terms(store, tmp_path / name)
            loaded = review._assignment(store, None, kept)
        assert loaded is not None
        assert (loaded.sha256, loaded.limits) == (graded.sha256, graded.limits)
        assert kept.places == (str((tmp_path / name).resolve()),)
        (judged,) = rejudge(loaded, submission, "q1", [0], Where("none", kept))
        assert judged.report.assignment_sha256 == graded.sha256
        assert judged.report.limits == graded.limits
        found[name] = judged.question.status
    assert found == {"given": Status.PASSED, "plain": Status.UNGRADED}


def test_other_options_than_before_are_told_and_the_same_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assignment = write_course(tmp_path)
    plain = Terms(places=("/here",))
    told = Terms(limit=("cell_seconds=600",), access=Access(network=True, read=("a.csv",)))
    with NotebookStore(tmp_path / "out" / "grades.db") as store:
        tell_changes(store, told, 0)
        store.bind(assignment, 0)
        terms.keep(store, told)
        tell_changes(store, replace(told, places=("/there",)), 0)
        assert capsys.readouterr().err == ""
        tell_changes(store, plain, 3)
    said = " ".join(capsys.readouterr().err.split())
    assert (
        "graded with --limit cell_seconds=600 --network, and this run grades with --seed 3" in said
    )
    assert "is graded again" in said
