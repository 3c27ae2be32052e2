"""How a page is answered: one store a request, forms read within limits, errors as a sentence."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from jinja2 import ChoiceLoader, Environment, PackageLoader
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from grader.errors import GraderError
from grader.renderers.page import pages
from grader.review.room import Room, opaque
from grader.review.store import ReviewStore

T = TypeVar("T")

MOST_FIELDS = 5_000
CARRIED = ("names", "undo")  # from page to page, in the address: they survive a reload


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: where it went, what its address and its form say, and the open store."""

    room: Room
    store: ReviewStore
    request: Request
    form: tuple[tuple[str, str], ...] = ()

    @property
    def root(self) -> str:
        return str(self.request.scope["root_path"])

    def part(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    def said(self, name: str) -> str:
        """Return what the address says, or else nothing."""
        return str(self.request.query_params.get(name, ""))

    def field(self, name: str) -> str:
        """Return a form's field, or else nothing; line ends are as on this system."""
        value = next((value for key, value in self.form if key == name), "")
        return value.replace("\r\n", "\n").strip()

    def fields(self, name: str) -> list[str]:
        """Return every value of a form's field."""
        return [value for key, value in self.form if key == name]

    @property
    def shows_names(self) -> bool:
        return self.said("names") == "1"

    def address(self, path: str, **more: str) -> str:
        """Return an address of this page, with what is carried from page to page."""
        said = {name: self.said(name) for name in CARRIED}
        query = urlencode({key: value for key, value in (said | more).items() if value})
        return f"{self.root}{path}" + (f"?{query}" if query else "")

    def student_id(self, student: str) -> str:
        """Return a student's name for an address."""
        return opaque("student", student)

    def case_id(self, case: str) -> str:
        """Return a case's name for an address."""
        return opaque("case", case)

    def go(self, path: str, **more: str) -> Response:
        """Return the way to another page, after something was done."""
        return RedirectResponse(self.address(path, **more), 303)

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page."""
        text = (
            templates()
            .get_template(template)
            .render(
                asked=self,
                room=self.room,
                address=self.address,
                title_of_class=self.store.setting("title") or "",
                **values,
            )
        )
        return HTMLResponse(text.encode("utf-8", "backslashreplace"), status)


def first(found: Iterable[T]) -> T:
    """Return the first of what was found; LookupError, which is a page, where nothing was."""
    for one in found:
        return one
    raise LookupError


Handler = Callable[[Asked], Response]


@cache
def templates() -> Environment:
    """Return the page's own templates, with the reports' filters and style sheets."""
    own = PackageLoader("grader.review", "templates")
    reports = pages()
    return reports.overlay(
        loader=ChoiceLoader([own, *([reports.loader] if reports.loader else [])])
    )


def answered(room: Room, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that opens the store, calls the handler in a thread, and says errors."""

    async def endpoint(request: Request) -> Response:
        form: tuple[tuple[str, str], ...] = ()
        if request.method == "POST":
            form = _form(await request.body())
        return await run_in_threadpool(_answer, room, handler, request, form)

    return endpoint


def _answer(
    room: Room, handler: Handler, request: Request, form: tuple[tuple[str, str], ...]
) -> Response:
    with room.open() as store:
        asked = Asked(room, store, request, form)
        try:
            return handler(asked)
        except GraderError as problem:
            return asked.page("problem.html.j2", 400, said=str(problem))
        except LookupError:
            return asked.page("problem.html.j2", 404, said="There is no such page any more.")


def _form(body: bytes) -> tuple[tuple[str, str], ...]:
    text = body.decode("utf-8", "replace")
    return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
