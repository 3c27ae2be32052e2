"""What stays the same while the page is up: the folder, the assignment, who reads."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from rapidfuzz import fuzz, process

from grader.course import notebooks
from grader.errors import AssignmentError
from grader.gradebook import rubric_file
from grader.gradebook.outputs import STORE_NAME
from grader.gradebook.rubric_file import Rubric
from grader.gradebook.rubrics import Answered, Given
from grader.gradebook.terms import Terms
from grader.model import Assignment, Question
from grader.reports import Gradebook
from grader.review import rubric_writing
from grader.review.store import ReviewStore

ALIKE = 85.0  # per cent of the longer text that need not be changed
COMPARED = 3_000  # characters; a longer answer is compared by its beginning
NEAR_SHOWN = 6

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer under a name that does not tell whose it is; the order tells nothing either."""

    id: str
    number: int  # from 1
    written: Answered

    @property
    def normal(self) -> str:
        """The text but for its spaces and line breaks."""
        return " ".join(self.written.written.text.split())

    @property
    def content(self) -> tuple[str, ...]:
        """All that two answers must have in common to be the same."""
        written = self.written.written
        return self.normal, written.missing, *(picture.data for picture in written.pictures)


@dataclass(frozen=True, slots=True)
class Answers:
    """All answers to one question, in the order in which they are read."""

    all: tuple[Answer, ...]
    by_id: dict[str, Answer]
    by_content: dict[tuple[str, ...], tuple[Answer, ...]]
    compared: tuple[str, ...]
    near: dict[str, tuple[Answer, ...]] = field(default_factory=dict)

    def same_as(self, answer: Answer) -> tuple[Answer, ...]:
        """Return the other answers with this very text."""
        return tuple(one for one in self.by_content[answer.content] if one.id != answer.id)

    def near_to(self, answer: Answer) -> tuple[Answer, ...]:
        """Return other answers that differ a little, the nearest first."""
        if answer.id not in self.near:
            self.near[answer.id] = self._near(answer)
        return self.near[answer.id]

    def _near(self, answer: Answer) -> tuple[Answer, ...]:
        if not answer.normal:
            return ()
        found = process.extract(
            answer.normal[:COMPARED],
            self.compared,
            scorer=fuzz.ratio,
            processor=None,
            score_cutoff=ALIKE,
            limit=None,
        )
        others = (self.all[at] for _, _, at in found)
        return tuple(one for one in others if one.content != answer.content)[:NEAR_SHOWN]


def answers_of(question: str, written: Sequence[Answered]) -> Answers:
    """Return answers in an order that is the same for everybody and follows no name."""
    named = sorted((opaque(question, one.student), one) for one in written)
    ordered = tuple(Answer(name, at, one) for at, (name, one) in enumerate(named, 1))
    by_content: dict[tuple[str, ...], list[Answer]] = {}
    for one in ordered:
        by_content.setdefault(one.content, []).append(one)
    return Answers(
        ordered,
        {one.id: one for one in ordered},
        {content: tuple(group) for content, group in by_content.items()},
        tuple(one.normal[:COMPARED] for one in ordered),
    )


def opaque(*parts: str) -> str:
    """Return a short name for something, from which it cannot be read."""
    text = "\0".join(parts).encode("utf-8", "backslashreplace")
    return hashlib.sha256(text).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the reading of one question is."""

    read: int
    total: int
    by_others: int

    def __str__(self) -> str:
        others = f", {self.by_others} by others" if self.by_others else ""
        return f"{self.read} of {self.total}{others}"


@dataclass(slots=True)
class Room:
    """One `grader review`: its folder, whose reading it is, and what need not be read twice."""

    out: Path
    who: str
    assignment: Assignment | None = None
    compares: bool = False  # code with code, since somebody has asked for it
    requests: Path | None = None  # where students' requests lie, if not in the folder
    isolation: str = "auto"
    terms: Terms = field(default_factory=Terms)  # of the class, and applied to the assignment
    notes: list[str] = field(default_factory=list)
    jobs: dict[int, object] = field(default_factory=dict)  # what is judged again, by request
    _cache: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    _turn: threading.RLock = field(default_factory=threading.RLock)

    def open(self) -> ReviewStore:
        """Open the store, for one request."""
        return ReviewStore(self.out / STORE_NAME)

    def answers(self, store: ReviewStore, question: str) -> Answers:
        """Return a question's answers as they are now."""
        return self.kept(
            f"answers {question}",
            store.fingerprint(),
            lambda: answers_of(question, store.written(question)),
        )

    def gradebook(self, store: ReviewStore) -> Gradebook:
        """Return the class as it stands now."""
        return self.kept("gradebook", store.basis_of_everything(), store.gradebook)

    def kept(self, name: str, basis: Any, make: Callable[[], T]) -> T:
        """Return what was made from a basis, made again only where that has changed."""
        with self._turn:
            held = self._cache.get(name)
            if held is None or held[0] != basis:
                held = self._cache[name] = (basis, make())
            return cast("T", held[1])

    def manual(self, store: ReviewStore) -> tuple[Question, ...]:
        """Return the questions that a person grades."""
        return tuple(one for one in store.questions() if one.kind == "manual")

    def rubric_path(self) -> Path | None:
        """Return where the rubric is written to; None where there are no solutions."""
        return rubric_file.path_of(self.assignment)

    def references(self) -> dict[str, str]:
        """Return the reference answers, as the file states them now."""
        path, assignment = self.rubric_path(), self.assignment
        if path is None or assignment is None or not path.is_file():
            return {}

        def make() -> dict[str, str]:
            stated = rubric_file.read(path, assignment.questions)
            return {name: rubric.reference for name, rubric in stated.items()}

        return self.kept("references", path.stat().st_mtime_ns, make)

    def question_text(self, question: str) -> str:
        """Return what the hand-out asks, as Markdown; nothing where it is not there."""
        if self.assignment is None:
            return ""
        path = self.assignment.notebook

        def make() -> str:
            return notebooks.question_prose(path.read_bytes(), question)

        return self.kept(f"text of {question}", path.stat().st_mtime_ns, make)


def prepare_rubrics(room: Room) -> None:
    """Fill the store's rubrics from the file, and the file from the store where it lacks one.

    Where the two differ the store's holds, since it has scored; the difference is noted.
    """
    path = room.rubric_path()
    stated: dict[str, Rubric] = {}
    if path is not None and room.assignment is not None:
        stated = rubric_file.read(path, room.assignment.questions)
        room.notes.extend(rubric_file.doubts(path, room.assignment.questions, stated))
    missing: dict[str, Rubric] = {}
    with room.open() as store:
        for question in room.manual(store):
            rubric = stated.get(question.name) or rubric_file.plain(question)
            items = rubric.items or rubric_file.plain(question).items
            store.start_rubric(question.name, items, room.who)
            held = store.rubric(question.name)
            if question.name not in stated:
                missing[question.name] = Rubric(held)
            elif held != stated[question.name].items:
                room.notes.append(
                    f"{path} has another rubric for {question.name} than the one that this class "
                    "is scored by; the class's holds. Change it on the page, which writes the file."
                )
    if missing and path is not None:
        write_rubrics(room, missing)


def write_rubrics(room: Room, rubrics: dict[str, Rubric]) -> None:
    """Write rubrics back into their file; a note says where that could not be done."""
    path = room.rubric_path()
    if path is None:
        return
    try:
        rubric_writing.write(path, rubrics)
    except (OSError, AssignmentError) as problem:
        room.notes.append(f"{path} could not be written: {problem}. The store has the rubric.")


def progress(answers: Answers, given: dict[str, Given], who: str) -> Progress:
    """Count the answers that have a score, and those that somebody else gave."""
    read = [
        held
        for one in answers.all
        if (held := given.get(one.written.student)) is not None
        and not held.is_open
        and held.answer_id == one.written.answer_id
    ]
    return Progress(len(read), len(answers.all), sum(held.who != who for held in read))
