"""Which address shows what."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from grader.review import classroom, regrades, students, written
from grader.review.guard import Guard
from grader.review.room import Room
from grader.review.web import answered, templates

PAGES = (
    ("/", written.home),
    ("/written/{question}", written.question),
    ("/written/{question}/{answer}", written.answer),
    ("/changes/{question}", written.changes),
    ("/rubric/{question}", written.rubric),
    ("/students", students.everybody),
    ("/student/{student}", students.one),
    ("/class", classroom.cases),
    ("/class/{question}/{case}", classroom.case),
    ("/requests", regrades.queue),
    ("/request/{request}", regrades.one),
    ("/similar", classroom.similar),
    ("/similar/{question}/{pair}", classroom.pair),
)
DEEDS = (
    ("/written/{question}/{answer}", written.save),
    ("/undo/{question}", written.undo),
    ("/rubric/{question}", written.change_rubric),
    ("/student/{student}", students.override),
    ("/request/{request}", regrades.answer),
)


def app(room: Room, port: int, token: str) -> Guard:
    """Return the page of one class, below its token."""
    routes = [Route(path, answered(room, handler), methods=["GET"]) for path, handler in PAGES]
    routes += [Route(path, answered(room, handler), methods=["POST"]) for path, handler in DEEDS]
    style = _own("common.css") + _own("review.css")
    routes += [
        Route("/review.css", _constant(style, "text/css")),
        Route("/review.js", _constant(_own("review.js"), "text/javascript")),
    ]
    return Guard(Starlette(routes=routes), port, token)


def _own(name: str) -> str:
    loader = templates().loader
    if loader is None:
        raise LookupError(name)
    return loader.get_source(templates(), name)[0]


def _constant(text: str, kind: str) -> Callable[[Request], Response]:
    def endpoint(_request: Request) -> Response:
        headers = {"Cache-Control": "private, max-age=3600"}
        return Response(text, media_type=kind, headers=headers)

    return endpoint
