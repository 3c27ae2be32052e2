"""What a student may read of a verdict: every sentence, and every rule of what may be told.

The judge, the pages, Gradescope's results, `grader check` and the container all speak through
this module. Why a file is no notebook is said where it is read.
"""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.model import POINT_TOLERANCE, Status
from grader.reports import Outcome, QuestionReport, Report

LONGEST_PART = 500  # characters of an example of a doctest, of what it was to give, of what it gave
NOTHING = "    nothing"
OPEN = frozenset({Status.PENDING, Status.UNGRADED})

# Of a case, whatever the judge recorded of it.
HIDDEN_PASSED = "A hidden test. Your answer passed it."
HIDDEN_NOT_PASSED = (
    "A hidden test that your answer did not pass. It checks what the question asks for on inputs "
    "that are not shown, so its details stay with staff."
)
PROMISED = "What this hidden test checks: {promise}"
HINTED = "What was found: {hint}"
PENDING = "Not graded yet, so neither passed nor failed: it needs a GPU or a person."
UNGRADED = (
    "This could not be graded through no fault of yours. Staff will repeat it; it is no zero."
)

# Of a public case, whose details are its student's to read.
WRONG_ANSWER = "The answer is not what was asked for."
NOT_JUDGEABLE = (
    "This answer could not be judged, and a right one could: it takes too little time to be "
    "measured, or a time that is another each time, or leaves the device unusable."
)
ENDED_THE_JUDGE = (
    "judging this answer ended the process that judges, also with nothing beside it and where the "
    "reference does not"
)
ENDED_THE_WORKER = (
    "Judging this answer ended the process that starts notebooks, twice, and judging the reference "
    "did not."
)
TOO_LARGE_TO_JUDGE = "The answer is so large that judging it would take more memory than there is."
ONLY_AFTER_OTHERS = (
    "Your code passed this test by itself, and did not once the tests before it had run: it keeps "
    "something from one call to the next."
)
AFTER_A_STOP = "Not judged: an earlier test of this question was stopped."

# Of a question, a notebook or a report.
BY_HAND = "Your teaching staff set this score by hand, so it is not what the tests add up to."
NO_PART_MARKS = (
    "This score is not what the tests add up to: either the question counts only when all of them "
    "pass, or your teaching staff set it by hand."
)
MEND_FIRST = "Mend this first, since what follows hangs on it:"
NO_ANSWER = "No answer of yours was found in the notebook, so a person will look into it."
# The first process of a namespace ignores its own SIGABRT, so that abort() ends it by SIGSEGV.
NOT_ITS_MEMORY = (
    "It read or wrote memory that is not its own, as a kernel does whose addresses or masks are "
    "wrong, or a library in it gave up by abort()."
)
RAN_OUT_OF_TIME = (
    "Look for a loop that does not end, or for work on single numbers that whole arrays can do."
)
NOT_WRITTEN = "Not written yet."
NOT_DEFINED = " is not defined in the notebook."
RESTS_ON_A_STUB = " is not written yet, and this question rests on it."
NO_TEST_RUN = "No test of this question was run."
NOTEBOOK_NOT_GRADED = "The whole notebook could not be graded."
PARTLY_UNGRADED = (
    "Part of your work could not be graded through no fault of yours. Staff have been told and "
    "will repeat it."
)
PENDING_POINTS = (
    "What is pending needs a GPU or a person to grade it, is neither won nor lost, and will be "
    "added to this score."
)
NOT_FINISHED = (
    "Grading has begun and is not finished, so there is no score yet. If this stays, staff will "
    "repeat it: it is no zero."
)
ALL_GRADED = "Every part that needs no GPU and no person has been graded."
UNSANDBOXED = "This was graded without isolation."
REGRADE = (
    "If you think that a result is wrong, write to your teaching staff. Name the question and the "
    "test case, say in a sentence or two why the result should be another one, and quote the "
    "reference below. Staff can run the same grading again and will get the same score."
)

# How a child ended, where its own exit status or signal must not be told: code that has seen a
# hidden input could choose it.
_PLAIN_END = {
    Status.TIMEOUT: "it took too long",
    Status.KILLED: "the notebook's process ended or broke a limit",
}

# For staff and for whoever verifies: why a case is pending.
NEEDS_GPU = "Waits for a machine with a GPU."
NEEDS_PERSON = "Waits for a person to read it."
NOT_JUDGED_YET = "Not judged yet."
NOT_ASKED = "Not judged: it was not asked for, or something was lost before."


@dataclass(frozen=True, slots=True)
class Told:
    """A case's status and text as its student may know them."""

    status: Status
    text: str


def told(case: Outcome) -> Told:
    """Return what the student may know of a case.

    A hidden case that did not pass has one word and one sentence, whatever ended it: code could
    choose between a failure, an error and a timeout to tell what the hidden input was. What the
    sentence adds was written by the case's author: its promise and, of a failed check, a hint that
    stands in the test file word for word. What went wrong before any hidden input was there may be
    said with it.
    """
    status = case.status
    if status is Status.PENDING:
        return Told(status, PENDING)
    if status is Status.UNGRADED:
        return Told(status, UNGRADED)
    if not case.hidden:
        return Told(status, case.message)
    if status is Status.PASSED:
        return Told(status, f"{HIDDEN_PASSED}\n{case.remark}" if case.remark else HIDDEN_PASSED)
    return Told(Status.FAILED, _not_passed(case))


def _not_passed(case: Outcome) -> str:
    said = [PROMISED.format(promise=case.promise) if case.promise else HIDDEN_NOT_PASSED]
    if case.remark:
        said.append(case.remark)
    if case.hint:
        said.append(HINTED.format(hint=case.hint))
    if case.cause:
        said.append(case.cause)
    return "\n".join(said)


def for_staff(case: Outcome) -> str:
    """Return what staff read of a case: what the judge recorded, else what its student reads."""
    passed_unseen = case.hidden and case.status is Status.PASSED
    return case.staff_message or ("" if passed_unseen else case.message)


def problem(report: Report) -> str | None:
    """Return why the whole notebook could not be graded, as far as its student may know.

    An error that came while cases ran may tell what a hidden one did, and a fault of ours may tell
    a path, so only a file that was refused before anything ran is quoted.
    """
    if report.error is None or any(question.cases for question in report.questions):
        return None
    return UNGRADED if report.status is Status.UNGRADED else report.error


def counts_as(total: str, most: str) -> str:
    """Say what a submission is worth in the end, where that is not the sum of its points."""
    return f"In the end this counts as {total} of {most} points, by the course's rule."


def one_cause(count: int) -> str:
    """Return the words before the cause that several cases share."""
    words = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return f"These {words[count - 2] if count <= len(words) + 1 else count} have one cause:"


def not_the_sum(report: QuestionReport) -> str | None:
    """Return why a decided question's score is not what its cases add up to; None where it is."""
    if report.status in OPEN or not report.cases:
        return None
    earned = sum(case.score for case in report.cases)
    if not any(case.status in OPEN for case in report.cases):
        if abs(report.score - earned) <= POINT_TOLERANCE:
            return None
        if report.score == 0:  # by hand or by the tests' own rule: the report does not say which
            return NO_PART_MARKS
    return BY_HAND


# What a public case says of the code that it ran.


def sentence(reason: str) -> str:
    """Return a reason as a sentence, and what a signal means that says nothing to a beginner."""
    said = reason[:1].upper() + reason[1:] + "."
    return f"{said} {NOT_ITS_MEMORY}" if reason.endswith(("SIGSEGV", "SIGBUS")) else said


def stopped(status: Status, reason: str) -> str:
    """Return why a case was stopped, and for one that ran out of time what to look for."""
    said = sentence(reason)
    return f"{said} {RAN_OUT_OF_TIME}" if status is Status.TIMEOUT else said


def with_less_time(reason: str) -> str:
    """Return why a case was stopped whose calls had less time than those before it."""
    return f"{reason}, which is less than usual since three tests before it ran out of their time"


def plain_end(status: Status) -> str:
    """Return how a child ended, in words that the child cannot choose."""
    return _PLAIN_END[status]


def not_written(said: str, needed: str = "") -> str:
    """Return what is said of a stub; `needed` is its name where another question rests on it."""
    if needed:
        return f"{needed}{RESTS_ON_A_STUB} {said}"
    return f"{NOT_WRITTEN} {said}"


def fails_every_test(text: str) -> bool:
    """Say whether a text tells of a stub, or of a name that is not there, whatever the input."""
    first = text.partition("\n")[0]
    return first.startswith(NOT_WRITTEN) or RESTS_ON_A_STUB in first or NOT_DEFINED in first


def raised(description: str) -> str:
    return f"Your code raised an error.\n{description}"


def answer_refused(reason: str) -> str:
    return f"The answer cannot be handed over: {reason}."


def value_not_handed_over(detail: str) -> str:
    return f"A value could not be handed over between the test and the notebook. {detail}"


def answered_by_their_own(claims: Iterable[str]) -> str:
    return f"The student's own code answered {', '.join(sorted(claims))} about its own objects."


def replaced_by_test(question: str, case: str, names: Iterable[str]) -> str:
    """Return why a case says nothing of an answer, for staff."""
    listed = ", ".join(sorted(names))
    return (
        f"{question}, {case!r}: The test replaces {listed} in its own process, and the student's "
        "code runs in another; have the function take what it needs as an argument, or write a "
        "test that needs no replacement"
    )


def shadowed(question: str, case: str, names: Sequence[str]) -> str:
    listed = ", ".join(names)
    return (
        f"{question}, {case!r}: the notebook gives {listed} another meaning than Python or NumPy, "
        "and the test, which uses it, does not pass with theirs: look at the notebook."
    )


def missing_here(problem: str) -> str:
    return f"The test needs what is not here ({problem}); install it where grades are made."


def own_mistake(problem: str) -> str:
    return f"The test fails by itself ({problem}), whatever the answer is; mend it."


def not_for_objects(problem: str) -> str:
    return (
        "The test gives an object of the student's to a function that takes Python's own alone "
        f"({problem}); give it what the object's attributes or methods return."
    )


def not_crossing(detail: str) -> str:
    return (
        f"A value could not be handed over between the test and the notebook: {detail} Let the "
        "test ask for less of it."
    )


def unusable_form(reason: str) -> str:
    return f"The answer has a form that cannot be judged: {reason}"


def no_function(kind: str) -> str:
    return (
        f"The test calls what has to be a function, and the notebook gives it {kind}: define it "
        "by def, and give nothing else its name."
    )


def changed_in_place(text: str) -> str:
    return (
        "Your code changes what it is given, which is not asked for here; compared with what the "
        f"test gave it, the answer is wrong. {text}"
    )


def doctest_differs(source: str, want: str, got: str) -> str:
    """Say what an example of a doctest was to give and gave, each cut to what can be read."""
    parts = [("The test runs", source), ("It was to give", want), ("It gave", got)]
    return "\n".join(f"{title}:\n{_indented(text) or NOTHING}" for title, text in parts)


def _indented(text: str) -> str:
    cut = text if len(text) <= LONGEST_PART else f"{text[:LONGEST_PART]}…"
    return textwrap.indent(cut.rstrip("\n"), "    ")


def not_alone(reason: str) -> str:
    return (
        "The judge runs what a call is made of by itself, without the rest of the notebook, and "
        f"cannot do so here: {reason}."
    )


def not_defined(name: str) -> str:
    return f"{name}{NOT_DEFINED}"


DEFINE_IT = "Define it in a cell above the one that checks the question."


def cell_stopped(number: int, reason: str) -> str:
    return f"Cell {number} was stopped, so nothing of it counts: {reason}."


def cell_raised(number: int, error: str, line: int | None) -> str:
    """Say what a cell raised in which line, None where it is not known or none ran."""
    raised = f"Cell {number} raised {error.rstrip('.')}"
    if line is None:
        return f"{raised}, so it did not run."
    return f"{raised} (line {line}), so the lines below it did not run."


def file_not_written(name: str) -> str:
    return f"There is no file {name[:200]}, which the notebook was to write."


def module_not_written(name: str) -> str:
    file = f"{name.replace('.', '/')}.py"
    return f"No module named '{name[:200]}': {file_not_written(file).replace('There', 'there', 1)}"


def withheld(name: str) -> str:
    return (
        f"The answer reads {name}, which is withheld from students' code, since only hidden cases "
        f"name it. Say --give '{name}' if it was handed out, or else --withhold '{name}', and run "
        "the same command again."
    )


def reads_output(cell: int, command: str) -> str:
    """Return why nothing can be said of an answer that is made of what a command prints."""
    return (
        f"It is made of what the command `{command}` of cell {cell} prints, and no command is run "
        "while a notebook is graded. Look at the answer, and set its score by `grader override`."
    )


def not_made(cell: int, command: str) -> str:
    """Return why nothing can be said of an answer that lacks what a command was to put there."""
    return (
        f"Cell {cell} has a shell run `{command}`, and no command is run while a notebook is "
        "graded, so that something is not there. Put it beside the notebook, or install it, where "
        "grades are made, and run the same command again; or set the score by `grader override`."
    )


NETWORK_CLOSED = "It reads from the network, which is closed while the notebook is graded."
TRIED_NETWORK = "cell {number} tried to reach the network, which is closed; --network opens it"


def defined_too_late(name: str, number: int) -> str:
    return (
        f"Cell {number} defines {name}, but below the cell that checks the question, so it does "
        "not count. Move it above."
    )


def defined_twice(name: str, numbers: Sequence[int]) -> str:
    cells = " and ".join(str(number) for number in numbers)
    return f"Cells {cells} define {name}, and the last of them counts. Delete the others."


def defined_inside(name: str, number: int, inside: str) -> str:
    return f"Cell {number} defines {name} inside {inside}, where tests cannot see it."


def defined_alike(name: str, number: int) -> str:
    return f"Cell {number} defines {name}, which is spelled differently."


def only_written(name: str, number: int, path: str) -> str:
    return f"Cell {number} writes {name} into the file {path}, and no cell imports it from there."


def not_a_cell_of_code(name: str, kind: str, before: int) -> str:
    return (
        f"A {kind} cell below code cell {before} defines {name}, and such a cell is not run. Make "
        "it a cell of code."
    )


# What a notebook that is refused as a whole says.


def another_notebook(slug: str, names: Iterable[str], seems: str, wanted: str) -> str:
    some = ", ".join(list(names)[:3])
    return f"This is not {slug}: it defines none of {some}…; {seems}. Hand in {wanted}."


def for_another_assignment(name: str | None, wanted: str) -> str:
    """Say that a notebook's metadata names another assignment, or none."""
    said = "no assignment" if name is None else f"the assignment {name[:100]!r}"
    return (
        f"This notebook says that it is for {said}, and this is {wanted!r}: hand in the notebook "
        "of that one."
    )


def odd_notebook(reason: str) -> str:
    return (
        f"The file cannot be read as a notebook ({reason[:200]}): save it with Jupyter and hand "
        "it in again."
    )


def nothing_handed_in(wanted: str) -> str:
    return f"No notebook was handed in. Hand in {wanted}."
