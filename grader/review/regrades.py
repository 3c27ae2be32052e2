"""Regrade requests as a queue: judged again, or a score with a reason; the student reads why."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from starlette.responses import Response

from grader.errors import UsageError
from grader.gradebook import requests
from grader.gradebook.requests import ACCEPTED, DECLINED, OPEN, Request
from grader.reports import QuestionReport
from grader.review.rejudge import Judged, Where, rejudge
from grader.review.room import Room, opaque
from grader.review.store import ReviewStore
from grader.review.web import Asked, first

SEEDS = 3


@dataclass(slots=True)
class Job:
    """A question that is being judged again; `problem` says why it could not be."""

    done: threading.Event = field(default_factory=threading.Event)
    judged: tuple[Judged, ...] = ()
    problem: str = ""


def take_in(room: Room, store: ReviewStore) -> list[str]:
    """Keep what the file of requests asks for the first time; return what is wrong with it."""
    path = room.requests or room.out / requests.FILE_NAME
    if not path.is_file():
        return [f"There is no {path}."] if room.requests else []
    try:
        names = [question.name for question in store.questions()]
        asked = requests.load(path, store.students(), names)
    except UsageError as problem:
        return [str(problem)]
    store.add_requests(asked.rows)
    return [f"{path.name}, {problem}" for problem in asked.problems]


def queue(asked: Asked) -> Response:
    """Show all requests, the open ones first."""
    problems = take_in(asked.room, asked.store)
    rows = sorted(asked.store.requests(), key=lambda one: one.state != OPEN)
    path = asked.room.requests or asked.room.out / requests.FILE_NAME
    return asked.page("requests.html.j2", rows=rows, problems=problems, path=Path(path))


def one(asked: Asked) -> Response:
    """Show one request beside what the question came to."""
    return _page(asked, _request(asked))


def _request(asked: Asked) -> Request:
    wanted = asked.part("request")
    return first(one for one in asked.store.requests() if str(one.id) == wanted)


def _question(asked: Asked, request: Request) -> QuestionReport:
    book = asked.room.gradebook(asked.store)
    report = first(one for one in book.reports if one.student == request.student)
    return first(one for one in report.questions if one.name == request.question)


def _page(asked: Asked, request: Request, *, status: int = 200, problem: str = "") -> Response:
    job = asked.room.jobs.get(request.id)
    return asked.page(
        "request.html.j2",
        status,
        request=request,
        item=_question(asked, request),
        student_id=opaque("student", request.student),
        job=job if isinstance(job, Job) else None,
        seeds=SEEDS,
        problem=problem,
        is_manual=any(one.name == request.question for one in asked.room.manual(asked.store)),
        reply=asked.field("reply") or request.reply,
    )


def answer(asked: Asked) -> Response:
    """Judge again, set a score, or decline, and keep the answer to the student."""
    request = _request(asked)
    reply, do = asked.field("reply"), asked.field("do")
    place = f"/request/{request.id}"
    try:
        if asked.field("version") != str(request.version):
            raise UsageError("Somebody has answered this request since; look at that first.")
        if do == "judge":
            _start(asked, request)
            return asked.go(place)
        if not reply:
            raise UsageError("The student reads nothing yet; write an answer.")
        if do == "take":
            _take(asked, request)
        elif do == "score":
            score = _score(asked.field("score"))
            asked.store.override(request.student, request.question, score, asked.room.who, reply)
        state = DECLINED if do == "decline" else ACCEPTED
        if not asked.store.answer_request(request, state, reply, note=do, who=asked.room.who):
            raise UsageError("Somebody has answered this request since; look at that first.")
    except UsageError as problem:
        return _page(asked, request, status=400, problem=str(problem))
    asked.room.jobs.pop(request.id, None)
    return asked.go("/requests")


def _start(asked: Asked, request: Request) -> None:
    """Judge in a thread, since it takes seconds; the page says when it is done."""
    submission = asked.store.submission(request.student)
    loaded = asked.room.assignment
    if loaded is None or (loaded.solutions is None and loaded.otter is None):
        raise UsageError("Judging again needs the course with its solutions; name it by --course.")
    if submission is None:
        raise UsageError(
            "The notebook is not kept; grade it again by `grader grade … --only STUDENT`."
        )
    held = asked.room.jobs.get(request.id)
    if isinstance(held, Job) and not held.done.is_set():
        return
    job = Job()
    asked.room.jobs[request.id] = job
    assignment, question = loaded, request.question
    own = int(asked.store.setting("seed") or 0)
    where = Where(asked.room.isolation, asked.room.terms)

    def work() -> None:
        try:
            seeds = [own + step for step in range(SEEDS)]
            job.judged = rejudge(assignment, submission, question, seeds, where)
        except Exception as problem:  # noqa: BLE001 - a thread's error is told on the page
            job.problem = str(problem) or type(problem).__name__
        finally:
            job.done.set()

    threading.Thread(target=work, name="rejudge", daemon=True).start()


def _take(asked: Asked, request: Request) -> None:
    """Keep the report of the class's own seed as one more attempt."""
    job = asked.room.jobs.get(request.id)
    if not isinstance(job, Job) or not job.judged:
        raise UsageError("It is not judged again yet; do that first.")
    assignment = asked.room.assignment
    if assignment is not None:
        asked.store.add(job.judged[0].report, assignment.questions)


def _score(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise UsageError(f"The score {text!r} is no number; correct it.") from None
