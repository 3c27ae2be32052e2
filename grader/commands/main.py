"""The commands: arguments, progress, and the one place that catches `GraderError`."""

import contextlib
import enum
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from grader import __version__
from grader.errors import GraderError, StoppedError, UsageError

if TYPE_CHECKING:
    from grader.gradebook.store import Store
    from grader.model import Assignment, Gradebook, Limits
    from grader.verify import Gate, Verification

DONE, INCOMPLETE, UNUSABLE = 0, 1, 2

app = typer.Typer(
    name="grader",
    help="Grade notebooks of numerics and GPU courses: safely, honestly and fast.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

AssignmentName = Annotated[str, typer.Argument(help="A slug, or a folder under assignments/.")]
CourseFolder = Annotated[
    Path | None,
    typer.Option("--course", help="The folder with assignments/ and solutions/."),
]
OutFolder = Annotated[Path, typer.Option("-o", "--out", help="Where the outputs go.")]


class IsolationChoice(enum.StrEnum):
    """What may be asked for; the levels in between are proved, never chosen."""

    AUTO = "auto"
    NONE = "none"


class Device(enum.StrEnum):
    """Where GPU questions are judged."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


Isolation = Annotated[
    IsolationChoice, typer.Option(help="auto, or none to run student code with your own rights.")
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", min=1, help="How many submissions at once.")
]


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"grader {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    if debug:
        os.environ["GRADER_DEBUG"] = "1"


@app.command()
def demo(
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Where the outputs go.")] = None,
    course: CourseFolder = None,
    isolation: Isolation = IsolationChoice.AUTO,
    jobs: Jobs = None,
) -> None:
    """Build a small class, grade it, and show who lost what and why."""
    from grader.course import demo as demonstration
    from grader.course.assignments import load, own_course

    assignment = load("softmax", course or own_course(), need_solutions=True)
    folder = out or Path(tempfile.mkdtemp(prefix="grader-demo-"))
    students = demonstration.build_class(assignment, folder / "class")
    book = _grade(
        assignment, [students], folder, limits=demonstration.limits(assignment),
        isolation=isolation, jobs=jobs,
    )  # fmt: skip
    _show(book, losses=True)
    _finish(book, folder)


@app.command()
def grade(
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
        str | None, typer.Option(help="How the LMS laid the files out, if not recognised.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="A Dask scheduler's address, to grade on its workers.")
    ] = None,
) -> None:
    """Grade submissions: what is new, changed, or was waiting. Run it again to go on."""
    from grader.course.assignments import load

    loaded = load(assignment, course, need_solutions=True)
    book = _grade(
        loaded, paths, out, limits=loaded.limits, isolation=isolation, device=device,
        jobs=jobs, gpu_jobs=gpu_jobs, only=only, seed=seed, layout=layout, cluster=cluster,
    )  # fmt: skip
    _show(book)
    _finish(book, out)


@app.command()
def report(
    out: Annotated[Path, typer.Argument(help="The folder that `grader grade` wrote.")],
    diff: Annotated[bool, typer.Option("--diff", help="List what regrading changed.")] = False,
    canvas: Annotated[
        Path | None, typer.Option(help="Your gradebook, exported from Canvas; fills canvas.csv.")
    ] = None,
    column: Annotated[
        str | None, typer.Option(help="The gradebook's column, if not the assignment's title.")
    ] = None,
) -> None:
    """Render the outputs again from the store."""
    from grader.gradebook import outputs
    from grader.renderers.text import number, shown

    with _open_store(out) as store:
        book = _render(store, out)
        changes = store.changes() if diff else []
    if canvas is not None:
        written = outputs.write_canvas(book, out, canvas, column)
        for note in written.notes:
            typer.echo(note, err=True)
        typer.echo(f"Wrote {written.paths[0]}; import it in Canvas's gradebook.")
    if not diff:
        _show(book)
    for item in changes:
        typer.echo(
            f"{item.made[:16]} {shown(item.student)} {item.question}: "
            f"{number(item.before)} ({item.status_before}) "
            f"-> {number(item.after)} ({item.status_after}), {shown(item.why)}"
        )
    _finish(book, out)


@app.command()
def override(
    student: Annotated[str, typer.Argument(help="As in grades.csv.")],
    question: Annotated[str, typer.Argument(help="As in grades.csv.")],
    score: Annotated[
        float | None, typer.Argument(help="Points; leave it out with --withdraw.")
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder of the grades.")] = Path(),
    why: Annotated[str, typer.Option(help="The reason, kept with the score.")] = "",
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Go back to the judged score.")
    ] = False,
) -> None:
    """Set a score by hand, with the reason; what was judged stays on record."""
    if withdraw is (score is not None):
        raise UsageError("Give either a score or --withdraw.")
    with _open_store(out) as store:
        store.override(student, question, score, _who(), why)
        book = _render(store, out)
    _finish(book, out)


@app.command()
def manual(
    out: Annotated[Path, typer.Argument(help="The folder that `grader grade` wrote.")],
    sheet: Annotated[
        Path | None, typer.Argument(help="The filled sheet, by default OUT/manual.csv.")
    ] = None,
) -> None:
    """Read in the scores that people wrote into manual.csv: all of them or none."""
    from grader.gradebook import manual as sheets
    from grader.gradebook import outputs

    path = sheet or out / outputs.MANUAL_NAME
    with _open_store(out) as store:
        lines = [line for line in sheets.load(path, store.gradebook()) if line.is_new]
        store.set_manual([line.score for line in lines], _who())
        book = _render(store, out)
    typer.echo(f"{len(lines)} scores and comments read from {path}")
    _finish(book, out)


def _who() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"


@app.command()
def check(
    notebook: Annotated[Path, typer.Argument(help="Your notebook.")],
    question: Annotated[
        str | None, typer.Option("-q", "--question", help="Only this question.")
    ] = None,
    assignment: Annotated[
        str | None, typer.Option(help="The assignment, if the file name does not tell.")
    ] = None,
    course: CourseFolder = None,
) -> None:
    """Run the public tests on your own notebook, as the grader would."""
    from grader.commands import check as checking

    result = checking.check(notebook, question, assignment, course)
    for line in result.lines:
        typer.echo(line)
    raise typer.Exit(DONE if result.all_passed else INCOMPLETE)


@app.command()
def new(
    slug: Annotated[str, typer.Argument(help="Small letters, digits and hyphens.")],
    course: CourseFolder = None,
) -> None:
    """Write a small assignment that verifies as it stands, to be made yours."""
    from grader.course import scaffold

    for path in scaffold.write(slug, course or Path.cwd()):
        typer.echo(f"wrote {path}")
    typer.echo(f"Edit these, then run `grader verify {slug}`.")


@app.command()
def verify(
    assignment: AssignmentName,
    course: CourseFolder = None,
    jobs: Jobs = None,
    isolation: Isolation = IsolationChoice.AUTO,
    quick: Annotated[bool, typer.Option("--quick", help="Sample mutants and seeds.")] = False,
    every_seed: Annotated[
        bool, typer.Option("--every-seed", help="Each right solution under each of 50 seeds.")
    ] = False,
) -> None:
    """Grade the grader: right answers pass, wrong ones and mutants fail, nothing leaks."""
    from grader.course.assignments import load

    loaded = load(assignment, course, need_solutions=True)
    found = _verify(loaded, jobs, isolation, quick=quick, every_seed=every_seed)
    raise typer.Exit(DONE if found.passed else INCOMPLETE)


@app.command()
def release(
    assignment: AssignmentName,
    out: OutFolder,
    course: CourseFolder = None,
    jobs: Jobs = None,
    isolation: Isolation = IsolationChoice.AUTO,
    quick: Annotated[bool, typer.Option("--quick", help="Sample mutants and seeds.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Release although a gate fails; it is recorded.")
    ] = False,
) -> None:
    """Verify, then write what students, Gradescope and readers get."""
    from grader import release as releasing
    from grader.course.assignments import load

    loaded = load(assignment, course, need_solutions=True)
    found = _verify(loaded, jobs, isolation, quick=quick)
    made = releasing.release(loaded, out, found, force=force)
    for path in made.files:
        typer.echo(f"wrote {path}")
    if made.forced:
        typer.echo("A gate fails and was overruled; release.json says so.", err=True)


def _verify(
    assignment: "Assignment",
    jobs: int | None,
    isolation: IsolationChoice,
    *,
    quick: bool,
    every_seed: bool = False,
) -> "Verification":
    from grader import verify as verifying
    from grader.commands.progress import Counter

    settings = verifying.Settings(jobs or 0, isolation.value, quick, every_seed)
    with Counter() as counter:

        def show(gate: "Gate") -> None:
            counter.clear()
            for line in gate.lines():
                typer.echo(line)

        found = verifying.verify(assignment, settings, on_gate=show, on_judged=counter.advance)
    for line in found.points:
        typer.echo(line)
    names = ", ".join(gate.name for gate in found.failing)
    typer.echo(f"{assignment.slug} fails: {names}" if names else f"{assignment.slug} is ready")
    return found


@app.command()
def doctor(
    course: Annotated[
        Path | None,
        typer.Option("--course", help="Also judge the references of this course here."),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where GPU questions go.")] = Device.AUTO,
) -> None:
    """Say what this machine can do: isolation, GPU, versions, and what to install."""
    from grader.commands import doctor as examination

    if not examination.examine(typer.echo):
        raise typer.Exit(3)
    if course is not None and not examination.examine_course(course, typer.echo, device):
        raise typer.Exit(INCOMPLETE)


def _grade(
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
    from grader import machine
    from grader.batch.cluster import connect
    from grader.batch.pool import local_pool
    from grader.batch.process import ProcessSettings
    from grader.batch.run import Batch
    from grader.commands.progress import Progress
    from grader.gradebook import outputs
    from grader.gradebook.store import Store
    from grader.submissions import collect

    found = collect(paths, layout=layout, limits=limits, assignment=assignment.slug)
    for skipped in found.skipped:
        typer.echo(f"skipped {skipped.path}: {skipped.reason}", err=True)
    settings = ProcessSettings(
        str(assignment.folder), seed, limits, isolation.value, device.value
    )  # fmt: skip
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster's scheduler says it so
    pool = local_pool if cluster is None else connect(cluster)
    with Store(out / outputs.STORE_NAME, exclusive=True) as store:
        store.bind(assignment, seed)
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
        return _render(store, out)


def _render(store: "Store", out: Path) -> "Gradebook":
    from grader.gradebook import outputs

    book = store.gradebook()
    for note in outputs.write(book, out).notes:
        typer.echo(note, err=True)
    return book


def _open_store(out: Path) -> "Store":
    from grader.gradebook import outputs
    from grader.gradebook.store import Store

    path = out / outputs.STORE_NAME
    if not path.is_file():
        raise UsageError(f"There is no {outputs.STORE_NAME} in {out}; run `grader grade` first.")
    return Store(path)


def _show(book: "Gradebook", *, losses: bool = False) -> None:
    from rich.console import Console

    from grader.renderers import table

    console = Console()
    console.print(table.render(book))
    if losses:
        console.print(table.losses(book))


def _finish(book: "Gradebook", out: Path) -> None:
    """Say where the outputs are, the report first; leave with 1 where something is ungraded."""
    from rich.console import Console

    from grader.gradebook import outputs
    from grader.model import Status

    uri = (out / outputs.REPORT_NAME).resolve().as_uri()
    typer.echo("\nThe report, to open in a browser:")
    Console().print(uri, style=f"link {uri}", markup=False, highlight=False, soft_wrap=True)
    typer.echo(f"Beside it in {out}: {', '.join(outputs.written_in(out))}")
    ungraded = [r.student for r in book.reports if r.status is Status.UNGRADED]
    if ungraded:
        typer.echo(
            f"{len(ungraded)} ungraded through no fault of the students: "
            f"{', '.join(ungraded[:5])}. See staff_message in results.json, then run again.",
            err=True,
        )
        raise typer.Exit(INCOMPLETE)


def main() -> None:
    """Run a command; a fault of ours is one sentence and an exit status."""
    try:
        app()
    except GraderError as error:
        if os.environ.get("GRADER_DEBUG"):
            raise
        typer.echo(f"grader: {error}", err=True)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        typer.echo("grader: stopped. What was graded is kept; run the same command to go on.",
                   err=True)  # fmt: skip
        sys.exit(130)


def commands() -> dict[str, Any]:
    """Return the commands by name, for the documentation's tests."""
    return {str(item.name or item.callback.__name__): item.callback  # type: ignore[union-attr]
            for item in app.registered_commands}  # fmt: skip
