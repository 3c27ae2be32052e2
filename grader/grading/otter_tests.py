"""Otter's test files, run in the judge against a student's names.

Otter's own `TestFile` classes parse the files, resolve the points and run the cases. What is ours
is the environment that they look names up in, and what becomes of an exception.

Beside names of the notebook a test may ask for what the judge gives: `device`, `rng`, `reference`
and `memory`. The last is a dict in which a test leaves what later cases of the same submission on
the same device should not work out again, a measured time for example. It begins empty each time a
submission is judged, and no other submission sees it. It holds plain values and exceptions: an
object of the student's ends with the process that it belongs to.
"""

import builtins
import contextlib
import functools
import importlib.util
import inspect
import io
import re
import sys
import time
import types
import warnings
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from grader.course import text_file
from grader.course.assignments import reference_path, test_files
from grader.course.cases import literal_hints
from grader.course.notebooks import CodeCell
from grader.course.otter.cases import is_doctest
from grader.course.otter.classes import ExceptionTestFile, OKTestFile, TestFile
from grader.course.stubs import unwritten
from grader.errors import AssignmentError, CannotJudgeError
from grader.grading import (
    dataclasses_asked,
    doctests,
    evaluation,
    fresh_memory,
    met_errors,
    missing_values,
    opened_files,
    pyplot,
    replacements,
    sources,
    their_modules,
    yaml_objects,
)
from grader.grading.names import DoctestGlobals, Names, OtterNames, SessionNames
from grader.grading.test_folder import TestFolder
from grader.grading.text_read import Case, ReferenceLoader
from grader.model import POINT_TOLERANCE, Assignment, Feedback, Question
from grader.sandbox import ChildEnded, Session, seeds
from grader.sandbox.handover import Changes
from grader.sandbox.inside import instruments
from grader.sandbox.kinds import FOR_TESTS
from grader.sandbox.seeds import Seeds

GIVEN = frozenset({"device", "memory", "reference", "rng"})  # by the judge to a test that asks
NOT_ITS_OWN = GIVEN | {"env"}  # of a test's parameters, what is no value of the notebook's
BUILTINS = vars(builtins) | FOR_TESTS | evaluation.FOR_TESTS | fresh_memory.FOR_TESTS
NOTHING = contextlib.nullcontext()
IDENTIFIER = re.compile(r"\b[A-Za-z_]\w*\b")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What running one case came to; `problem` is the exception that ended it, if one did."""

    passed: bool
    problem: BaseException | None
    place: str  # the test file and line that ended it
    seconds: float
    hint: str = ""  # of a failed check, as it stands word for word in the test file
    missing: tuple[str, ...] = ()  # names that it went on without, as otter has it
    shadowed: tuple[str, ...] = ()  # builtins that a cell has given functions of its own


# Otter ships no types, so its classes are Any.
class _RecordingTestFile(ExceptionTestFile):  # type: ignore[misc]
    """Otter's test file, which keeps the exception that it would turn into a message."""

    problem: Exception | None = None
    _compile_string = staticmethod(fresh_memory.compiled)

    def _generate_error_message(self, excp: Exception, context: int = 0) -> str:  # noqa: ARG002
        self.problem = excp
        return ""  # a text of any size, which nobody would read


@dataclass(frozen=True)
class LoadedCase:
    """One case, ready to run as often as there are submissions; `fault` is why it is not."""

    question: str
    name: str
    parameters: tuple[str, ...]
    file: TestFile
    hints: frozenset[str] = frozenset()
    fault: str = ""

    def run(self, names: Names) -> "Ended":
        """Run the case, and return what ended it."""
        if self.fault:
            return Ended(CannotJudgeError(self.fault), "")
        case = self.file.test_cases[0]
        if isinstance(self.file, OKTestFile):
            found = DoctestGlobals(names, BUILTINS)
            problem, line = doctests.run(f"{self.file.name} 0", case.body, found)
            where = "" if line is None else f", line {line + 1} of {self.name!r}"
        else:
            self.file.problem = None
            try:
                self.file.run(names)
                problem = self.file.problem
            except (ChildEnded, KeyboardInterrupt):
                raise
            except BaseException as ended:  # noqa: BLE001 - what pytest fails with is no Exception
                problem = ended
            # They would keep what the student's answer was until the next submission comes.
            self.file.problem, self.file.test_case_results = None, []
            where = "" if problem is None else _line_in(problem, Path(self.file.path))
        if problem is not None and not isinstance(problem, Exception):
            problem = AssertionError(str(problem) or type(problem).__name__)
        return Ended(problem, "" if problem is None else _place(self.file) + where)

    @functools.cached_property
    def path(self) -> str:
        """The test file's, as its code has it; "" where there is none to run."""
        return "" if self.fault else str(Path(self.file.path))

    @functools.cached_property
    def own_names(self) -> dict[str, Any] | None:
        """What its file has defined and imported; None of a doctest."""
        body = None if self.fault else self.file.test_cases[0].body
        function = inspect.unwrap(getattr(body, "test_func", None) or (lambda: None))
        names: dict[str, Any] = getattr(function, "__globals__", {})
        return names if names.get("OK_FORMAT") is False else None

    @property
    def text(self) -> str:
        """What it runs, and for a function the whole file, whose other functions it may call."""
        if self.fault:
            return ""
        body = self.file.test_cases[0].body
        return body if isinstance(body, str) else text_file.read(Path(self.file.path))


class Ended(NamedTuple):
    """What ended a case, if anything did, and where."""

    problem: BaseException | None
    place: str


class CaseSuite:
    """Every test case of an assignment, loaded once, and what the reference makes of it."""

    def __init__(self, assignment: Assignment, *, seed: int = 0, interpret: bool = True) -> None:
        self.assignment = assignment
        self._interpret = interpret
        self.seed = seed
        self._reference: ModuleType | None = None
        self._cases: dict[tuple[str, str], LoadedCase] = {}
        self._names: dict[str, frozenset[str]] = {}  # by question
        self.all_or_nothing: frozenset[str] = frozenset()
        self.unwritten = unwritten(assignment)
        self._texts: dict[tuple[str, str], str] = {}
        self._folder = TestFolder(assignment.given, assignment.withheld)
        self._has_run: set[str] = set()  # questions of whose files functions were called
        missing_values.prepare()
        with self._folder.entered(), opened_files.while_tests_are_loaded():
            for question in assignment.questions:
                self._load(question)

    def begin_submission(self) -> None:
        """Have the files of otter's tests run anew that ran for another submission, as otter does.

        A student's code is handed their objects and functions, and may have changed what they hold.
        """
        if self._has_run:
            with self._folder.entered(), opened_files.while_tests_are_loaded():
                for question in self.assignment.questions:
                    if question.name in self._has_run:
                        self._load(question)
            self._has_run.clear()

    @contextlib.contextmanager
    def in_folder(
        self, question: str, case: str, session: Session, changes: Changes,
        *, cells: Iterable[CodeCell] = (),
    ) -> Iterator[None]:  # fmt: skip
        """Have this process work in a folder with the files that a case may read.

        changes: where it is noted what could not be handed over, and what the case may owe to what
        is missing. cells: of the notebook, whose functions' sources a test may read.
        """
        refusals = changes.refusals
        key = question, case
        if key not in self._texts:
            self._texts[key] = self._cases[key].text
        text, loaded = self._texts[key], self._cases[key]
        own = Case(loaded.path, text, refusals, frozenset(loaded.parameters) - NOT_ITS_OWN)
        with (
            self._folder.for_case(text, session, refusals),
            their_modules.for_case(text, session),
            evaluation.of_own_text(own),
            missing_values.are_unequal(changes.doubts, session.current.is_theirs),
            opened_files.for_case(own, self._folder.path),
            yaml_objects.of_own_text(own, may_import=self._folder.has_modules),
            _what_otter_gives(text, session, cells) if self.asks else NOTHING,
        ):
            yield

    @property
    def folder(self) -> Path:
        """Where tests run."""
        return self._folder.path

    @property
    def asks(self) -> bool:
        """Whether tests may do more with a student's objects than call them."""
        return self.assignment.otter is not None

    def _load(self, question: Question) -> None:
        if question.file:
            self._load_as_otter(question)
            return
        files = test_files(self.assignment, question)
        declared = {case.name: case for case in question.cases}
        for path in files:
            file = _load_file(path)
            hints = literal_hints(text_file.read(path))
            if file.all_or_nothing:
                self.all_or_nothing |= {question.name}
            for case in file.test_cases:
                expected = declared.get(case.name)
                if expected is None or abs(expected.points - case.points) > POINT_TOLERANCE:
                    raise AssignmentError(
                        f"{path}: the case {case.name!r} is not what the file's text says; "
                        "use literals in @test_case."
                    )
                alone = _only_case(file, case)
                _give(case.body, evaluation.FOR_TESTS)
                if self.asks:
                    _look_at_references(case.body)
                self._cases[question.name, case.name] = LoadedCase(
                    question.name, case.name, _parameters(case.body), alone, hints
                )

    def _load_as_otter(self, question: Question) -> None:
        """Load an otter assignment's question, whose cases are in the order of its file."""
        path = self.assignment.folder / question.file
        try:
            file = _load_file(path)
        except AssignmentError as problem:  # by what is missing here; its other questions have none
            for case in question.cases:
                broken = LoadedCase(question.name, case.name, (), None, fault=str(problem))
                self._cases[question.name, case.name] = broken
            return
        if file.all_or_nothing:
            self.all_or_nothing |= {question.name}
        held = file.test_cases
        if len(held) != len(question.cases):  # of which only the public ones are asked
            held = [case for case in held if not case.hidden]
        if [case.points for case in held] != [case.points for case in question.cases]:
            raise AssignmentError(f"{path}: its cases are not what the file's text says.")
        for declared, case in zip(question.cases, held, strict=True):
            _give(case.body, evaluation.FOR_TESTS)
            _look_at_references(case.body)
            self._cases[question.name, declared.name] = LoadedCase(
                question.name, declared.name, _parameters(case.body), _only_case(file, case)
            )

    @property
    def reference(self) -> ModuleType:
        """Return the reference solutions as a module, imported once."""
        if self._reference is None:
            self._reference = load_reference(self.assignment, interpret=self._interpret)
        return self._reference

    def names(self, question: str) -> frozenset[str]:
        """Return every name that a question's cases may ask the notebook for."""
        if question not in self._names:
            self._names[question] = self._names_in_cases(question)
        return self._names[question]

    def _names_in_cases(self, question: str) -> frozenset[str]:
        asked: set[str] = set()
        for case in self._cases.values():
            if case.question == question:
                is_doctest = isinstance(case.file, OKTestFile)
                body = case.file.test_cases[0].body if is_doctest else ""
                asked |= {*case.parameters, *IDENTIFIER.findall(body)}
        return frozenset(asked - GIVEN)

    def asked(self, question: str, case: str) -> frozenset[str]:
        """Return every name that a case of otter's may ask the notebook for."""
        loaded = self._cases[question, case]
        if isinstance(loaded.file, OKTestFile) or "env" in loaded.parameters:
            return frozenset({*loaded.parameters, *IDENTIFIER.findall(loaded.text)})
        return frozenset(loaded.parameters)

    def checked_as(self, question: str) -> tuple[str, ...]:
        """Return the names by which a cell may check a question: otter goes by its file's."""
        file = self.assignment.question(question).file
        if not file:
            return (question,)
        stem = PurePosixPath(file).stem
        stems = {PurePosixPath(other.file).stem for other in self.assignment.questions}
        return (stem,) if question in stems else (stem, question)

    @contextlib.contextmanager
    def seeds(self, question: str, case: str) -> Iterator[Seeds | None]:
        """Share random numbers with the child during a case of otter's, as in one process."""
        rules = self.assignment.otter
        if rules is None:
            yield None
            return
        by_case = zlib.crc32(f"{self.seed}/{question}/{case}".encode())
        is_seeded = rules.seed is not None and not rules.seed_variable
        with seeds.shared(rules.seed if is_seeded and rules.seed is not None else by_case) as both:
            yield both

    def names_in(
        self, session: Session, device: str, memory: dict[Any, Any], *, with_theirs: bool = False
    ) -> Names:
        """Return the names of a notebook as a test of this assignment finds them.

        with_theirs: whether a doctest gets the functions to which cells have given builtins' names.
        """
        if self.assignment.otter is not None:
            gives = reference_path(self.assignment.solutions) is not None
            return OtterNames(session, with_theirs=with_theirs, gives=gives)
        return SessionNames(session, device, memory)

    def run(self, question: str, case: str, names: Names) -> Verdict:
        """Run one case against some names."""
        loaded = self._cases[question, case]
        if self.asks and isinstance(loaded.file, ExceptionTestFile):
            self._has_run.add(question)
        started = time.perf_counter()
        names.start_case(self._given(loaded))
        with (
            _in_silence(),
            fresh_memory.for_test(
                loaded.path, loaded.own_names, self._texts.get((question, case), "")
            ),
        ):
            ended = loaded.run(names)
        problem, seconds = ended.problem, time.perf_counter() - started
        hint = vars(problem).get("hint", "") if isinstance(problem, AssertionError) else ""
        if self.assignment.feedback is not Feedback.HINT or hint not in loaded.hints:
            hint = ""
        missing = () if problem is None else names.missing()
        return Verdict(
            problem is None, problem, ended.place, seconds, hint, missing, names.shadowed()
        )

    def _given(self, loaded: LoadedCase) -> dict[str, Any]:
        """Return what the judge gives to a case; otter's own ask for the notebook's names alone."""
        if self.assignment.question(loaded.question).file:
            return {}
        return {
            "rng": lambda: case_rng(self.seed, loaded.question, loaded.name),
            "reference": lambda: self.reference,
        }


@contextlib.contextmanager
def _in_silence() -> Iterator[None]:
    """Keep to itself what a case prints and warns of."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning is not a failure, wherever it arises
            yield
    finally:
        sys.stdout, sys.stderr = before


@contextlib.contextmanager
def _what_otter_gives(text: str, session: Session, cells: Iterable[CodeCell]) -> Iterator[None]:
    """Have a test of otter's find what it would beside the notebook, in its own process."""
    with (
        pyplot.of_the_students(text, session),
        replacements.of_the_students(text, session),
        met_errors.as_python_has_them(text),
        dataclasses_asked.of_the_students(text),
        sources.of_the_students(text, (cell.source for cell in cells)),
    ):
        yield


def case_rng(seed: int, question: str, case: str) -> np.random.Generator:
    """Return the generator of one case: the same for every student, another for every case."""
    return np.random.default_rng([seed, zlib.crc32(f"{question}/{case}".encode())])


def _load_file(path: Path) -> TestFile:
    text = text_file.read(path)
    try:
        if is_doctest(text):
            file = OKTestFile.from_file(str(path))
            file.problem = None
            return file
        return _RecordingTestFile.from_string(text, path=str(path))
    except Exception as problem:
        line = _line_in(problem, path)
        raise AssignmentError(
            f"{path}{line}: the test file cannot be loaded: {type(problem).__name__}: {problem}."
        ) from problem


def _line_in(problem: BaseException, path: Path) -> str:
    line, trace = "", problem.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return line


def _place(file: TestFile) -> str:
    """Return the test file, from the folder above its own."""
    return "/".join(Path(file.path).parts[-4:])


def _only_case(file: TestFile, case: Any) -> TestFile:
    alone = type(file)(file.name, file.path, [replace(case)], file.all_or_nothing)
    if hasattr(file, "source"):
        alone.source = file.source
    alone.problem = None
    return alone


def _look_at_references(body: Any) -> None:
    """Have a test's functions ask of a student's objects what Python would ask of its own."""
    names = _give(body, FOR_TESTS)
    for name, own in list(names.items()):
        if isinstance(own, types.FunctionType) and own in dataclasses_asked.ASKING:
            names[name] = dataclasses_asked.ASKING[own]


def _give(body: Any, ours: dict[str, Any]) -> dict[str, Any]:
    """Give a test's functions what stands for Python's own, and return their names."""
    function = inspect.unwrap(getattr(body, "test_func", None) or (lambda: None))
    names: dict[str, Any] = getattr(function, "__globals__", {})
    if names.get("OK_FORMAT") is not False:  # not the test file's own
        return {}
    for name, one in ours.items():
        names.setdefault(name, one)
    return names


def _parameters(body: Any) -> tuple[str, ...]:
    function = getattr(body, "test_func", None)
    if function is None:
        return ()
    found = tuple(inspect.signature(function).parameters)
    # Otter asks for them each time a case is run, which takes as long as the rest of that.
    body._get_func_params = functools.partial(list, found)  # noqa: SLF001
    return found


def load_reference(assignment: Assignment, *, interpret: bool = True) -> ModuleType:
    """Import an assignment's reference solutions under a name of their own.

    `interpret` has triton's kernels interpreted on the CPU; it decides for the whole process.
    """
    path = reference_path(assignment.solutions)
    if path is None:
        raise AssignmentError(f"{assignment.slug} has no solutions/…/reference.py to judge with.")
    name = f"reference_of_{assignment.slug.replace('-', '_')}"
    loader = ReferenceLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise AssignmentError(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    if "triton" in assignment.needs:
        with contextlib.suppress(ImportError):
            instruments.preload(kernels=True, interpret=interpret)
    try:
        loader.exec_module(module)
    except Exception as problem:
        line = _line_in(problem, path)
        raise AssignmentError(
            f"{path}{line}: the reference cannot be imported: {type(problem).__name__}: {problem}."
        ) from problem
    return module
