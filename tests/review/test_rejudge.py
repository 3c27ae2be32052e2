"""A request is judged again as a class is, and changes nothing until somebody takes it."""

import hashlib
import re
from pathlib import Path

from grader.gradebook.notebooks_kept import NotebookStore
from grader.model import Status, Submission
from grader.review.room import Room
from grader.review.server import served
from tests.review.test_server import Visitor
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
