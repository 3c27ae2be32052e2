"""Answered answers scored by a rubric: its items, who has which, and what a changed item changes.

A mark is a row of the same table that `manual.csv` is read into, so that a score counts the same
whichever way it came. Nothing is overwritten: whoever writes says which row they have seen, and is
told where that is no longer the last one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from grader.errors import UsageError
from grader.gradebook import history
from grader.gradebook.history import Result
from grader.gradebook.manual import MAX_COMMENT, answer_id
from grader.gradebook.store import Store, now
from grader.model import POINT_TOLERANCE, Status
from grader.renderers.text import number
from grader.reports import QuestionReport, Written

UNREAD = 0  # the version of an answer that nobody has given anything


@dataclass(frozen=True, slots=True)
class RubricItem:
    """One line of a rubric: `points` may be negative, `comment` is what its student reads."""

    name: str
    points: float
    comment: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What one student wrote for one question, and how much it is worth."""

    student: str
    sha256: str  # of the notebook
    written: Written
    max_score: float
    answer_id: str  # as `manual.csv` names this very answer


@dataclass(frozen=True, slots=True)
class Mark:
    """What a person gave: items of the rubric, a comment of their own, a score by hand or none."""

    items: tuple[str, ...] = ()
    comment: str = ""
    by_hand: float | None = None

    @property
    def says_nothing(self) -> bool:
        return not self.items and not self.comment and self.by_hand is None


@dataclass(frozen=True, slots=True)
class Given:
    """A mark as it is kept; `version` names its row, and a score of None is none."""

    version: int
    answer_id: str
    score: float | None
    comment: str  # all of what the student reads
    mark: Mark | None  # None where it came from manual.csv
    who: str
    made: str

    @property
    def is_open(self) -> bool:
        return self.score is None


@dataclass(frozen=True, slots=True)
class Marking:
    """A mark for one answer, by somebody who has seen `version` of it."""

    written: Answered
    mark: Mark
    version: int


@dataclass(frozen=True, slots=True)
class Rescore:
    """What a changed rubric makes of one student's score."""

    student: str
    before: float
    after: float

    @property
    def same(self) -> bool:
        return abs(self.after - self.before) <= POINT_TOLERANCE


@dataclass(frozen=True, slots=True)
class Step:
    """What led from one version of an answer's mark to another."""

    student: str
    version: int
    before: int


class OutdatedError(Exception):
    """What was to be written had been changed by somebody since it was read."""

    def __init__(self, student: str, given: Given | None) -> None:
        super().__init__(student)
        self.student = student
        self.given = given


def score(items: Iterable[RubricItem], mark: Mark, most: float) -> float | None:
    """Return what a mark comes to, within 0 and `most`; None where it gives no score at all."""
    if mark.by_hand is not None:
        return mark.by_hand
    held = [item for item in items if item.name in mark.items]
    if not held:
        return None
    return min(max(round(sum(item.points for item in held), 6), 0.0), most)


def comment(items: Iterable[RubricItem], mark: Mark) -> str:
    """Return what the student reads: each item with its points, then the comment of their own."""
    lines = []
    for item in items:
        if item.name in mark.items:
            points = f"{'+' if item.points > 0 else ''}{number(item.points)}: "
            lines.append(item.comment if mark.by_hand is not None else points + item.comment)
    return "\n".join([*lines, *([mark.comment] if mark.comment else [])])


def check(items: Sequence[RubricItem]) -> None:
    """Raise UsageError with what keeps a rubric from being used."""
    names = [item.name for item in items]
    for item in items:
        if not item.comment.strip():
            raise UsageError("A rubric's item has no comment; say what its student should read.")
        if not abs(item.points) < float("inf"):
            raise UsageError(f"“{item.comment}” has points that are no number; correct them.")
    if len(set(names)) < len(names):
        raise UsageError("Two items of the rubric have one name; rename one.")


class RubricStore(Store):
    """The store, for whoever reads written answers."""

    def fingerprint(self) -> tuple[Any, ...]:
        """Return what changes when an answer may have: what was judged, what was handed in."""
        handed_in = self._rows(
            "SELECT GROUP_CONCAT(sha256) FROM (SELECT sha256 FROM submission ORDER BY student)"
        )[0][0]
        newest = self._rows("SELECT MAX(id) FROM attempt")[0][0]
        return newest, handed_in, self.setting("questions")

    def basis_of_everything(self) -> tuple[Any, ...]:
        """Return what changes when anything on record has."""
        tables = ("manual", "override", "request_step", "rubric_item")
        newest = [self._rows(f"SELECT MAX(id) FROM {table}")[0][0] for table in tables]  # noqa: S608
        return *self.fingerprint(), *newest

    def written(self, question: str) -> list[Answered]:
        """Return the answers to a question that can be read, by student."""
        found: dict[str, tuple[Result, str]] = {}
        for student, newest, status, text, *rest in self._rows(
            "SELECT r.student, s.sha256, r.status, r.report, r.attempt, a.sha256, "
            "r.question_sha256, a.seed, r.score, a.seconds, a.finished FROM result r "
            "JOIN attempt a ON a.id = r.attempt JOIN submission s ON s.student = r.student "
            "WHERE r.question = ? ORDER BY r.attempt",
            (question,),
        ):
            attempt, sha256, question_sha256, seed, points, seconds, finished = rest
            result = Result(
                attempt, sha256, question_sha256, seed, Status(status), points, seconds, finished
            )
            before = found.get(student)
            if sha256 == newest and result.follows(before[0] if before else None):
                found[student] = result, text
        answers = []
        for student in sorted(found):
            result, text = found[student]
            if result.status not in {Status.ERROR, Status.UNGRADED}:
                item = msgspec.json.decode(text, type=QuestionReport)
                answers.append(
                    Answered(
                        student, result.sha256, item.written, item.max_score,
                        answer_id(item.written),
                    )
                )  # fmt: skip
        return answers

    def rubric(self, question: str) -> tuple[RubricItem, ...]:
        """Return the rubric's items, in their order."""
        newest = {
            name: (bool(is_used), position, RubricItem(name, points, text))
            for name, is_used, position, points, text in self._rows(
                "SELECT item, is_used, position, points, comment FROM rubric_item "
                "WHERE question = ? ORDER BY id",
                (question,),
            )
        }
        used = [row[1:] for row in newest.values() if row[0]]
        return tuple(item for _, item in sorted(used, key=lambda row: row[0]))

    def rubric_version(self, question: str) -> int:
        """Return what grows with every change of a rubric."""
        rows = self._rows("SELECT MAX(id) FROM rubric_item WHERE question = ?", (question,))
        return int(rows[0][0] or 0)

    def start_rubric(self, question: str, items: Sequence[RubricItem], who: str) -> None:
        """Keep a rubric where the store has none yet."""
        check(items)
        with self._transaction():
            if not self.rubric_version(question):
                self._put_items(question, items, who)

    def _put_items(self, question: str, items: Sequence[RubricItem], who: str) -> None:
        held = {item.name: item for item in self.rubric(question)}
        rows = [(position, item, 1) for position, item in enumerate(items)]
        wanted = {item.name for item in items}
        rows += [(0, item, 0) for name, item in held.items() if name not in wanted]
        for position, item, is_used in rows:
            self._execute(
                "INSERT INTO rubric_item (question, item, position, points, comment, is_used, who, "
                "made) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (question, item.name, position, item.points, item.comment, is_used, who, now()),
            )

    def given(self, question: str) -> dict[str, Given]:
        """Return what holds for each student's answer, also one that was replaced since."""
        return {
            student: _given(row)
            for student, *row in self._rows(f"{_GIVEN} WHERE m.question = ? ORDER BY m.id",
                                            (question,))
        }  # fmt: skip

    def given_to(self, student: str, question: str) -> Given | None:
        """Return what holds for one answer."""
        rows = self._rows(
            f"{_GIVEN} WHERE m.question = ? AND m.student = ? ORDER BY m.id DESC LIMIT 1",
            (question, student),
        )
        return _given(rows[0][1:]) if rows else None

    def history_of(self, student: str, question: str) -> list[Given]:
        """Return everything that an answer was ever given, oldest first."""
        rows = self._rows(
            f"{_GIVEN} WHERE m.question = ? AND m.student = ? ORDER BY m.id", (question, student)
        )
        return [_given(row[1:]) for row in rows]

    def overrides_of(self, student: str) -> list[tuple[str, history.Override]]:
        """Return every score that was set by hand or taken back, oldest first."""
        return [
            (question, history.Override(*rest))
            for question, *rest in self._rows(
                "SELECT question, sha256, score, who, why, made FROM override WHERE student = ? "
                "ORDER BY id",
                (student,),
            )
        ]

    def mark(self, question: str, markings: Sequence[Marking], who: str) -> dict[str, int]:
        """Keep some marks, all or none, and return each student's new version.

        OutdatedError where an answer has been given something since; UsageError where a score or a
        comment cannot be.
        """
        with self._transaction():
            items = self.rubric(question)
            versions = {}
            for one in markings:
                student = one.written.student
                held = self.given_to(student, question)
                if (held.version if held else UNREAD) != one.version:
                    raise OutdatedError(student, held)
                versions[student] = self._put(question, one.written, one.mark, items, who)
        return versions

    def _put(
        self,
        question: str,
        written: Answered,
        mark: Mark,
        items: Sequence[RubricItem],
        who: str,
    ) -> int:
        most = written.max_score
        if mark.by_hand is not None and not 0 <= mark.by_hand <= most:
            raise UsageError(f"{question} is worth 0 to {most:g} points; give a score within them.")
        known = {item.name for item in items}
        mark = replace(mark, items=tuple(name for name in mark.items if name in known))
        text = comment(items, mark)
        if len(text) > MAX_COMMENT:
            raise UsageError(f"The comment is longer than {MAX_COMMENT:,} characters; shorten it.")
        points = score(items, mark, most)
        return self._insert((written.student, question, written.answer_id, points, text, who), mark)

    def _insert(self, row: tuple[Any, ...], mark: Mark | None) -> int:
        cursor = self._execute(
            "INSERT INTO manual (student, question, answer_id, score, comment, who, made) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, now()),
        )
        version = int(cursor.lastrowid or 0)
        if mark is not None:
            names = msgspec.json.encode(mark.items).decode()
            self._execute(
                "INSERT INTO mark VALUES (?, ?, ?, ?)", (version, names, mark.comment, mark.by_hand)
            )
        return version

    def take_back(self, question: str, steps: Sequence[Step], who: str) -> dict[str, int]:
        """Put back what answers had before, as new rows, all or none; return their versions.

        OutdatedError where one of them has been given something since.
        """
        with self._transaction():
            versions = {}
            for step in steps:
                rows = self.history_of(step.student, question)
                last = rows[-1] if rows else None
                if last is None or last.version != step.version:
                    raise OutdatedError(step.student, last)
                nothing = replace(last, score=None, comment="", mark=Mark())
                old = next((row for row in rows if row.version == step.before), nothing)
                row = (step.student, question, old.answer_id, old.score, old.comment, who)
                versions[step.student] = self._insert(row, old.mark)
        return versions

    def basis(self, question: str) -> tuple[int, int]:
        """Return what a preview of a changed rubric rests on."""
        rows = self._rows("SELECT MAX(id) FROM manual WHERE question = ?", (question,))
        return self.rubric_version(question), int(rows[0][0] or 0)

    def rescores(self, question: str, items: Sequence[RubricItem]) -> list[Rescore]:
        """Return whose score or comment another rubric would change, and how."""
        return [
            Rescore(written.student, given.score or 0.0, points or 0.0)
            for written, given, _, points in self._touched(question, items)
        ]

    def change_rubric(
        self, question: str, items: Sequence[RubricItem], basis: tuple[int, int], who: str
    ) -> list[Rescore]:
        """Take another rubric and score everybody again who has one of the changed items.

        OutdatedError where anything was scored or changed since the preview of that `basis`.
        """
        check(items)
        with self._transaction():
            if self.basis(question) != basis:
                raise OutdatedError("", None)
            touched = self._touched(question, items)
            self._put_items(question, items, who)
            for written, _, mark, _ in touched:
                self._put(question, written, mark, items, who)
        return [
            Rescore(written.student, given.score or 0.0, points or 0.0)
            for written, given, _, points in touched
        ]

    def _touched(
        self, question: str, items: Sequence[RubricItem]
    ) -> list[tuple[Answered, Given, Mark, float | None]]:
        changed = _changed(self.rubric(question), items)
        wanted = {item.name for item in items}
        given = self.given(question)
        found = []
        for written in self.written(question):
            held = given.get(written.student)
            if held is None or held.mark is None or held.answer_id != written.answer_id:
                continue
            if changed.intersection(held.mark.items):
                kept = tuple(name for name in held.mark.items if name in wanted)
                mark = replace(held.mark, items=kept)
                found.append((written, held, mark, score(items, mark, written.max_score)))
        return found


_GIVEN = (
    "SELECT m.student, m.id, m.answer_id, m.score, m.comment, m.who, m.made, k.items, k.comment, "
    "k.by_hand FROM manual m LEFT JOIN mark k ON k.manual = m.id"
)


def _given(row: Sequence[Any]) -> Given:
    version, named, points, text, who, made, items, own, by_hand = row
    mark = None
    if items is not None:
        mark = Mark(msgspec.json.decode(items, type=tuple[str, ...]), own, by_hand)
    return Given(version, named, points, text, mark, who, made)


def _changed(before: Sequence[RubricItem], after: Sequence[RubricItem]) -> frozenset[str]:
    """Return the names of the items that differ, with those that are gone."""
    new: Mapping[str, RubricItem] = {item.name: item for item in after}
    return frozenset(
        item.name
        for item in before
        if item.name not in new
        or new[item.name].comment != item.comment
        or abs(new[item.name].points - item.points) > POINT_TOLERANCE
    )
