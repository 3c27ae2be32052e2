"""Read a submission: refuse what is not the assignment's, and say what children run of the rest."""

from grader import wording
from grader.course import notebooks
from grader.grading.replay import Script
from grader.model import Assignment, Limits, Submission


def read(submission: Submission, assignment: Assignment, limits: Limits) -> notebooks.Notebook:
    """Return a submission's notebook; NotebookUnreadableError where there is nothing to judge."""
    if submission.problem is not None:
        raise notebooks.NotebookUnreadableError(submission.problem)
    try:
        notebook = notebooks.read(submission.content, limits)
    except (notebooks.NotebookUnreadableError, MemoryError):
        raise
    except Exception as problem:
        # The control's notebook is read by the same code: what is odd is in this one.
        reason = wording.odd_notebook(f"{type(problem).__name__}: {problem}")
        raise notebooks.NotebookUnreadableError(reason) from problem
    _refuse_another_assignment(submission, notebook, assignment)
    names = [name for question in assignment.questions for name in question.names]
    is_own = notebook.file_named == assignment.notebook.name  # though no stub is left in it
    if names and not is_own and not notebook.binds(names):
        raise notebooks.NotebookUnreadableError(
            wording.another_notebook(
                assignment.slug, names, notebook.seems_to_be(), assignment.notebook.name
            )
        )
    return notebook


def _refuse_another_assignment(
    submission: Submission, notebook: notebooks.Notebook, assignment: Assignment
) -> None:
    """Refuse a notebook whose metadata names another assignment, where otter is to look at that."""
    wanted = assignment.otter.assignment_name if assignment.otter else ""
    if wanted and not submission.path.endswith(".py") and notebook.assignment_name != wanted:
        raise notebooks.NotebookUnreadableError(
            wording.for_another_assignment(notebook.assignment_name, wanted)
        )


def script(submission: Submission, notebook: notebooks.Notebook, assignment: Assignment) -> Script:
    """Return what a child runs of a submission before it is asked anything."""
    seed = int(submission.sha256[:8] or "0", 16)
    skipped = assignment.ignored_cells | {""}
    beside, before = _beside(assignment, submission), _seeding(assignment)
    return Script(notebook, seed, skipped, beside, before, _functions_asked_for(assignment))


def _functions_asked_for(assignment: Assignment) -> tuple[str, ...]:
    """Return the names that cases may ask for as functions; otter's ask for more than a call."""
    if assignment.otter is not None:
        return ()
    return tuple(name for question in assignment.questions for name in question.names)


def _beside(assignment: Assignment, submission: Submission) -> tuple[tuple[str, bytes], ...]:
    """Return those of a student's files that lie beside the notebook, over the course's own.

    As otter has it, the course's files stay as they are, but for those in a folder that the student
    has handed in as well; of those that `assignment.toml` lets students change, theirs count.
    """
    course = {name for name, _ in (*assignment.given, *assignment.withheld)}
    return tuple(
        (name, content)
        for name, content in sorted(submission.files)
        if name not in course or name in assignment.files or "/" in name
    )


def _seeding(assignment: Assignment) -> str:
    """Return what otter puts before every cell for a configured seed."""
    rules = assignment.otter
    if rules is None or rules.seed is None:
        return ""
    if rules.seed_variable:
        return f"{rules.seed_variable} = {rules.seed}"
    return "\n".join(
        f"__import__({module!r}, fromlist=['seed']).seed({rules.seed})"
        for module in ("numpy.random", "random")
    )
