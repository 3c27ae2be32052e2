"""Keep every attempt in SQLite: one transaction a submission, and nothing is ever overwritten.

A question's current result is its newest attempt that was graded; an override or a manual score on
top of it wins. Reports are rebuilt from here, so the outputs can be rendered again at any time.
"""

import contextlib
import datetime as dt
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import msgspec

from grader.errors import StoreError, UsageError
from grader.model import (
    Assignment,
    Environment,
    Gradebook,
    Isolation,
    Question,
    QuestionReport,
    Report,
    Status,
    Submission,
)

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE submission (
    student TEXT PRIMARY KEY, path TEXT NOT NULL, sha256 TEXT NOT NULL,
    received TEXT, late INTEGER NOT NULL, members TEXT NOT NULL
);
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY, student TEXT NOT NULL, sha256 TEXT NOT NULL,
    assignment_sha256 TEXT NOT NULL, seed INTEGER NOT NULL, isolation TEXT NOT NULL,
    environment TEXT NOT NULL, error TEXT, seconds REAL NOT NULL, phases TEXT NOT NULL,
    finished TEXT NOT NULL
);
CREATE TABLE result (
    attempt INTEGER NOT NULL REFERENCES attempt(id), student TEXT NOT NULL,
    question TEXT NOT NULL, question_sha256 TEXT NOT NULL, status TEXT NOT NULL,
    score REAL NOT NULL, report TEXT NOT NULL, PRIMARY KEY (attempt, question)
);
CREATE INDEX result_of ON result (student, question, attempt);
CREATE TABLE override (
    id INTEGER PRIMARY KEY, student TEXT NOT NULL, question TEXT NOT NULL, score REAL NOT NULL,
    who TEXT NOT NULL, why TEXT NOT NULL, made TEXT NOT NULL
);
"""

_json = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Change:
    """What the newest attempt changed for one student's question."""

    student: str
    question: str
    before: float
    after: float
    status_before: str
    status_after: str


@dataclass(frozen=True, slots=True)
class Current:
    """What the store holds on one student's question, to decide whether it must be judged."""

    status: Status
    submission_sha256: str
    question_sha256: str
    seed: int


def _text(value: Any) -> str:
    return _json.encode(value).decode()


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")


class Store:
    """One assignment's grades; open it as a context manager.

    `exclusive` takes the batch's lock: a second batch on the same store is refused at once.
    """

    def __init__(self, path: Path, *, exclusive: bool = False) -> None:
        self.path = path
        self._lock: Any = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if exclusive:
                self._lock = _take_lock(path.with_suffix(".lock"))
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._migrate()
        except (sqlite3.Error, OSError) as problem:
            raise StoreError(
                f"The store {path} cannot be opened: {problem}. Check the folder and its disk."
            ) from problem

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            with self._transaction():
                for statement in SCHEMA.split(";"):
                    if statement.strip():
                        self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif version != SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} has schema {version}, this grader reads {SCHEMA_VERSION}; "
                "grade into a new folder, or use the grader that made it."
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as problem:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise StoreError(
                f"{self.path} could not be written: {problem}. What it held before is safe; "
                "free some space and run the same command again."
            ) from problem

    def bind(self, assignment: Assignment, seed: int) -> None:
        """Tie the store to an assignment; UsageError where it already belongs to another."""
        held = self.setting("slug")
        if held is not None and held != assignment.slug:
            raise UsageError(
                f"{self.path} holds the grades of {held}; choose another folder with -o."
            )
        settings = {
            "slug": assignment.slug,
            "title": assignment.title,
            "assignment_sha256": assignment.sha256,
            "seed": str(seed),
            "questions": _text(assignment.questions),
        }
        with self._transaction():
            for key, value in settings.items():
                self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (key, value))

    def setting(self, key: str) -> str | None:
        """Return a setting, or None."""
        row = self._db.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_submissions(self, submissions: Iterable[Submission]) -> None:
        """Note what each student handed in last; students of earlier runs stay."""
        with self._transaction():
            for item in submissions:
                self._db.execute(
                    "INSERT OR REPLACE INTO submission VALUES (?, ?, ?, ?, ?, ?)",
                    (item.student, item.path, item.sha256, item.received, item.late,
                     _text(item.members)),
                )  # fmt: skip

    def add(self, report: Report, questions: Iterable[Question]) -> None:
        """Keep one attempt, whole or not at all."""
        hashes = {question.name: question.sha256 for question in questions}
        with self._transaction():
            cursor = self._db.execute(
                "INSERT INTO attempt (student, sha256, assignment_sha256, seed, isolation, "
                "environment, error, seconds, phases, finished) VALUES (?,?,?,?,?,?,?,?,?,?)",
                (report.student, report.sha256, report.assignment_sha256, report.seed,
                 _text(report.isolation), _text(report.environment), report.error,
                 report.seconds, _text(report.phases), _now()),
            )  # fmt: skip
            attempt = cursor.lastrowid
            for item in report.questions:
                self._db.execute(
                    "INSERT INTO result VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (attempt, report.student, item.name, hashes.get(item.name, ""),
                     str(item.status), item.score, _text(item)),
                )  # fmt: skip

    def current(self) -> dict[tuple[str, str], Current]:
        """Return what is held on each student's question, by (student, question)."""
        rows = self._db.execute(
            "SELECT r.student, r.question, r.status, a.sha256, r.question_sha256, a.seed "
            "FROM result r JOIN attempt a ON a.id = r.attempt WHERE r.attempt = "
            "(SELECT MAX(attempt) FROM result s WHERE s.student = r.student "
            "AND s.question = r.question)"
        )
        return {
            (student, question): Current(Status(status), sha, question_sha, seed)
            for student, question, status, sha, question_sha, seed in rows
        }

    def override(self, student: str, question: str, score: float, who: str, why: str) -> None:
        """Set a score by hand, with who did it and why; the judged one stays on record."""
        known = {item.name: item for item in self._questions()}
        if question not in known:
            raise UsageError(f"There is no question {question!r}; there are {', '.join(known)}.")
        if not 0 <= score <= known[question].points:
            raise UsageError(f"{question} is worth 0 to {known[question].points:g} points.")
        row = self._db.execute("SELECT 1 FROM submission WHERE student = ?", (student,)).fetchone()
        if row is None:
            raise UsageError(f"The store knows no student {student!r}; see grades.csv.")
        if not why.strip():
            raise UsageError("An override needs a reason; give one with --why.")
        with self._transaction():
            self._db.execute(
                "INSERT INTO override (student, question, score, who, why, made) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (student, question, score, who, why, _now()),
            )

    def _questions(self) -> tuple[Question, ...]:
        text = self.setting("questions")
        if text is None:
            raise UsageError(f"{self.path} holds no grades yet; run `grader grade` first.")
        return msgspec.json.decode(text, type=tuple[Question, ...])

    def gradebook(self) -> Gradebook:
        """Return the class as it stands: each question's newest graded result."""
        questions = self._questions()
        reports = list(self._reports(questions))
        last = reports_environment(reports)
        return Gradebook(
            slug=self.setting("slug") or "",
            title=self.setting("title") or "",
            assignment_sha256=self.setting("assignment_sha256") or "",
            seed=int(self.setting("seed") or 0),
            isolation=last[0],
            environment=last[1],
            questions=questions,
            reports=tuple(reports),
        )

    def _reports(self, questions: tuple[Question, ...]) -> Iterator[Report]:
        overrides = {
            (student, question): (score, who, why)
            for student, question, score, who, why in self._db.execute(
                "SELECT student, question, score, who, why FROM override ORDER BY id"
            )
        }
        for row in self._db.execute("SELECT * FROM submission ORDER BY student").fetchall():
            report = self._report(row, questions)
            if report is None:
                continue
            items = [
                _overridden(item, overrides.get((report.student, item.name)))
                for item in report.questions
            ]
            yield replace(report, questions=tuple(items))

    def _report(self, row: tuple[Any, ...], questions: tuple[Question, ...]) -> Report | None:
        student, path, sha256, received, late, members = row
        attempts = self._db.execute(
            "SELECT id, assignment_sha256, seed, isolation, environment, error, seconds, phases "
            "FROM attempt WHERE student = ? AND sha256 = ? ORDER BY id", (student, sha256),
        ).fetchall()  # fmt: skip
        if not attempts:
            return None
        newest = attempts[-1]
        found = {
            name: (msgspec.json.decode(text, type=QuestionReport))
            for name, text in self._db.execute(
                "SELECT r.question, r.report FROM result r JOIN attempt a ON a.id = r.attempt "
                "WHERE a.student = ? AND a.sha256 = ? ORDER BY r.attempt", (student, sha256),
            )
        }  # fmt: skip
        return Report(
            student=student,
            path=path,
            sha256=sha256,
            questions=tuple(found.get(q.name) or _absent(q) for q in questions),
            seed=newest[2],
            assignment_sha256=newest[1],
            isolation=msgspec.json.decode(newest[3], type=Isolation),
            environment=msgspec.json.decode(newest[4], type=Environment),
            seconds=sum(attempt[6] for attempt in attempts),
            error=newest[5],
            received=received,
            late=bool(late),
            members=tuple(msgspec.json.decode(members, type=list[str])),
            phases=msgspec.json.decode(newest[7], type=dict[str, float]),
        )

    def changes(self) -> list[Change]:
        """Return every question whose newest result differs from the one before it."""
        rows = self._db.execute(
            "SELECT student, question, status, score FROM result "
            "ORDER BY student, question, attempt"
        )
        history: dict[tuple[str, str], list[tuple[str, float]]] = {}
        for student, question, status, score in rows:
            history.setdefault((student, question), []).append((status, score))
        return [
            Change(student, question, old[1], new[1], old[0], new[0])
            for (student, question), (*_, old, new) in (
                item for item in history.items() if len(item[1]) > 1
            )
            if old != new
        ]

    def close(self) -> None:
        """Close the database and give the lock back."""
        self._db.close()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def reports_environment(reports: list[Report]) -> tuple[Isolation, Environment]:
    """Return the isolation and environment of a class: the weakest level, the last environment."""
    if not reports:
        return Isolation("unknown"), Environment("", "", "")
    weakest = next((r.isolation for r in reports if r.isolation.level == "none"), None)
    return weakest or reports[-1].isolation, reports[-1].environment


def _absent(question: Question) -> QuestionReport:
    return QuestionReport(
        question.name, Status.UNGRADED, 0.0, question.points, 0.0, note="not graded yet"
    )


def _overridden(item: QuestionReport, override: tuple[float, str, str] | None) -> QuestionReport:
    if override is None:
        return item
    score, who, why = override
    status = Status.PASSED if score >= item.max_score else Status.FAILED
    note = f"set to {score:g} by {who}: {why}"
    return replace(item, status=status, score=score, pending=0.0,
                   note="; ".join(part for part in (item.note, note) if part))  # fmt: skip


def _take_lock(path: Path) -> Any:
    """Return an open file that holds the lock until it is closed, also by the process's end."""
    lock = path.open("a+", encoding="utf-8")
    try:
        import fcntl
    except ImportError:  # Windows: no batch runs there but with --isolation none
        return lock
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StoreError(
            f"Another batch is grading into {path.parent}; wait for it, or choose another -o."
        ) from None
    return lock
