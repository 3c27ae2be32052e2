"""Rubrics in the store: what a mark comes to, whose word is last, what a change changes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.gradebook import manual, outputs
from grader.gradebook.rubrics import (
    UNREAD,
    Mark,
    Marking,
    OutdatedError,
    RubricItem,
    RubricStore,
    Step,
    Written,
)
from grader.model import Status
from grader.renderers import feedback
from grader.reports import QuestionReport
from tests.support.reading import student_of, write_store

ITEMS = (
    RubricItem("variance", 1.5, "Names the variance."),
    RubricItem("overflow", 0.5, "Says what overflows."),
    RubricItem("vague", -0.5, "Too vague."),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RubricStore]:
    write_store(tmp_path, 12)
    with RubricStore(tmp_path / "grades.db") as opened:
        opened.start_rubric("r1", ITEMS, "ada")
        yield opened


def written(store: RubricStore, number: int) -> Written:
    return next(one for one in store.written("r1") if one.student == student_of(number))


def give(store: RubricStore, number: int, mark: Mark, version: int = UNREAD) -> int:
    one = written(store, number)
    return store.mark("r1", [Marking(one, mark, version)], "ada")[one.student]


def held(store: RubricStore, number: int) -> QuestionReport:
    report = next(r for r in store.gradebook().reports if r.student == student_of(number))
    return next(item for item in report.questions if item.name == "r1")


@pytest.mark.parametrize(
    ("mark", "score", "comment"),
    [
        (Mark(("variance",)), 1.5, "+1.5: Names the variance."),
        (Mark(("variance", "overflow")), 2.0, "+1.5: Names the variance.\n+0.5: Says what overfl"),
        (Mark(("vague",)), 0.0, "-0.5: Too vague."),
        (Mark(("variance",), "well", 1.0), 1.0, "Names the variance.\nwell"),
    ],
)
def test_a_mark_is_the_sum_of_its_items_within_the_points(
    store: RubricStore, mark: Mark, score: float, comment: str
) -> None:
    give(store, 3, mark)
    item = held(store, 3)
    assert item.score == score
    assert item.cases[0].message.startswith(comment)
    assert item.status is (Status.PASSED if score == 2.0 else Status.FAILED)


def test_a_comment_alone_leaves_the_answer_to_be_read(store: RubricStore) -> None:
    give(store, 3, Mark(comment="ask Bob"))
    assert held(store, 3).status is Status.PENDING


def test_a_score_beyond_the_points_is_refused_and_nothing_is_kept(store: RubricStore) -> None:
    with pytest.raises(UsageError, match="0 to 2 points"):
        give(store, 3, Mark(by_hand=2.5))
    assert store.given("r1") == {}


def test_who_has_not_seen_the_last_word_cannot_overwrite_it(store: RubricStore) -> None:
    version = give(store, 3, Mark(("variance",)))
    with pytest.raises(OutdatedError) as caught:
        give(store, 3, Mark(("vague",)))
    assert caught.value.given is not None
    assert caught.value.given.version == version
    both = [Marking(written(store, 4), Mark(("vague",)), UNREAD),
            Marking(written(store, 3), Mark(("vague",)), UNREAD)]  # fmt: skip
    with pytest.raises(OutdatedError):
        store.mark("r1", both, "bob")
    assert student_of(4) not in store.given("r1")  # all or none
    assert held(store, 3).score == 1.5
    give(store, 3, Mark(("vague",)), version)
    assert held(store, 3).score == 0.0


def test_steps_are_taken_back_one_by_one(store: RubricStore) -> None:
    first = give(store, 3, Mark(("variance",)))
    second = give(store, 3, Mark(("overflow",)), first)
    name = student_of(3)
    third = store.take_back("r1", [Step(name, second, first)], "ada")[name]
    assert held(store, 3).score == 1.5
    with pytest.raises(OutdatedError):
        store.take_back("r1", [Step(name, second, first)], "ada")
    store.take_back("r1", [Step(name, third, UNREAD)], "ada")
    assert held(store, 3).status is Status.PENDING
    assert len(store.history_of(name, "r1")) == 4  # nothing is ever overwritten


def test_a_changed_item_scores_everybody_again_who_has_it_after_a_preview(
    store: RubricStore,
) -> None:
    give(store, 3, Mark(("variance",), "well"))
    give(store, 4, Mark(("overflow",)))
    give(store, 5, Mark(("variance",), by_hand=0.25))
    changed = (RubricItem("variance", 1.0, "Names the variance."), *ITEMS[1:])
    basis = store.basis("r1")
    preview = {one.student: (one.before, one.after) for one in store.rescores("r1", changed)}
    assert preview == {student_of(3): (1.5, 1.0), student_of(5): (0.25, 0.25)}
    assert held(store, 3).score == 1.5  # a preview changes nothing
    store.change_rubric("r1", changed, basis, "ada")
    assert [held(store, number).score for number in (3, 4, 5)] == [1.0, 0.5, 0.25]
    assert held(store, 3).cases[0].message == "+1: Names the variance.\nwell"
    assert store.rubric("r1") == changed


def test_a_preview_that_no_longer_holds_is_not_applied(store: RubricStore) -> None:
    give(store, 3, Mark(("variance",)))
    basis = store.basis("r1")
    give(store, 4, Mark(("variance",)))
    with pytest.raises(OutdatedError):
        store.change_rubric("r1", ITEMS[1:], basis, "ada")
    assert store.rubric("r1") == ITEMS


def test_an_item_that_is_taken_out_is_taken_from_everybody(store: RubricStore) -> None:
    give(store, 3, Mark(("variance", "overflow")))
    give(store, 4, Mark(("variance",)))
    store.change_rubric("r1", ITEMS[1:], store.basis("r1"), "ada")
    assert held(store, 3).score == 0.5
    assert held(store, 4).status is Status.PENDING  # nothing is left that scores it


def test_the_sheet_and_the_rubric_have_the_same_last_word(store: RubricStore) -> None:
    version = give(store, 3, Mark(("variance",), "well"))
    sheet = manual.render(store.gradebook())
    assert sheet is not None
    assert ",1.5,2,'+1.5: Names the variance.\\nwell," in sheet
    assert manual.unread(sheet, store.gradebook(), "m.csv") == 0
    filled = sheet.replace(",1.5,2,'+1.5: Names the variance.\\nwell,", ",0.5,2,by sheet,")
    lines = [one for one in manual.read(filled, store.gradebook(), "m.csv") if one.is_new]
    store.set_manual([one.score for one in lines], "tim")
    assert held(store, 3).score == 0.5
    given = store.given_to(student_of(3), "r1")
    assert given is not None
    assert given.mark is None
    with pytest.raises(OutdatedError):
        give(store, 3, Mark(("vague",)), version)


def test_feedback_shows_the_items_and_the_comment(store: RubricStore) -> None:
    give(store, 3, Mark(("variance",), "<b>well</b>"))
    book = store.gradebook()
    report = next(one for one in book.reports if one.student == student_of(3))
    page = feedback.render(report, book)
    assert "+1.5: Names the variance." in page
    assert "&lt;b&gt;well&lt;/b&gt;" in page


@pytest.mark.parametrize(
    "items",
    [
        (RubricItem("a", 1.0, " "),),
        (RubricItem("a", float("nan"), "x"),),
        (RubricItem("a", 1.0, "x"), RubricItem("a", 2.0, "y")),
    ],
)
def test_a_rubric_that_cannot_be_used_is_refused(
    store: RubricStore, items: tuple[RubricItem, ...]
) -> None:
    with pytest.raises(UsageError):
        store.change_rubric("r1", items, store.basis("r1"), "ada")


def test_a_sheet_that_nobody_touched_never_takes_a_later_score_back(
    store: RubricStore, tmp_path: Path
) -> None:
    version = give(store, 3, Mark(("variance",)))
    outputs.write(store.gradebook(), tmp_path)
    give(store, 3, Mark(("overflow",)), version)
    path = tmp_path / "manual.csv"
    assert [line for line in manual.load(path, store.gradebook()) if line.is_new] == []
    assert outputs.write(store.gradebook(), tmp_path).notes == ()
    assert "Says what overflows." in path.read_text(encoding="utf-8")


def test_a_line_that_was_changed_on_both_sides_is_refused(
    store: RubricStore, tmp_path: Path
) -> None:
    version = give(store, 3, Mark(("variance",)))
    outputs.write(store.gradebook(), tmp_path)
    path = tmp_path / "manual.csv"
    sheet = path.read_text(encoding="utf-8")
    path.write_text(sheet.replace(",1.5,2,", ",1,2,"), encoding="utf-8")
    (line,) = [one for one in manual.load(path, store.gradebook()) if one.is_new]
    assert line.score.score == 1  # changed by a person, and by nobody else
    give(store, 3, Mark(("overflow",)), version)
    with pytest.raises(UsageError, match="has been given something else since"):
        manual.load(path, store.gradebook())
    assert "not read in yet" in outputs.write(store.gradebook(), tmp_path).notes[0]
