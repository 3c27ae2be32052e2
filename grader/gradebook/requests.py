"""Regrade requests: what students ask, what became of it, and the answer that they read."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from grader.errors import UsageError
from grader.gradebook.store import Store, now
from grader.submissions import tables

FILE_NAME = "requests.csv"
OPEN, ACCEPTED, DECLINED = "open", "accepted", "declined"
LONGEST = 5_000
# A form's own words for its columns: the first column whose header holds one of these.
STUDENT = ("student", "login", "username", "user", "email", "e-mail", "mail", "name", "id")
QUESTION = ("question", "exercise", "problem", "part", "task")
TEXT = ("text", "reason", "request", "why", "explain", "message", "comment", "describe")


@dataclass(frozen=True, slots=True)
class Request:
    """What a student asked, and the last word on it."""

    id: int
    student: str
    question: str
    text: str
    made: str
    state: str = OPEN
    reply: str = ""  # what the student reads
    note: str = ""  # for staff
    who: str = ""
    version: int = 0  # of its last step


@dataclass(frozen=True, slots=True)
class Asked:
    """The usable lines of a file, and a sentence on each that is not."""

    rows: tuple[tuple[str, str, str], ...]
    problems: tuple[str, ...]


def load(path: Path, students: Iterable[str], questions: Iterable[str]) -> Asked:
    """Read a file of requests; UsageError where it is none."""
    return read(tables.read(path), students, questions, path.name)


def read(
    rows: list[list[str]], students: Iterable[str], questions: Iterable[str], name: str
) -> Asked:
    """Return what a form's CSV asks; UsageError where it lacks one of the three columns."""
    header = [cell.strip().casefold() for cell in rows[0]] if rows else []
    columns = _columns(header)
    lacking = [what for what, at in columns.items() if at is None]
    if lacking:
        raise UsageError(
            f"{name} has no column for the {' and the '.join(lacking)}; its first line must name "
            "student, question and text."
        )
    people = {key: student for student in students for key in (_key(student), _login(student))}
    names = {question.casefold(): question for question in questions}
    found: list[tuple[str, str, str]] = []
    problems = []
    for number, row in enumerate(rows[1:], 2):
        who, what, why = (row[at].strip() if at is not None and at < len(row) else ""
                          for at in columns.values())  # fmt: skip
        if not (who or what or why):
            continue
        student = people.get(_key(who)) or people.get(_login(who))
        question = names.get(what.casefold()) or names.get((what.casefold().split() or [""])[0])
        if student is None:
            problems.append(f"line {number}: the store knows no student {who!r}")
        elif question is None:
            problems.append(f"line {number}: there is no question {what!r}")
        else:
            found.append((student, question, why[:LONGEST]))
    return Asked(tuple(found), tuple(problems))


def _columns(header: list[str]) -> dict[str, int | None]:
    taken: set[int] = set()
    found: dict[str, int | None] = {}
    for what, words in (("question", QUESTION), ("student", STUDENT), ("text", TEXT)):
        found[what] = next(
            (
                at
                for word in words
                for at, title in enumerate(header)
                if at not in taken and word in title
            ),
            None,
        )
        taken |= {at for at in [found[what]] if at is not None}
    return {what: found[what] for what in ("student", "question", "text")}


def _key(name: str) -> str:
    return name.strip().casefold()


def _login(name: str) -> str:
    return _key(name).split("@")[0]


class RequestStore(Store):
    """The store, for whoever answers requests."""

    def students(self) -> list[str]:
        """Return everybody who has handed something in."""
        return [str(row[0]) for row in self._rows("SELECT student FROM submission ORDER BY 1")]

    def add_requests(self, rows: Iterable[tuple[str, str, str]]) -> int:
        """Keep what is asked for the first time, and return how much that was."""
        with self._transaction():
            return sum(
                self._execute(
                    "INSERT OR IGNORE INTO request (student, question, text, made) "
                    "VALUES (?, ?, ?, ?)",
                    (*row, now()),
                ).rowcount
                for row in rows
            )

    def requests(self) -> list[Request]:
        """Return every request with its last word, in the order in which they came."""
        found = {
            row[0]: Request(*row)
            for row in self._rows(
                "SELECT id, student, question, text, made FROM request ORDER BY id"
            )
        }
        for version, request, state, reply, note, who in self._rows(
            "SELECT id, request, state, reply, note, who FROM request_step ORDER BY id"
        ):
            found[request] = replace(
                found[request], state=state, reply=reply, note=note, who=who, version=version
            )
        return list(found.values())

    def answer_request(
        self, request: Request, state: str, reply: str, *, note: str = "", who: str
    ) -> bool:
        """Keep the last word on a request; False where somebody has answered it since."""
        with self._transaction():
            rows = self._rows("SELECT MAX(id) FROM request_step WHERE request = ?", (request.id,))
            if int(rows[0][0] or 0) != request.version:
                return False
            self._execute(
                "INSERT INTO request_step (request, state, reply, note, who, made) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (request.id, state, reply, note, who, now()),
            )
        return True
