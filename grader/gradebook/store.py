"""Keep every attempt in SQLite: one transaction a submission, and nothing is ever overwritten.

`history` says which attempt holds. Reports are rebuilt from here, so the outputs can be rendered
again at any time.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from grader.errors import UsageError
from grader.gradebook import history, manual
from grader.gradebook.database import Database, storable
from grader.gradebook.history import (
    Attempt,
    Change,
    Key,
    Override,
    Result,
)
from grader.gradebook.manual import ManualScore
from grader.gradebook.people import Known
from grader.model import (
    Assignment,
    Environment,
    Isolation,
    Limits,
    OtterRules,
    Question,
    Status,
    Submission,
)
from grader.reports import Control, ControlCase, Gradebook, QuestionReport, Report

_json = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Current:
    """What holds for one student's question, to decide whether it must be judged."""

    status: Status
    submission_sha256: str
    question_sha256: str
    seed: int
    seconds: float = 0.0  # of the attempt that it comes from
    limits: Limits = field(default_factory=Limits)


class Store(Database):
    """One assignment's grades; open it as a context manager.

    `exclusive` takes the batch's lock: a second batch on the same store is refused at once.
    """

    def bind(self, assignment: Assignment, seed: int) -> None:
        """Tie the store to an assignment; UsageError where it already belongs to another."""
        held = self.setting("slug")
        # A zip of otter's and its folder are one assignment, whatever they are called.
        is_same = (
            assignment.otter is not None and self.setting("assignment_sha256") == assignment.sha256
        )
        is_other = held is not None and held != assignment.slug
        if is_other and not is_same:
            raise UsageError(
                f"{self.path} holds the grades of {held}; choose another folder with -o."
            )
        settings = {
            "slug": held if is_other and held else assignment.slug,
            "title": (self.setting("title") if is_other else None) or assignment.title,
            "assignment_sha256": assignment.sha256,
            "seed": str(seed),
            "questions": _text(assignment.questions),
            "otter": _text(assignment.otter),
        }
        self.set_settings(settings)

    def set_settings(self, settings: Mapping[str, str]) -> None:
        """Keep some settings: all of them or none."""
        with self._transaction():
            for key, value in settings.items():
                self._execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (key, value))

    def setting(self, key: str) -> str | None:
        """Return a setting, or None."""
        rows = self._rows("SELECT value FROM setting WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def known(self) -> list[Known]:
        """Return everybody who has handed in something, as they were known then."""
        rows = self._rows("SELECT student, name, identity, path, sha256 FROM submission")
        return [Known(*row) for row in rows]

    def set_submissions(self, submissions: Iterable[Submission]) -> None:
        """Note what each student handed in last; students of earlier runs stay."""
        with self._transaction():
            for item in submissions:
                self._execute(
                    "INSERT OR REPLACE INTO submission VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (item.student, item.path, item.sha256, item.received, item.late,
                     _text(item.members), item.identity, item.name),
                )  # fmt: skip

    def add(self, report: Report, questions: Iterable[Question]) -> None:
        """Keep one attempt, whole or not at all."""
        hashes = {question.name: question.sha256 for question in questions}
        with self._transaction():
            cursor = self._execute(
                "INSERT INTO attempt (student, sha256, assignment_sha256, seed, isolation, "
                "environment, error, seconds, phases, limits, finished) "
                "VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                (report.student, report.sha256, report.assignment_sha256, report.seed,
                 _text(report.isolation), _text(report.environment), report.error,
                 report.seconds, _text(report.phases), _text(report.limits), now()),
            )  # fmt: skip
            attempt = cursor.lastrowid
            for item in report.questions:
                self._execute(
                    "INSERT INTO result VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (attempt, report.student, item.name, hashes.get(item.name, ""),
                     str(item.status), item.score, _text(item)),
                )  # fmt: skip

    def add_control(self, control: Control) -> None:
        """Keep what the reference came to in one place; the newest word on each question holds."""
        by_question: dict[str, list[ControlCase]] = {}
        for case in control.cases:
            by_question.setdefault(case.question, []).append(case)
        with self._transaction():
            for question, cases in by_question.items():
                part = replace(control, cases=tuple(cases))
                self._execute(
                    "INSERT OR REPLACE INTO control VALUES (?, ?, ?, ?)",
                    (question, control.place, _text(part), now()),
                )

    def _controls(self, questions: tuple[Question, ...]) -> tuple[Control, ...]:
        """Return one control a place, with the cases of all questions that were judged there."""
        order = {question.name: number for number, question in enumerate(questions)}
        found: dict[str, list[Control]] = {}
        for question, place, text in self._rows(
            "SELECT question, place, control FROM control ORDER BY place"
        ):
            if question in order:
                found.setdefault(place, []).append(msgspec.json.decode(text, type=Control))
        merged = []
        for parts in found.values():
            parts.sort(key=lambda part: order[part.cases[0].question])
            cases = tuple(case for part in parts for case in part.cases)
            seconds = max(part.seconds for part in parts)
            merged.append(replace(parts[0], cases=cases, seconds=seconds))
        return tuple(merged)

    def override(
        self, student: str, question: str, score: float | None, who: str, why: str
    ) -> None:
        """Set a score by hand, or take that back with None; what was judged stays on record."""
        known = {item.name: item for item in self.questions()}
        if question not in known:
            raise UsageError(f"There is no question {question!r}; there are {', '.join(known)}.")
        if score is not None and not 0 <= score <= known[question].points:
            most = f"{known[question].points:g}"
            raise UsageError(f"{question} is worth 0 to {most} points; give a score within them.")
        rows = self._rows("SELECT sha256 FROM submission WHERE student = ?", (student,))
        if not rows:
            raise UsageError(f"The store knows no student {student!r}; see grades.csv.")
        if not why.strip():
            raise UsageError("An override needs a reason; give one with --why.")
        with self._transaction():
            self._execute(
                "INSERT INTO override (student, question, sha256, score, who, why, made) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (student, question, rows[0][0], score, who, why, now()),
            )

    def set_manual(self, scores: Iterable[ManualScore], who: str) -> None:
        """Keep what a person gave some answers: all of it or nothing."""
        with self._transaction():
            for item in scores:
                self._execute(
                    "INSERT INTO manual (student, question, answer_id, score, comment, who, made) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (item.student, item.question, item.answer_id, item.score, item.comment, who,
                     now()),
                )  # fmt: skip

    def current(self) -> dict[Key, Current]:
        """Return what holds for what students handed in last, by (student, question)."""
        return {
            key: Current(
                item.status, item.sha256, item.question_sha256, item.seed, item.seconds, item.limits
            )
            for key, item in history.held(self._results()).items()
        }

    def _results(self) -> Iterator[tuple[Key, Result, bool]]:
        """Yield every result in order: whose it is, and if it is of what they handed in last."""
        known: dict[str, Limits] = {}  # a class shares a few
        for student, question, newest, status, *rest in self._rows(
            "SELECT r.student, r.question, s.sha256, r.status, r.attempt, a.sha256, "
            "r.question_sha256, a.seed, r.score, a.seconds, a.finished, a.limits FROM result r "
            "JOIN attempt a ON a.id = r.attempt JOIN submission s ON s.student = r.student "
            "ORDER BY r.attempt"
        ):
            attempt, sha256, question_sha256, seed, score, seconds, finished, text = rest
            if text not in known:
                known[text] = msgspec.json.decode(text, type=Limits)
            result = Result(
                attempt, sha256, question_sha256, seed, Status(status), score, seconds, finished,
                known[text],
            )  # fmt: skip
            yield (student, question), result, sha256 == newest

    def questions(self) -> tuple[Question, ...]:
        """Return the questions as they were when something was graded last."""
        text = self.setting("questions")
        if text is None:
            raise UsageError(f"{self.path} holds no grades yet; run `grader grade` first.")
        return msgspec.json.decode(text, type=tuple[Question, ...])

    def otter(self) -> OtterRules | None:
        """Return the rules of an otter assignment, None where this is one of ours."""
        return msgspec.json.decode(self.setting("otter") or "null", type=OtterRules | None)

    def gradebook(self) -> Gradebook:
        """Return the class as it stands, by student, whatever the order of the attempts was."""
        questions = self.questions()
        reports = self._reports(questions)
        isolation, environment = history.class_environment(reports)
        return Gradebook(
            slug=self.setting("slug") or "",
            title=self.setting("title") or "",
            assignment_sha256=self.setting("assignment_sha256") or "",
            seed=int(self.setting("seed") or 0),
            isolation=isolation,
            environment=environment,
            questions=questions,
            reports=tuple(reports),
            controls=self._controls(questions),
            otter=self.otter(),
        )

    def _reports(self, questions: tuple[Question, ...]) -> list[Report]:
        """Return everybody's report, with a few queries for the whole class."""
        held, attempts = history.held(self._results()), self._attempts()
        overrides, scores, replies = self._overrides(), self._manual_scores(), self._replies()
        texts: dict[tuple[int, str], str] = {
            (attempt, question): text
            for attempt, question, text in self._rows(
                "SELECT attempt, question, report FROM result"
            )
        }

        def question_report(student: str, sha256: str, question: Question) -> QuestionReport:
            key = (student, question.name)
            item, result = history.absent(question), held.get(key)
            if result is not None:
                text = texts[result.attempt, question.name]
                item = msgspec.json.decode(text, type=QuestionReport)
                if result.question_sha256 != question.sha256:
                    item = history.noted(
                        item, "judged before its tests were changed; grade it again"
                    )
            if question.kind == "manual":
                item = manual.settle(item, scores.get(key))
            item = history.overridden(item, overrides.get(key), sha256)
            return replace(item, reply=replies[key]) if key in replies else item

        reports = []
        for row in self._rows("SELECT student, path, sha256, received, late, members, identity "
                              "FROM submission ORDER BY student"):  # fmt: skip
            keys = [(row[0], question.name) for question in questions]
            used = sorted({held[key].attempt for key in keys if key in held})
            items = [question_report(row[0], row[2], question) for question in questions]
            reports.append(history.report(row, items, [attempts[number] for number in used]))
        return reports

    def _attempts(self) -> dict[int, Attempt]:
        # A class shares a few environments: each is read once.
        isolations: dict[str, Isolation] = {}
        environments: dict[str, Environment] = {}
        found = {}
        rows = self._rows(
            "SELECT id, assignment_sha256, seed, isolation, environment, limits, error, seconds, "
            "phases FROM attempt"
        )
        limits_by_text: dict[str, Limits] = {}
        for number, sha, seed, isolation, environment, limits, error, seconds, phases in rows:
            if limits not in limits_by_text:
                limits_by_text[limits] = msgspec.json.decode(limits, type=Limits)
            if isolation not in isolations:
                isolations[isolation] = msgspec.json.decode(isolation, type=Isolation)
            if environment not in environments:
                environments[environment] = msgspec.json.decode(environment, type=Environment)
            found[number] = Attempt(
                sha, seed, isolations[isolation], environments[environment], error, seconds,
                msgspec.json.decode(phases, type=dict[str, float]), limits_by_text[limits],
            )  # fmt: skip
        return found

    def _overrides(self) -> dict[Key, Override]:
        return {
            (student, question): Override(*rest)
            for student, question, *rest in self._rows(
                "SELECT student, question, sha256, score, who, why, made FROM override ORDER BY id"
            )
        }

    def _manual_scores(self) -> dict[Key, ManualScore]:
        return {
            (row[0], row[1]): ManualScore(*row)
            for row in self._rows(
                "SELECT student, question, answer_id, score, comment FROM manual ORDER BY id"
            )
        }

    def _replies(self) -> dict[Key, str]:
        """Return what students read who had asked for a regrade, the newest answer of each."""
        return {
            (student, question): reply
            for student, question, reply in self._rows(
                "SELECT r.student, r.question, s.reply FROM request r "
                "JOIN request_step s ON s.request = r.id ORDER BY s.id"
            )
        }

    def changes(self) -> list[Change]:
        """Return for each question what its last regrading or override changed, oldest first."""
        return history.changes(self._results(), self._overrides())


def _text(value: Any) -> str:
    try:
        return _json.encode(value).decode()
    except UnicodeEncodeError:  # a lone surrogate, which is no text for SQLite or anybody
        return _json.encode(storable(msgspec.to_builtins(value))).decode()


def now() -> str:
    """Return the moment as the store writes it: ISO 8601, UTC, milliseconds."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
