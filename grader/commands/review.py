"""The command `review`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands.options import CourseFolder, Isolation, IsolationChoice
from grader.commands.shown import finish, open_store, render, who
from grader.commands.terminal import say
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.gradebook.store import Store
    from grader.gradebook.terms import Terms
    from grader.model import Assignment


def review(
    *,
    out: Annotated[Path, typer.Argument(help="The folder that `grader grade` wrote.")],
    course: CourseFolder = None,
    name: Annotated[
        str | None, typer.Option("--as", help="Who reads; by default who you are here.")
    ] = None,
    requests: Annotated[
        Path | None, typer.Option(help="Regrade requests, by default OUT/requests.csv.")
    ] = None,
    similar: Annotated[
        bool, typer.Option("--similar", help="Also show pairs of similar code.")
    ] = False,
    isolation: Isolation = IsolationChoice.AUTO,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Read answers and requests, and see the class, in a browser.

    The page is this machine's own: nobody else can open it.
    """
    try:
        from grader.review import server
        from grader.review.room import Room, prepare_rubrics
    except ModuleNotFoundError as problem:
        raise UsageError(
            f"`grader review` needs {problem.name}: pip install 'ulp-grader[review]'."
        ) from problem
    with open_store(out) as store:
        store.questions()  # says so where nothing is graded yet
        terms = _terms(store, out)
        loaded = _assignment(store, course, terms)
    room = Room(
        out, name or who(), loaded, compares=similar, requests=requests,
        isolation=isolation.value, terms=terms,
    )  # fmt: skip
    prepare_rubrics(room)
    for note in room.notes:
        say(note, err=True)
    say("The page, for you alone; Ctrl+C ends it, and what was shown as saved is kept:")
    server.serve(room, say, opens=browser)
    with open_store(out) as store:
        book = render(store, out)
    finish(book, out)


def _terms(store: "Store", out: Path) -> "Terms":
    """Return how the class was graded, so that one answer is judged again in the same way."""
    from grader.gradebook.terms import Terms, kept

    terms = kept(store) or Terms()
    return replace(terms, places=tuple({*terms.places, str(out.resolve())}))


def _assignment(store: "Store", course: Path | None, terms: "Terms") -> "Assignment | None":
    """Load the assignment; without it the page lacks its texts, and nothing can be judged again."""
    from grader.submissions.autograders import load

    rules = store.otter()
    name = rules.origin if rules is not None else store.setting("slug") or ""
    folder = Path(terms.course) if course is None and terms.course else course
    try:
        return terms.applied(load(name, folder, ignore_plugins=True))
    except UsageError as problem:
        if course is not None:
            raise
        say(f"{problem} Without it, questions are shown without their text.", err=True)
        return None
