"""One question, all students: the answer, its rubric, the next one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from starlette.responses import JSONResponse, Response

from grader.course import notebooks
from grader.errors import UsageError
from grader.gradebook.rubric_file import Rubric
from grader.gradebook.rubrics import (
    UNREAD,
    Given,
    Mark,
    Marking,
    OutdatedError,
    Rescore,
    RubricItem,
    Step,
)
from grader.model import Question
from grader.renderers.text import number
from grader.review import regrades
from grader.review.markdown import render
from grader.review.pictures import answer_html
from grader.review.room import Answer, Answers, progress, write_rubrics
from grader.review.web import Asked, first

KEPT_UNDOS = 20
MOST_CELLS = 30  # of a notebook in which an answer has to be looked for
LONGEST = 5_000  # characters of each
KEYS = "1234567890"


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer as it is shown."""

    answer: Answer
    label: str
    html: Markup
    given: Given | None

    @property
    def version(self) -> int:
        return self.given.version if self.given else UNREAD

    @property
    def is_read(self) -> bool:
        return self.given is not None and not self.given.is_open

    @property
    def state(self) -> str:
        """What holds for it, in a few words."""
        if self.given is None or self.given.is_open:
            return "not read"
        return f"{number(self.given.score or 0.0)} by {self.given.who}"


def home(asked: Asked) -> Response:
    """Show what there is to be read, and how far it is."""
    rows = []
    for question in asked.room.manual(asked.store):
        answers = asked.room.answers(asked.store, question.name)
        given = asked.store.given(question.name)
        rows.append((question, progress(answers, given, asked.room.who)))
    regrades.take_in(asked.room, asked.store)
    waiting = sum(one.state == "open" for one in asked.store.requests())
    return asked.page("home.html.j2", rows=rows, waiting=waiting)


def question(asked: Asked) -> Response:
    """Go to the first answer that nobody has read, else to the first."""
    name = _question(asked).name
    answers = asked.room.answers(asked.store, name)
    if not answers.all:
        raise UsageError(f"Nobody has handed in an answer to {name}.")
    given = asked.store.given(name)
    unread = (one for one in answers.all if not _is_read(one, given))
    return asked.go(f"/written/{name}/{next(unread, answers.all[0]).id}")


def answer(asked: Asked) -> Response:
    """Show one answer."""
    return _page(asked, _found(asked), _given_of(asked))


def _question(asked: Asked) -> Question:
    name = asked.part("question")
    return first(one for one in asked.room.manual(asked.store) if one.name == name)


def _found(asked: Asked) -> Answer:
    answers = asked.room.answers(asked.store, asked.part("question"))
    return answers.by_id[asked.part("answer")]


def _given_of(asked: Asked) -> dict[str, Given]:
    return asked.store.given(asked.part("question"))


def _holds(answer: Answer, given: dict[str, Given]) -> Given | None:
    """Return what the answer was given; what an earlier text was given is none of its."""
    held = given.get(answer.written.student)
    return held if held is not None and held.answer_id == answer.written.answer_id else None


def _is_read(answer: Answer, given: dict[str, Given]) -> bool:
    held = _holds(answer, given)
    return held is not None and not held.is_open


def _shown(asked: Asked, answer: Answer, given: dict[str, Given]) -> Shown:
    label = answer.written.student if asked.shows_names else f"Answer {answer.number}"
    return Shown(answer, label, _html(asked, answer), _holds(answer, given))


def _html(asked: Asked, answer: Answer) -> Markup:
    key = (answer.written.sha256, answer.written.answer_id)
    return asked.room.kept(f"answer {answer.id}", key, lambda: answer_html(answer.written.written))


def _elsewhere(asked: Asked, answer: Answer) -> list[Markup]:
    """Return what else a student wrote, where nothing stands in the place of the answer."""
    notebook = asked.store.notebook(answer.written.sha256)
    if not answer.written.written.missing or notebook is None:
        return []
    handed_out: set[str] = set()
    if asked.room.assignment is not None:
        cells = notebooks.read(asked.room.assignment.notebook.read_bytes()).every
        handed_out = {cell.source.strip() for cell in cells}
    own = [
        cell.source
        for cell in notebooks.read(notebook).every
        if cell.kind != "code" and cell.source.strip() not in handed_out
    ]
    return [render(source[:LONGEST]) for source in own[:MOST_CELLS]]


def _page(
    asked: Asked,
    answer: Answer,
    given: dict[str, Given],
    *,
    status: int = 200,
    mine: Mark | None = None,
    problem: str = "",
) -> Response:
    room, store = asked.room, asked.store
    asking = _question(asked)
    answers = room.answers(store, asking.name)
    shown = _shown(asked, answer, given)
    latest = store.given_to(answer.written.student, asking.name)
    mark = mine or (shown.given.mark if shown.given else None) or Mark()
    near = [_shown(asked, one, given) for one in answers.near_to(answer)]
    same = [_shown(asked, one, given) for one in answers.same_as(answer)]
    return asked.page(
        "answer.html.j2",
        status,
        question=asking,
        shown=shown,
        version=latest.version if latest else UNREAD,
        mark=mark,
        from_sheet=shown.given if shown.given and shown.given.mark is None else None,
        conflict=shown.given if mine is not None and not problem else None,
        problem=problem,
        items=list(zip(KEYS + " " * 90, store.rubric(asking.name), strict=False)),
        rubric_version=store.rubric_version(asking.name),
        same=same,
        near=near,
        versions=_versions(given, [*same, *near]),
        progress=progress(answers, given, room.who),
        previous=answers.all[answer.number - 2],
        following=answers.all[answer.number % len(answers.all)],
        total=len(answers.all),
        elsewhere=_elsewhere(asked, answer),
        text=_text(asked, asking.name),
        reference=_reference(asked, asking.name),
        undo=asked.said("undo"),
        saved=asked.said("saved"),
    )


def _versions(given: dict[str, Given], shown: Sequence[Shown]) -> dict[str, int]:
    """Return the newest row of each answer, also where it was for an earlier text."""
    found = {}
    for one in shown:
        held = given.get(one.answer.written.student)
        found[one.answer.id] = held.version if held else UNREAD
    return found


def _text(asked: Asked, name: str) -> Markup:
    text = asked.room.question_text(name)
    return asked.room.kept(f"html of {name}", text, lambda: render(text))


def _reference(asked: Asked, name: str) -> Markup | None:
    text = asked.room.references().get(name, "")
    return asked.room.kept(f"reference of {name}", text, lambda: render(text)) if text else None


def save(asked: Asked) -> Response:
    """Keep what the form says of an answer, and of those that were to get the same; go on."""
    name, answer = _question(asked).name, _found(asked)
    answers = asked.room.answers(asked.store, name)
    mark = Mark(tuple(asked.fields("item")), asked.field("comment"), None)
    try:
        mark = Mark(mark.items, mark.comment, _score(asked.field("score")))
        if mark.says_nothing and asked.field("had") != "1":
            return _go_on(asked, answers, answer, "")
        if asked.field("text") != answer.written.answer_id:
            raise UsageError("The student has handed in another answer since; read the new one.")
        markings = [Marking(answer.written, mark, int(asked.field("version") or UNREAD))]
        markings += _together(asked, answers, mark)
        versions = asked.store.mark(name, markings, asked.room.who)
    except OutdatedError:
        return _page(asked, answer, _given_of(asked), status=409, mine=mark)
    except UsageError as problem:
        given = _given_of(asked)
        return _page(asked, answer, given, status=400, mine=mark, problem=str(problem))
    named = {one.written.student: one.id for one in answers.all}
    step = ".".join(
        f"{named[one.written.student]}-{versions[one.written.student]}-{one.version}"
        for one in markings
    )
    return _go_on(asked, answers, answer, step)


def _score(text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        raise UsageError(f"The score {text!r} is no number; correct it.") from None
    if not math.isfinite(value):
        raise UsageError(f"The score {text!r} is no number; correct it.")
    return value


def _together(asked: Asked, answers: Answers, mark: Mark) -> list[Marking]:
    """Return the same mark for the answers that were ticked, each as it was when it was shown."""
    found = []
    for ticked in asked.fields("together"):
        name, _, version = ticked.partition("-")
        found.append(Marking(answers.by_id[name].written, mark, int(version)))
    return found


def _go_on(asked: Asked, answers: Answers, answer: Answer, step: str) -> Response:
    """Go to the next answer that nobody has read, else to the next."""
    given = _given_of(asked)
    at = answer.number % len(answers.all)
    order = [*answers.all[at:], *answers.all[:at]]
    following = next((one for one in order if not _is_read(one, given)), None)
    steps = [*filter(None, asked.said("undo").split(",")), *([step] if step else [])]
    more = {"undo": ",".join(steps[-KEPT_UNDOS:]), "saved": str(answer.number) if step else ""}
    if following is None:
        return asked.go(f"/written/{asked.part('question')}/{order[0].id}", **more)
    return asked.go(f"/written/{asked.part('question')}/{following.id}", **more)


def undo(asked: Asked) -> Response:
    """Take the last step back, unless somebody has changed its answers since."""
    name = _question(asked).name
    answers = asked.room.answers(asked.store, name)
    steps = [step for step in asked.said("undo").split(",") if step]
    if not steps:
        return asked.go(f"/written/{name}")
    parts = [part.split("-") for part in steps[-1].split(".")]
    taken = [
        Step(answers.by_id[one].written.student, int(version), int(before))
        for one, version, before in parts
    ]
    rest = ",".join(steps[:-1])
    place = f"/written/{name}/{parts[0][0]}"
    try:
        versions = asked.store.take_back(name, taken, asked.room.who)
    except OutdatedError:
        return asked.page(
            "problem.html.j2",
            409,
            said="Somebody has changed that answer since, so it was left as it is.",
            way=asked.address(place, undo=rest),
        )
    # An earlier step of the same answer now starts from the row that was just written.
    for (one, _, before), step in zip(parts, taken, strict=True):
        rest = rest.replace(f"{one}-{before}-", f"{one}-{versions[step.student]}-")
    return asked.go(place, undo=rest)


def changes(asked: Asked) -> Response:
    """Say what holds now, for a page that is open: progress, this answer, the rubric."""
    name = _question(asked).name
    answers = asked.room.answers(asked.store, name)
    given = asked.store.given(name)
    found = answers.by_id.get(asked.said("answer"))
    held = given.get(found.written.student) if found else None
    return JSONResponse({
        "progress": str(progress(answers, given, asked.room.who)),
        "version": held.version if held else UNREAD,
        "state": _state(held),
        "text": found.written.answer_id if found else "",
        "rubric": asked.store.rubric_version(name),
    })  # fmt: skip


def _state(held: Given | None) -> str:
    if held is None or held.is_open:
        return "taken back" + (f" by {held.who}" if held else "")
    return f"{number(held.score or 0.0)} by {held.who}"


def rubric(asked: Asked) -> Response:
    """Show a question's rubric, to be changed."""
    asking = _question(asked)
    return _rubric_page(asked, asking, list(asked.store.rubric(asking.name)))


def _rubric_page(
    asked: Asked,
    asking: Question,
    items: list[RubricItem],
    *,
    status: int = 200,
    rescores: list[Rescore] | None = None,
    problem: str = "",
) -> Response:
    basis = asked.store.basis(asking.name)
    used = [
        name
        for held in asked.store.given(asking.name).values()
        if held.mark is not None
        for name in held.mark.items
    ]
    return asked.page(
        "rubric.html.j2",
        status,
        question=asking,
        items=items,
        uses={item.name: used.count(item.name) for item in items},
        basis=f"{basis[0]}-{basis[1]}",
        rescores=rescores,
        problem=problem,
        path=asked.room.rubric_path(),
    )


def change_rubric(asked: Asked) -> Response:
    """Show what another rubric would change; take it where that was seen and still holds."""
    asking = _question(asked)
    items = _items(asked)
    try:
        newest = asked.store.rubric_version(asking.name)
        stated = [_item(f"item-{newest + 1 + at}", *one) for at, one in enumerate(items)]
        if asked.field("do") != "apply":
            rescores = asked.store.rescores(asking.name, stated)
            return _rubric_page(asked, asking, stated, rescores=rescores)
        seen, _, marked = asked.field("basis").partition("-")
        basis = (int(seen), int(marked))
        asked.store.change_rubric(asking.name, stated, basis, asked.room.who)
    except OutdatedError:
        rescores = asked.store.rescores(asking.name, stated)
        said = "Something was scored or changed since that preview. This is what would change now."
        return _rubric_page(asked, asking, stated, status=409, rescores=rescores, problem=said)
    except UsageError as problem:
        held = list(asked.store.rubric(asking.name))
        return _rubric_page(asked, asking, held, status=400, problem=str(problem))
    reference = asked.room.references().get(asking.name, "")
    write_rubrics(asked.room, {asking.name: Rubric(tuple(stated), reference)})
    return asked.go(f"/written/{asking.name}")


def _items(asked: Asked) -> list[tuple[str, str, str]]:
    """Return the lines of the form that are not empty, in their order."""
    rows = zip(asked.fields("name"), asked.fields("points"), asked.fields("comment"), strict=True)
    return [row for row in rows if row[1].strip() or row[2].strip()]


def _item(new_name: str, name: str, points: str, comment: str) -> RubricItem:
    value = _score(points.strip())
    if value is None:
        raise UsageError(f"“{comment}” has no points; give it some, or 0.")
    return RubricItem(name or new_name, value, " ".join(comment.split()))
