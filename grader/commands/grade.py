"""The command `grade`, and how a class is graded."""

import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grader.commands.options import (
    AssignmentName,
    CourseFolder,
    Device,
    Isolation,
    IsolationChoice,
    Jobs,
    OutFolder,
)
from grader.commands.shown import finish, render, show
from grader.errors import GraderError, StoppedError
from grader.submissions import layouts

if TYPE_CHECKING:
    from grader.model import Assignment, Gradebook, Limits


def grade(
    *,
    assignment: AssignmentName,
    paths: Annotated[list[Path], typer.Argument(help="Folders, zips or notebooks.")],
    out: OutFolder,
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
    cluster: Annotated[
        str | None, typer.Option(help="A Dask scheduler's address, to grade on its workers.")
    ] = None,
) -> None:
    """Grade submissions: what is new, changed, or was waiting. Run it again to go on."""
    from grader.course.assignments import load

    loaded = load(assignment, course, need_solutions=True)
    book = grade_class(
        loaded, paths, out, limits=loaded.limits, isolation=isolation, device=device,
        jobs=jobs, gpu_jobs=gpu_jobs, only=only, seed=seed, layout=layout, cluster=cluster,
    )  # fmt: skip
    show(book)
    finish(book, out)


def grade_class(
    assignment: "Assignment",
    paths: list[Path],
    out: Path,
    *,
    limits: "Limits",
    isolation: IsolationChoice,
    device: Device = Device.AUTO,
    jobs: int | None = None,
    gpu_jobs: int | None = None,
    only: str | None = None,
    seed: int = 0,
    layout: str | None = None,
    cluster: str | None = None,
) -> "Gradebook":
    """Collect and grade what is due, and render it; what was graded is rendered in any case."""
    from grader import machine
    from grader.batch.cluster import connect
    from grader.batch.pool import local_pool
    from grader.batch.process import ProcessSettings
    from grader.batch.run import Batch
    from grader.commands.progress import Progress
    from grader.gradebook import outputs
    from grader.gradebook.notebooks_kept import NotebookStore
    from grader.submissions.collection import collect

    found = collect(paths, layout=layout, limits=limits, assignment=assignment.slug)
    for skipped in found.skipped:
        typer.echo(f"skipped {skipped.path}: {skipped.reason}", err=True)
    settings = ProcessSettings(
        str(assignment.folder), seed, limits, isolation.value, device.value
    )  # fmt: skip
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster's scheduler says it so
    pool = local_pool if cluster is None else connect(cluster)
    with NotebookStore(out / outputs.STORE_NAME, exclusive=True) as store:
        store.bind(assignment, seed)
        store.keep_notebooks(found.submissions)
        try:
            with Progress() as progress:
                batch = Batch(settings, assignment, store, on_report=progress.advance,
                              on_phase=progress.phase, pool=pool)  # fmt: skip
                batch.run(found.submissions, jobs=jobs or machine.usable_cores(), gpu_jobs=gpu_jobs,
                          only=only, on_plan=progress.begin)  # fmt: skip
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
