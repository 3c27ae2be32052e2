"""What a case that did not pass comes to, by the exception that ended it: whose fault, what words.

A case that a test's own mistake or a lost value failed stays a loss here; where the reference
meets the same, `grader.grading.control` withdraws it for everybody.
"""

import importlib.util
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader import wording
from grader.course.beside import mentions
from grader.course.notebooks.shell import Command
from grader.errors import CannotJudgeError
from grader.grading import outcomes
from grader.grading.otter_tests import Verdict
from grader.grading.whereabouts import Reason, Whereabouts
from grader.model import Question, Status, TestCase
from grader.reports import Outcome
from grader.sandbox import (
    CannotCrossError,
    Failure,
    MissingNameError,
    StudentError,
    TransferError,
)
from grader.sandbox.asking import is_reference
from grader.sandbox.libraries import is_known
from grader.sandbox.proxies import StudentObject
from grader.sandbox.wire.values import ValueRefusedError

NO_MODULE = re.compile(r"No module named '([\w.]+)'")
WORD = re.compile(r"\w{3,}")
NOT_CALLABLE = re.compile(r"'(\w+)' object is not callable")
NOT_THERE = re.compile(r"No such file|FileNotFoundError|No module named|not found|does not exist")
STANDS_FOR_AN_OBJECT = re.compile(r"\b(Callable)?Reference\b")
OF_A_LIBRARY = re.compile(r"[/\\\\]lib[/\\\\]python3|site-packages")
DEVICE_FAULTS = ("CUDA error", "CUDA out of memory", "CUDA driver", "CUBLAS_STATUS")


@dataclass(frozen=True, slots=True)
class Notes:
    """What is known of the notebook beside a verdict.

    where: its names where the question is judged. unwritten: by what a stub of the hand-out says
    when it is called, its question and its name. has_reference: whether the reference shows what
    is no answer's fault; without one nobody loses by what may be ours. withheld: files that lie
    beside the notebook for tests alone, so far as nobody has asked for that. met: as `where`, with
    what staff alone may read. commands: that cells give to a shell, of which none is run. folder:
    in which the test ran.
    """

    where: Whereabouts
    unwritten: Mapping[str, tuple[str, str]]
    has_reference: bool = True
    withheld: frozenset[str] = frozenset()
    met: Whereabouts | None = None
    commands: tuple[Command, ...] = ()
    folder: str = ""

    def of(self, case: TestCase) -> Whereabouts:
        """Return where names are, for whoever reads of a case: of a hidden one that is staff."""
        return self.met if case.hidden and self.met is not None else self.where


def explain(question: Question, case: TestCase, verdict: Verdict, notes: Notes) -> Outcome:
    """Return the outcome of a case that did not pass."""
    problem = verdict.problem
    status, hint, reason = Status.FAILED, "", Reason()
    where = notes.of(case)
    if ours := _fault_of_ours(problem, notes):
        return outcomes.ungraded(case, f"{question.name}, {case.name!r}: {ours}")
    match problem:
        case StudentError():
            status, text = _describe_error(problem, question.name, notes)
            reason = _reason(problem, notes, where)
        case MissingNameError():
            reason = where.missing(str(problem))
            text = f"{wording.not_defined(str(problem))} {reason.text or wording.DEFINE_IT}"
        case TransferError():
            text = wording.value_not_handed_over(str(problem))
        case AssertionError():
            text, hint = _said(problem) or wording.WRONG_ANSWER, verdict.hint
        case MemoryError():
            text = wording.TOO_LARGE_TO_JUDGE
        case OSError() | ModuleNotFoundError() if _not_written(problem, notes.folder):
            text = _not_written(problem, notes.folder)
        case _:
            text = _unusable(problem)
    if verdict.missing and not reason.text:
        name = verdict.missing[0]
        reason = where.missing(name)
        text = f"{wording.not_defined(name)} {reason.text}\n{text}" if text else text
    if needed := _not_here(problem, reason, text, notes):
        return outcomes.ungraded(case, f"{question.name}, {case.name!r}: {needed}")
    text = text if reason.text in text else f"{text}\n{reason.text}"
    staff = f"{text}\n({verdict.place})" if verdict.place else text
    # What a hidden case has met may depend on its input; what was wrong before does not.
    cause = notes.where.first_cause(question.names) if case.hidden else reason.cause
    lost = outcomes.lost(case, status, text, staff=staff, seconds=verdict.seconds, cause=cause)
    return outcomes.hinted(lost, hint)


def _unusable(problem: BaseException | None) -> str:
    """Return what is said of an answer over which a test has tripped."""
    found = NOT_CALLABLE.fullmatch(_said(problem)) if isinstance(problem, TypeError) else None
    if found is None:
        return wording.unusable_form(_brief(problem))
    stands_for_theirs = found[1] == StudentObject.__name__ or STANDS_FOR_AN_OBJECT.search(found[1])
    return wording.no_function("an object" if stands_for_theirs else f"a {found[1]}")


def _fault_of_ours(problem: BaseException | None, notes: Notes) -> str:
    """Return why nothing can be said of an answer, "" where something can.

    What no reference was tried on may fail by what is missing where grades are made, or cannot be
    handed over: that is nobody's loss.
    """
    match problem:
        case CannotJudgeError() | CannotCrossError():
            said = str(problem)
        case _ if is_device_fault(problem):
            said = _brief(problem)
        case _ if notes.has_reference:
            said = ""
        case StudentError(failure=Failure(type_name="ValueRefusedError", message=message)):
            said = wording.not_crossing(f"{message}.")
        case StudentError():
            said = ""
        case TransferError() | ValueRefusedError():
            said = wording.not_crossing(str(problem))
        case _:
            said = _fault_of_the_test(problem, notes.folder)
    return said


def _fault_of_the_test(problem: BaseException | None, folder: str) -> str:
    """Return what a test has met in this process by no fault of an answer, "" for nothing."""
    # A module that nobody knows may be one that this machine lacks, where no reference says more;
    # one that was found and has not what is asked of it is the notebook's own.
    if not isinstance(problem, ModuleNotFoundError) and _not_written(problem, folder):
        return ""
    match problem:
        case OSError(errno=None, __cause__=Exception() as cause) if not _is_missing(cause):
            return ""  # as of pandas, for what a statement of SQL has met
        case ImportError() | OSError():
            return wording.missing_here(_brief(problem))
        case NameError() if not isinstance(problem, MissingNameError):
            return wording.own_mistake(_brief(problem))
        case TypeError() | AttributeError() if _is_of_a_library(problem):
            return wording.not_for_objects(_brief(problem))
    return ""


def _is_missing(problem: BaseException) -> bool:
    return isinstance(problem, ImportError | OSError)


def _is_of_a_library(problem: BaseException) -> bool:
    """Say whether a library's function has met an object of the student's that it cannot take.

    A function written in C says so itself, of what stands for the object; one in Python has it
    among its variables.
    """
    if STANDS_FOR_AN_OBJECT.search(_said(problem)):
        return True
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not OF_A_LIBRARY.search(trace.tb_frame.f_code.co_filename):
        return False
    return any(map(is_reference, trace.tb_frame.f_locals.values()))


def _not_here(problem: BaseException | None, reason: Reason, text: str, notes: Notes) -> str:
    """Return what an answer needs and is not where it is graded, by no fault of its own, or ""."""
    if name := _withheld(f"{text} {reason.text}", notes.withheld):
        return wording.withheld(name)
    if notes.has_reference:
        return ""
    if command := _not_run(f"{text} {reason.text}", notes.commands):
        return wording.not_made(command.cell, command.text)
    return _library_not_here(problem, reason)


def _not_run(said: str, commands: Iterable[Command]) -> Command | None:
    """Return the command that may have been to put there what an error misses."""
    if not NOT_THERE.search(said):
        return None
    is_module = NO_MODULE.search(said) is not None
    found = [one for one in commands if one.installs is is_module]
    words = {*WORD.findall(said)}
    return max(found, key=lambda one: len(words & {*WORD.findall(one.text)}), default=None)


def _library_not_here(problem: BaseException | None, reason: Reason) -> str:
    """Return which library an answer needs and grading has not, "" for none that is known.

    A module that nobody knows is the answer's own mistake, wherever it is graded.
    """
    said = reason.cause
    if isinstance(problem, StudentError) and isinstance(problem, ImportError):
        said = problem.failure.message
    found = NO_MODULE.search(said)
    is_library = found is not None and is_known(found[1]) and not _is_here(found[1])
    return wording.missing_here(found[0]) if found is not None and is_library else ""


def _is_here(module: str) -> bool:
    return importlib.util.find_spec(module.partition(".")[0]) is not None


def _not_written(problem: BaseException | None, folder: str) -> str:
    """Say which file is not there and a notebook was to write, "" for any other problem.

    What the course has lies in the test's folder, and which packages are missing was said before.
    """
    match problem:
        case ImportError(name=str(name)) if not is_known(name) and not _is_here(name):
            return wording.module_not_written(name)
        case FileNotFoundError(filename=str(name)):
            path = Path(name)
            if path.is_absolute() and folder and path.is_relative_to(folder):
                path = path.relative_to(folder)
            return "" if path.is_absolute() else wording.file_not_written(str(path))
    return ""


def _withheld(said: str, names: frozenset[str]) -> str:
    """Return which withheld file an error names that an answer has met, "" for none."""
    if not NOT_THERE.search(said):
        return ""
    modules = {found.replace(".", "/") + ".py" for found in NO_MODULE.findall(said)}
    found = (name for name in sorted(names) if name in modules or mentions(said, name))
    return next(found, "")


def is_device_fault(problem: BaseException | None) -> bool:
    """Say whether an exception of the judge's own process is its GPU's, and nobody's answer.

    A tensor on the wrong device raises a RuntimeError as well, and that is the answer's fault.
    """
    return isinstance(problem, RuntimeError) and any(said in str(problem) for said in DEVICE_FAULTS)


def _describe_error(problem: StudentError, question: str, notes: Notes) -> tuple[Status, str]:
    kind, message = problem.failure.type_name, problem.failure.message
    # Libraries raise NotImplementedError too: only a stub's own words say that it was left as is.
    if kind == "NotImplementedError" and message in notes.unwritten:
        of, name = notes.unwritten[message]
        return Status.FAILED, wording.not_written(message, "" if of == question else name)
    if kind == "ValueRefusedError":
        return Status.FAILED, wording.answer_refused(message)
    return Status.ERROR, wording.raised(problem.describe())


def _reason(problem: StudentError, notes: Notes, where: Whereabouts) -> Reason:
    message = problem.failure.message
    if problem.failure.type_name == "NotImplementedError" and message in notes.unwritten:
        return where.unwritten(notes.unwritten[message][1])
    return where.undefined(message)


def _brief(problem: BaseException | None) -> str:
    return f"{type(problem).__name__}: {_said(problem)}"


def _said(problem: BaseException | None) -> str:
    """Return the beginning of an exception's text, which may be as long as an answer is large."""
    try:
        return str(problem)[: outcomes.MAX_MESSAGE]
    except MemoryError:
        return ""
