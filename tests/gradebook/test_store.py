"""What the store keeps, which attempt holds, and what a person may change."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.errors import StoreError, UsageError
from grader.gradebook import database
from grader.gradebook.database import MIGRATIONS
from grader.gradebook.manual import ManualScore, answer_id
from grader.gradebook.store import Store
from grader.model import (
    Assignment,
    Environment,
    Isolation,
    Limits,
    Question,
    Status,
    Submission,
    TestCase,
)
from grader.renderers import results_json
from grader.reports import Outcome, QuestionReport, Report, Written

QUESTIONS = (
    Question("q1", "one", 2.0, cases=(TestCase("a", 2.0, True),), sha256="t1"),
    Question("q2", "two", 3.0, cases=(TestCase("b", 3.0, False),), sha256="t2"),
    Question("g1", "on a GPU", 1.0, requires="cuda", sha256="t3"),
    Question("r1", "in words", 4.0, kind="manual", sha256="t4"),
)
ASSIGNMENT = Assignment(
    "small", "Small", Path("a"), Path("a/a.ipynb"), Path("s"), QUESTIONS, Limits(), sha256="v1"
)
STRONG = Isolation("strong", {"read": "ok"})
HERE = Environment("1", "3.11", "Linux", torch="2.6")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "grades.db") as opened:
        opened.bind(ASSIGNMENT, 0)
        yield opened


def handed_in(student: str, sha256: str = "n1") -> Submission:
    return Submission(student, f"{student}.ipynb", b"", sha256)


def question(name: str, status: Status = Status.PASSED, answer: str = "") -> QuestionReport:
    asked = next(item for item in QUESTIONS if item.name == name)
    score = asked.points if status is Status.PASSED else 0.0
    pending = asked.points if status is Status.PENDING else 0.0
    case = Outcome("a", hidden=True, status=status, score=score, max_score=asked.points)
    cases = () if asked.kind == "manual" else (case,)
    return QuestionReport(
        name, status, score, asked.points, pending, cases, written=Written(answer)
    )


def report(student: str, *questions: QuestionReport, **more: Any) -> Report:
    given: dict[str, Any] = {"sha256": "n1", "seed": 0, "isolation": STRONG, **more}
    return Report(
        student, f"{student}.ipynb", questions=questions, assignment_sha256="v1",
        environment=HERE, **given,
    )  # fmt: skip


def scores(store: Store, student: str = "ada") -> dict[str, tuple[Status, float]]:
    (found,) = [item for item in store.gradebook().reports if item.student == student]
    return {item.name: (item.status, item.score) for item in found.questions}


def test_each_attempt_stays_and_the_newest_holds(store: Store) -> None:
    store.set_submissions([handed_in("ada")])
    store.add(report("ada", question("q1", Status.FAILED), question("q2")), QUESTIONS)
    store.add(report("ada", question("q1")), QUESTIONS)
    assert scores(store)["q1"] == (Status.PASSED, 2.0)
    assert scores(store)["q2"] == (Status.PASSED, 3.0)
    assert len(store._rows("SELECT * FROM attempt")) == 2


@pytest.mark.parametrize("undecided", [Status.PENDING, Status.UNGRADED])
def test_what_was_graded_outlasts_an_attempt_that_decided_nothing(
    store: Store, undecided: Status
) -> None:
    store.set_submissions([handed_in("ada")])
    store.add(report("ada", question("g1")), QUESTIONS)
    store.add(report("ada", question("g1", undecided)), QUESTIONS)
    assert scores(store)["g1"] == (Status.PASSED, 1.0)
    assert store.current()["ada", "g1"].status is Status.PASSED


def test_a_corrected_test_that_could_not_be_run_leaves_no_old_score(store: Store) -> None:
    store.set_submissions([handed_in("ada")])
    store.add(report("ada", question("q1")), QUESTIONS)
    corrected = [replace(item, sha256="new") for item in QUESTIONS]
    store.add(report("ada", question("q1", Status.UNGRADED)), corrected)
    assert scores(store)["q1"] == (Status.UNGRADED, 0.0)


def test_a_score_of_old_tests_says_so(store: Store) -> None:
    store.set_submissions([handed_in("ada")])
    store.add(report("ada", question("q1"), question("q2")), QUESTIONS)
    changed = (replace(QUESTIONS[0], sha256="new"), *QUESTIONS[1:])
    store.bind(replace(ASSIGNMENT, questions=changed), 0)
    q1, q2, *_ = store.gradebook().reports[0].questions
    assert "before its tests were changed" in q1.note
    assert not q2.note


def test_a_notebook_handed_in_again_replaces_the_old_one_and_may_come_back(store: Store) -> None:
    store.set_submissions([handed_in("ada", "n1")])
    store.add(report("ada", question("q1")), QUESTIONS)
    store.set_submissions([handed_in("ada", "n2")])
    assert ("ada", "q1") not in store.current()
    store.add(report("ada", question("q1", Status.FAILED), sha256="n2"), QUESTIONS)
    assert scores(store)["q1"] == (Status.FAILED, 0.0)
    store.set_submissions([handed_in("ada", "n1")])
    assert scores(store)["q1"] == (Status.PASSED, 2.0)


def test_who_is_not_graded_yet_is_listed_and_not_zero(store: Store) -> None:
    store.set_submissions([handed_in("ada"), handed_in("bob")])
    store.add(report("ada", question("q1")), QUESTIONS)
    book = store.gradebook()
    assert [item.student for item in book.reports] == ["ada", "bob"]
    assert book.reports[1].status is Status.UNGRADED
    assert book.isolation == STRONG


def test_one_question_judged_without_isolation_taints_the_report(store: Store) -> None:
    store.set_submissions([handed_in("ada"), handed_in("bob")])
    store.add(report("ada", question("q1"), isolation=Isolation("none")), QUESTIONS)
    store.add(report("ada", question("q2")), QUESTIONS)
    store.add(report("bob", question("q1"), question("q2")), QUESTIONS)
    book = store.gradebook()
    assert [item.isolation.level for item in book.reports] == ["none", "strong"]
    assert book.isolation.level == "none"
    store.add(report("ada", question("q1")), QUESTIONS)
    assert store.gradebook().isolation.level == "strong"


def test_the_outputs_do_not_depend_on_the_order_of_completion(tmp_path: Path) -> None:
    names = [f"s{number:02}" for number in range(20)]
    texts = set()
    for number in range(5):
        with Store(tmp_path / f"{number}.db") as store:
            store.bind(ASSIGNMENT, 0)
            store.set_submissions(handed_in(name) for name in names)
            parts = [
                report(name, *items)
                for name in names
                for items in ((question("q1"), question("q2", Status.FAILED)), (question("g1"),))
            ]
            random.Random(number).shuffle(parts)  # noqa: S311 - any order will do
            for part in parts:
                store.add(part, QUESTIONS)
            texts.add(results_json.render(store.gradebook()))
    assert len(texts) == 1


def test_an_override_wins_over_later_judging_and_can_be_taken_back(store: Store) -> None:
    store.set_submissions([handed_in("ada")])
    store.add(report("ada", question("q2", Status.FAILED)), QUESTIONS)
    store.override("ada", "q2", 1.5, "tim", "the idea is right")
    store.add(report("ada", question("q2", Status.FAILED)), QUESTIONS)
    assert scores(store)["q2"] == (Status.FAILED, 1.5)
    (found,) = store.gradebook().reports
    assert "set to 1.5 by tim: the idea is right" in found.questions[1].note
    store.override("ada", "q2", None, "tim", "it is not")
    assert scores(store)["q2"] == (Status.FAILED, 0.0)
    assert len(store._rows("SELECT * FROM override")) == 2


def test_an_override_was_for_one_notebook(store: Store) -> None:
    store.set_submissions([handed_in("ada")])
    store.add(report("ada", question("q2", Status.FAILED)), QUESTIONS)
    store.override("ada", "q2", 3, "tim", "a typo of ours")
    store.set_submissions([handed_in("ada", "n2")])
    store.add(report("ada", question("q2", Status.FAILED), sha256="n2"), QUESTIONS)
    (found,) = store.gradebook().reports
    assert found.questions[1].score == 0
    assert "earlier notebook's score" in found.questions[1].note


@pytest.mark.parametrize(
    ("student", "name", "score", "why", "says"),
    [
        ("ada", "q9", 1, "why", "no question 'q9'"),
        ("ada", "q1", 2.5, "why", "worth 0 to 2 points"),
        ("ada", "q1", float("nan"), "why", "worth 0 to 2 points"),
        ("eve", "q1", 1, "why", "no student 'eve'"),
        ("ada", "q1", 1, "  ", "needs a reason"),
    ],
)
def test_an_override_that_cannot_be_is_refused(
    store: Store, student: str, name: str, score: float, why: str, says: str
) -> None:
    store.set_submissions([handed_in("ada")])
    with pytest.raises(UsageError, match=says):
        store.override(student, name, score, "tim", why)
    assert not store._rows("SELECT * FROM override")


def test_a_manual_score_belongs_to_the_answer_that_was_read(store: Store) -> None:
    store.set_submissions([handed_in("ada")])
    store.add(report("ada", question("r1", Status.PENDING, "so it is")), QUESTIONS)
    given = ManualScore("ada", "r1", answer_id(Written("so it is")), 3.0, "well argued")
    store.set_manual([given], "tim")
    (found,) = store.gradebook().reports
    assert (found.questions[3].score, found.questions[3].pending) == (3.0, 0.0)
    assert found.questions[3].cases[0].message == "well argued"
    store.set_submissions([handed_in("ada", "n2")])
    same = question("r1", Status.PENDING, "so it is")
    store.add(report("ada", same, sha256="n2"), QUESTIONS)
    assert scores(store)["r1"] == (Status.FAILED, 3.0)
    store.set_submissions([handed_in("ada", "n3")])
    other = question("r1", Status.PENDING, "so it is not")
    store.add(report("ada", other, sha256="n3"), QUESTIONS)
    assert scores(store)["r1"] == (Status.PENDING, 0.0)


def test_changes_name_what_differs_and_why(store: Store) -> None:
    store.set_submissions([handed_in("ada"), handed_in("bob"), handed_in("cy")])
    for name in ("ada", "bob", "cy"):
        store.add(report(name, question("q1"), question("q2", Status.FAILED)), QUESTIONS)
    corrected = [replace(item, sha256="new") for item in QUESTIONS]
    store.add(report("ada", question("q2")), corrected)
    store.add(report("bob", question("q2", Status.FAILED)), corrected)
    store.override("cy", "q1", 1, "tim", "copied")
    found = [(c.student, c.question, c.before, c.after, c.why) for c in store.changes()]
    assert found == [
        ("ada", "q2", 0.0, 3.0, "its tests were changed"),
        ("cy", "q1", 2.0, 1.0, "by tim: copied"),
    ]


def test_an_interrupted_attempt_is_no_change(store: Store) -> None:
    store.set_submissions([handed_in("ada")])
    for status in (Status.PASSED, Status.UNGRADED, Status.PASSED):
        store.add(report("ada", question("q1", status)), QUESTIONS)
    assert store.changes() == []


def test_a_second_batch_on_a_store_is_refused_and_a_reader_is_not(tmp_path: Path) -> None:
    path = tmp_path / "grades.db"
    with Store(path, exclusive=True) as first:
        first.bind(ASSIGNMENT, 0)
        with pytest.raises(StoreError, match="Another batch is grading into"):
            Store(path, exclusive=True)
        with Store(path) as reader:
            assert reader.gradebook().slug == "small"
    Store(path, exclusive=True).close()


def test_a_store_that_somebody_else_holds_for_writing_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.gradebook.database.BUSY_SECONDS", 0.1)
    with Store(tmp_path / "grades.db") as store:
        other = closing(sqlite3.connect(tmp_path / "grades.db", isolation_level=None))
        with other as connection:
            connection.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match=r"locked. What it held before is safe; wait"):
                store.bind(ASSIGNMENT, 0)


def test_a_store_belongs_to_one_assignment(store: Store) -> None:
    with pytest.raises(UsageError, match="holds the grades of small"):
        store.bind(replace(ASSIGNMENT, slug="other"), 0)


def test_a_newer_schema_and_a_file_that_is_no_store_are_named(tmp_path: Path) -> None:
    path = tmp_path / "grades.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    newer, known = len(MIGRATIONS) + 1, len(MIGRATIONS)
    with pytest.raises(StoreError, match=f"has schema {newer}, this grader reads up to {known}"):
        Store(path, exclusive=True)
    path.write_text("these are no grades " * 100, encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(path, exclusive=True)
    path.unlink()
    Store(path, exclusive=True).close()  # neither refusal kept the lock


def test_an_answer_and_its_score_in_an_older_store_stay(tmp_path: Path) -> None:
    path = tmp_path / "grades.db"
    with Store(path) as store:
        store.bind(ASSIGNMENT, 0)
        store.set_submissions([handed_in("ada")])
        store.add(report("ada", question("r1", Status.PENDING, "so it is")), QUESTIONS)
        given = ManualScore("ada", "r1", answer_id(Written("so it is")), 3.0, "well argued")
        store.set_manual([given], "tim")
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "UPDATE result SET report = json_remove(json_set(report, '$.answer', "
            "json_extract(report, '$.written.text')), '$.written')"
        )
        for later in ("identity", "name"):
            database.execute(f"ALTER TABLE submission DROP COLUMN {later}")
        for later in ("mark", "rubric_item", "request_step", "request", "notebook"):
            database.execute(f"DROP TABLE {later}")
        database.execute("DROP INDEX manual_by_question")
        database.execute("PRAGMA user_version = 2")
        database.commit()
    with Store(path) as store:
        (found,) = store.gradebook().reports
    (answer,) = [item for item in found.questions if item.name == "r1"]
    assert answer.written == Written("so it is")
    assert answer.score == 3.0


def test_a_full_disk_loses_nothing_that_was_kept(store: Store) -> None:
    names = [f"s{number}" for number in range(200)]
    store.set_submissions(handed_in(name) for name in names)
    pages = store._rows("PRAGMA page_count")[0][0]
    store._rows(f"PRAGMA max_page_count = {pages + 8}")
    kept = []

    def fill() -> None:
        for name in names:
            store.add(report(name, question("q1"), question("q2")), QUESTIONS)
            kept.append(name)

    with pytest.raises(StoreError, match=r"full. What it held before is safe; free some space"):
        fill()
    assert 0 < len(kept) < len(names)
    graded = {r.student for r in store.gradebook().reports if r.questions[0].cases}
    assert graded == set(kept)
    store._rows(f"PRAGMA max_page_count = {pages + 800}")
    for name in names[len(kept) :]:
        store.add(report(name, question("q1"), question("q2")), QUESTIONS)
    assert all(r.score == 5.0 for r in store.gradebook().reports)


def test_an_attempt_is_kept_whole_or_not_at_all(store: Store) -> None:
    store.set_submissions([handed_in("ada")])
    twice = report("ada", question("q1"), question("q1"))
    with pytest.raises(StoreError, match="UNIQUE"):
        store.add(twice, QUESTIONS)
    assert not store._rows("SELECT * FROM attempt")
    assert not store._rows("SELECT * FROM result")


def test_text_that_is_no_unicode_is_kept_readably(store: Store) -> None:
    store.set_submissions([handed_in("a\udcffda")])
    odd = replace(question("q1"), note="half \ud800 of a pair")
    store.add(report("a\udcffda", odd), QUESTIONS)
    (found,) = store.gradebook().reports
    assert found.student == "a\\udcffda"
    assert found.questions[0].note == "half \\ud800 of a pair"


def test_a_class_is_read_whole(store: Store) -> None:
    names = [f"student{number:04}" for number in range(200)]
    store.set_submissions(handed_in(name) for name in names)
    items = tuple(question(name) for name in ("q1", "q2", "g1"))
    for name in names:
        store.add(report(name, *items), QUESTIONS)
    assert len(store.gradebook().reports) == 200


def test_what_is_kept_outlasts_a_loss_of_power(
    tmp_path: Path, synchronous: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SYNCHRONOUS", synchronous)  # as where nothing is tested
    with closing(Store(tmp_path / "grades.db")) as store:
        ((mode,),) = store._rows("PRAGMA synchronous")
    assert mode == 2  # FULL: SQLite waits for the disk after each transaction
