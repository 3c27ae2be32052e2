"""The command `grade`, and how a class is graded."""

import contextlib
import signal
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands import collected
from grader.commands.options import (
    INCOMPLETE,
    AssignmentName,
    CourseFolder,
    Device,
    Give,
    Isolation,
    IsolationChoice,
    Jobs,
    Limit,
    Network,
    Withhold,
)
from grader.commands.shown import finish, prepare, render, show, tell
from grader.commands.terminal import say
from grader.errors import GraderError, StoppedError, UsageError
from grader.submissions import layouts

if TYPE_CHECKING:
    from grader.gradebook.store import Store
    from grader.gradebook.terms import Terms
    from grader.model import Assignment, Submission
    from grader.reports import Gradebook
    from grader.submissions.collection import Collection


LOOKED_AT = 40  # notebooks that tell what a class imports


def grade(
    *,
    assignment: AssignmentName,
    paths: Annotated[list[Path], typer.Argument(help="Folders, zips or notebooks.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Where the outputs go.")] = None,
    course: CourseFolder = None,
    jobs: Jobs = None,
    isolation: Isolation = IsolationChoice.AUTO,
    device: Annotated[Device, typer.Option(help="Where GPU questions go.")] = Device.AUTO,
    only: Annotated[
        str | None, typer.Option(help="pending, changed, a student or a question.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides the hidden inputs.")] = 0,
    gpu_jobs: Annotated[
        int | None,
        typer.Option(min=1, help="How many submissions share a GPU; by default what fits."),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            help="How the LMS laid the files out, if not recognised.",
            metavar="|".join(layouts.names()),
        ),
    ] = None,
    roster: Annotated[
        Path | None,
        typer.Option(help="A CSV of the class with names and ids: whoever is missing gets a row."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show who handed in which file, and grade nothing.")
    ] = False,
    cluster: Annotated[
        str | None, typer.Option(help="A Dask scheduler's address, to grade on its workers.")
    ] = None,
    ignore_plugins: Annotated[
        bool,
        typer.Option("--ignore-plugins", help="Go on without otter's plugins; all outputs say so."),
    ] = False,
    give: Give = None,
    withhold: Withhold = None,
    network: Network = False,
    limit: Limit = None,
) -> None:
    """Grade submissions: what is new, changed, or was waiting. Run it again to go on."""
    from grader.course import beside
    from grader.gradebook import outputs
    from grader.gradebook.terms import Terms
    from grader.submissions.autograders import load

    rules = beside.Access(tuple(give or ()), tuple(withhold or ()), network=network)
    terms = Terms("" if course is None else str(course.resolve()), device.value,
                  tuple(limit or ()), rules)  # fmt: skip
    stated = load(assignment, course, need_solutions=True, ignore_plugins=ignore_plugins)
    loaded = terms.applied(stated)
    tell(loaded)
    if out is None and not dry_run:
        raise UsageError("Say where the outputs go, with -o FOLDER.")
    if out is not None:
        _refuse_inside(loaded, out)
    if out is not None and not dry_run and _is_known_before_collecting(loaded):
        away = apart(loaded, terms, [*paths, out], isolation)
        _begin_ahead(loaded, away, seed, isolation)
    ours = () if out is None else outputs.places(out)
    found = _collect(loaded, paths, layout=layout, roster=roster, without=ours)
    collected.tell(found, everything=dry_run)
    if out is None or dry_run:
        collected.show(found)
        collected.name_lost(found)
        if found.lost:
            raise typer.Exit(INCOMPLETE)
        return
    contents = [submission.content for submission in found.submissions]
    rules = replace(rules, read=beside.read_by_most(loaded, contents))
    terms = replace(terms, access=rules)
    loaded = terms.applied(stated)
    for text in beside.told(loaded, rules):
        say(f"{loaded.slug}: {text}", err=True)
    _refuse_missing_packages(loaded, found.submissions)
    book = grade_class(
        loaded, found.submissions, out, terms=terms, handed_in=paths, isolation=isolation,
        jobs=jobs, gpu_jobs=gpu_jobs, only=only, seed=seed, cluster=cluster,
    )  # fmt: skip
    _keep_pdfs(found, book, out)
    show(book)
    collected.name_lost(found)
    finish(book, out, is_complete=not found.lost)


def _refuse_inside(assignment: "Assignment", out: Path) -> None:
    """Refuse to write into the assignment: what lies there is handed out and decides scores."""
    if assignment.otter is not None:
        return
    for folder in (assignment.folder, assignment.solutions):
        if folder is not None and out.resolve().is_relative_to(folder.resolve()):
            raise UsageError(
                f"-o {out} lies in {folder}, which holds the assignment itself. Name a folder "
                "outside of it."
            )


def _is_known_before_collecting(assignment: "Assignment") -> bool:
    """Say whether no submission decides what a worker imports, or which files a child is given."""
    return assignment.otter is None and not assignment.withheld


def _begin_ahead(
    assignment: "Assignment", terms: "Terms", seed: int, isolation: IsolationChoice
) -> None:
    """Have the process that was started ahead, if there is one, get ready to judge."""
    from grader.batch import ahead, process
    from grader.batch.messages import ProcessSettings

    settings = ProcessSettings.of_class(assignment, terms, seed, isolation.value)
    ahead.begin(process.start, settings.of_batch(assignment))


def apart(
    assignment: "Assignment", terms: "Terms", places: Iterable[Path], isolation: IsolationChoice
) -> "Terms":
    """Return terms with the places that are kept from students' code: of submissions and results.

    UsageError where one of them lies where student code can read it.
    """
    from grader.sandbox.levels.view import refuse_shown

    away = places_of(assignment, places)
    if isolation is not IsolationChoice.NONE:
        refuse_shown(away)
    return replace(terms, places=tuple(map(str, away)))


def _collect(
    assignment: "Assignment",
    paths: list[Path],
    *,
    layout: str | None,
    roster: Path | None,
    without: Sequence[Path],
) -> "Collection":
    """Collect what was handed in, with the roster where there is one."""
    from grader.submissions.collection import collect
    from grader.submissions.roster import read

    people = None if roster is None else read(roster)
    return collect(
        paths, layout=layout, limits=assignment.limits, assignment=assignment, roster=people,
        without=without,
    )  # fmt: skip


def _refuse_missing_packages(assignment: "Assignment", submissions: Iterable["Submission"]) -> None:
    """Stop where a package is missing here that an otter assignment needs: nobody loses by it."""
    if assignment.otter is None:
        return
    from grader.course.otter import packages

    handed_in = list(submissions)
    files = [name for one in handed_in for name, _ in one.files]
    found = packages.compare(assignment, map(_code_of, handed_in), files)
    if found.other_versions:
        say(f"{assignment.slug}: installed here are {', '.join(found.other_versions)}; what a test "
            "expects may differ from version to version.", err=True)  # fmt: skip
    if found.missing:
        raise UsageError(
            f"{assignment.slug} imports what is not installed here; install it, and start again: "
            f"{found.command}"
        )


def tell_changes(store: "Store", terms: "Terms", seed: int) -> None:
    """Say where a class is graded with other options than before, which decide its scores."""
    from grader.gradebook.terms import kept

    before = kept(store)
    if before is None:
        return
    then = before.options(int(store.setting("seed") or 0))
    now = terms.options(seed)
    if then != now:
        say(f"This class was graded {_with(then)}, and this run grades {_with(now)}: what that may "
            "change is graded again. To go on as before, stop, and give the same options as then.",
            err=True)  # fmt: skip


def _with(options: tuple[str, ...]) -> str:
    return f"with {' '.join(options)}" if options else "without options that decide a score"


def places_of(assignment: "Assignment", paths: Iterable[Path]) -> list[Path]:
    """Return the places that no student's code may see, an archive's own among them."""
    packed = [] if assignment.otter is None else [Path(assignment.otter.origin)]
    return [path.resolve() for path in (*paths, *packed)]


def _keep_pdfs(found: "Collection", book: "Gradebook", out: Path) -> None:
    """Write the PDFs that were handed in, under the names that their students have in the book."""
    from grader.gradebook import outputs

    pdfs = {choice.submission.path: choice.pdf for choice in found.chosen if choice.pdf}
    for report in book.reports:
        if report.path in pdfs:
            outputs.write_pdf(report.student, pdfs[report.path], out)


def _slow_imports(assignment: "Assignment", submissions: Iterable["Submission"]) -> tuple[str, ...]:
    """Return the modules of an otter assignment's notebooks that are best imported once for all.

    An assignment of ours says so itself.
    """
    if assignment.otter is None:
        return ()
    from grader.course.otter import packages

    return packages.worth_importing_once(map(_code_of, islice(submissions, LOOKED_AT)))


def _code_of(submission: "Submission") -> str:
    from grader.course import notebooks

    try:
        cells = notebooks.read(submission.content).cells
    except notebooks.NotebookUnreadableError:
        return ""
    return "\n".join(cell.source for cell in cells)


def grade_class(
    assignment: "Assignment",
    submissions: Iterable["Submission"],
    out: Path,
    *,
    terms: "Terms | None" = None,
    handed_in: Iterable[Path] = (),
    isolation: IsolationChoice,
    jobs: int | None = None,
    gpu_jobs: int | None = None,
    only: str | None = None,
    seed: int = 0,
    cluster: str | None = None,
) -> "Gradebook":
    """Grade what is due, and render it; what was graded is rendered in any case.

    handed_in: where the submissions lie, which no student's code may see. terms: as they are
    applied to the assignment by now.
    """
    from grader import machine
    from grader.batch.cluster import connect
    from grader.batch.messages import Facts, ProcessSettings
    from grader.batch.plan import Task
    from grader.batch.pool import local_pool
    from grader.batch.run import Batch
    from grader.commands.progress import Progress
    from grader.gradebook import outputs, people
    from grader.gradebook import terms as of_class
    from grader.gradebook.notebooks_kept import NotebookStore

    submissions = list(submissions)
    terms = apart(assignment, terms or of_class.Terms(), [*handed_in, out], isolation)
    terms = replace(terms, imports=_slow_imports(assignment, submissions))
    settings = ProcessSettings.of_class(assignment, terms, seed, isolation.value)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster's scheduler says it so
    pool = local_pool if cluster is None else connect(cluster)
    with NotebookStore(out / outputs.STORE_NAME, exclusive=True) as store:
        tell_changes(store, terms, seed)
        store.bind(assignment, seed)
        of_class.keep(store, terms)
        named = people.named(submissions, store.known())
        for note in (*named.notes, *people.not_here(named.submissions, store.known())):
            say(note, err=True)
        store.keep_notebooks(named.submissions)

        def begin(tasks: list[Task], facts: Facts | None) -> None:
            progress.begin(tasks, facts)
            prepare()  # a processor is free while the first submission is judged

        try:
            with Progress() as progress:
                batch = Batch(settings, assignment, store, on_report=progress.advance,
                              on_phase=progress.phase, pool=pool)  # fmt: skip
                batch.run(named.submissions, jobs=jobs or machine.usable_cores(), gpu_jobs=gpu_jobs,
                          only=only, on_plan=begin)  # fmt: skip
        except BaseException as problem:
            # What was graded is shown, but what stopped the batch is what a person must read.
            with contextlib.suppress(GraderError):
                outputs.write(store.gradebook(), out)
            if isinstance(problem, KeyboardInterrupt):
                raise StoppedError(
                    "Stopped. What was graded is kept; run the same command to go on."
                ) from None
            raise
        return render(store, out)
