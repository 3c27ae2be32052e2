"""Load an assignment from its two folders, and say in one sentence what contradicts the design."""

import ast
import contextlib
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from grader.course import beside, notebooks, settings, text_file
from grader.course.cases import read_cases
from grader.course.otter import cases as otter_cases
from grader.course.otter import config
from grader.errors import AssignmentError, UsageError
from grader.model import (
    LIBRARIES,
    POINT_TOLERANCE,
    Assignment,
    Feedback,
    Limits,
    Question,
    TestCase,
)

DISTRIBUTION = "ulp-grader"


def find_course(start: Path) -> Path:
    """Return the nearest folder upwards from `start` that holds `assignments/`, or else our own."""
    for folder in [start, *start.parents]:
        if (folder / "assignments").is_dir():
            return folder
    ours = own_course()
    if ours is None:
        raise UsageError(
            f"No folder with assignments/ was found from {start} upwards; name one with --course."
        )
    return ours


def own_course() -> Path | None:
    """Return the course that this package came with, in its clone or beside it in its wheel."""
    clone = Path(__file__).resolve().parents[2]
    if (clone / "assignments").is_dir():
        return clone
    from importlib import metadata  # which takes as long as half of all else imported here

    with contextlib.suppress(metadata.PackageNotFoundError):
        for file in metadata.files(DISTRIBUTION) or ():
            if file.match("share/ulp-grader/assignments/*/assignment.toml"):
                return Path(str(file.locate())).resolve().parents[2]
    return None


def available(course: Path) -> list[str]:
    """Return the slugs of a course's assignments, sorted."""
    return sorted(path.parent.name for path in (course / "assignments").glob("*/assignment.toml"))


def load(
    name: str,
    course: Path | None = None,
    *,
    need_solutions: bool = False,
    public_only: bool = False,
) -> Assignment:
    """Load an assignment by its slug, or by the path of its folder under `assignments/`.

    `public_only` looks at nothing of the solutions, as a student's checkout would.
    """
    folder = Path(name)
    if not (folder / "assignment.toml").is_file():
        root = course if course is not None else find_course(Path.cwd())
        folder = root / "assignments" / name
        if not (folder / "assignment.toml").is_file():
            known = ", ".join(available(root)) or "none"
            raise UsageError(
                f"There is no assignment {name!r} in {root}; it has: {known}. Name one of them, or "
                "another course with --course."
            )
    folder = folder.resolve()
    solutions = folder.parent.parent / "solutions" / folder.name
    if need_solutions and not solutions.is_dir():
        raise UsageError(f"{folder.name} has no solutions at {solutions}; grading needs them.")
    return _build(folder, solutions if solutions.is_dir() and not public_only else None)


def _build(folder: Path, solutions: Path | None) -> Assignment:
    path = folder / "assignment.toml"
    stated, tables = settings.read(path)
    notebook = folder / (stated.notebook or f"{folder.name}.ipynb")
    if not notebook.is_file():
        raise AssignmentError(
            f"{path} names the notebook {notebook.name}, which is not there; "
            "put it there, or correct the name."
        )
    names = [item.name for item in stated.questions]
    for repeated in {name for name in names if names.count(name) > 1}:
        raise AssignmentError(f"{path} has two questions named {repeated!r}; rename one.")
    _refuse_stray_tests(folder, solutions, names)
    rules = None if stated.otter is None else config.rules(stated.otter)
    given, withheld = beside.published(folder, notebook), beside.kept_back(solutions)
    of_files = beside.digest(given, withheld) if given or withheld else ""
    reader = read_cases if rules is None else _cases_of_otter
    questions = tuple(
        _told(_question(item, table + of_files, folder, solutions, reader), stated.feedback)
        for item, table in zip(stated.questions, tables, strict=True)
    )
    _refuse_broken(reference_path(solutions))
    read = [path, notebook, *question_files(folder, solutions, names)]
    return Assignment(
        slug=folder.name,
        title=stated.title,
        folder=folder,
        notebook=notebook,
        solutions=solutions,
        questions=questions,
        limits=Limits.from_mapping(stated.limits),
        needs=stated.needs,
        files=stated.files,
        given=given,
        withheld=withheld,
        libraries=_mentioned([*read, *_modules(given), reference_path(solutions)]),
        sha256=_digest(read, reference_path(solutions), of_files),
        ignored_cells=_ignored_cells(notebook),
        feedback=stated.feedback,
        hidden_visibility=stated.release.hidden_visibility,
        otter=rules,
    )  # fmt: skip


def _cases_of_otter(path: Path) -> list[TestCase]:
    return list(otter_cases.read(path).cases)


def _modules(given: Iterable[beside.Named]) -> list[Path]:
    return [Path(path) for name, path in given if name.endswith(".py")]


def _mentioned(files: Iterable[Path | None]) -> tuple[str, ...]:
    """Return the libraries that some of the files mention; nobody else should wait for them."""
    texts = [path.read_bytes() for path in files if path is not None]
    return tuple(
        name
        for name in LIBRARIES
        if any(re.search(rb"\b%b\b" % name.partition(".")[0].encode(), text) for text in texts)
    )


def _ignored_cells(notebook: Path) -> frozenset[str]:
    try:
        return notebooks.ignored_sources(notebook.read_bytes())
    except notebooks.NotebookUnreadableError as problem:
        raise AssignmentError(f"{notebook}: {problem}") from problem


def _question(
    stated: settings.QuestionSettings,
    table: str,
    folder: Path,
    solutions: Path | None,
    reader: Callable[[Path], list[TestCase]],
) -> Question:
    files = question_files(folder, solutions, [stated.name])
    cases = {file: tuple(reader(file)) for file in files}
    if reader is read_cases:
        _check_sides(cases, solutions)
    question = Question(
        name=stated.name,
        title=stated.title or stated.name,
        points=stated.points,
        kind=stated.kind,
        requires=stated.requires,
        alone=stated.alone,
        names=stated.names,
        cases=tuple(case for found in cases.values() for case in found),
        sha256=_digest(files, reference_path(solutions), table),
    )
    _check_cases(question, folder / "assignment.toml", complete=solutions is not None)
    return question


def _told(question: Question, feedback: Feedback) -> Question:
    """Return a question whose cases say no more than students are to read."""
    if feedback is not Feedback.NAME:
        return question
    cases = tuple(replace(case, promise="") for case in question.cases)
    return replace(question, cases=cases)


def _check_sides(cases: Mapping[Path, Iterable[TestCase]], solutions: Path | None) -> None:
    """Refuse a case that says the other of its folder: students would read what they must not."""
    for file, found in cases.items():
        is_staffs = solutions is not None and file.is_relative_to(solutions)
        for case in found:
            if is_staffs and not case.hidden:
                raise AssignmentError(
                    f"{file}: the case {case.name!r} is not hidden, so students would read what it "
                    "says; write hidden=True, or put it among the assignment's own tests."
                )
            if case.hidden and not is_staffs:
                raise AssignmentError(
                    f"{file}: the case {case.name!r} is hidden, but students get this file; put it "
                    "into the tests of solutions/, or write hidden=False."
                )


def _check_cases(question: Question, path: Path, *, complete: bool) -> None:
    if question.kind == "manual":
        if question.cases:
            raise AssignmentError(f"{path}: {question.name} is graded by a person but has tests.")
        return
    names = [case.name for case in question.cases]
    for repeated in {name for name in names if names.count(name) > 1}:
        raise AssignmentError(f"{question.name} has two cases named {repeated!r}; rename one.")
    total = sum(case.points for case in question.cases)
    if complete and abs(total - question.points) > POINT_TOLERANCE:
        raise AssignmentError(
            f"{path} gives {question.name} {question.points:g} points, "
            f"but its cases add up to {total:g}; make them agree."
        )


def _refuse_broken(reference: Path | None) -> None:
    """Refuse a reference that is no Python, before anything is made of it."""
    if reference is None:
        return
    try:
        ast.parse(text_file.read(reference))
    except SyntaxError as problem:
        raise AssignmentError(f"{reference}, line {problem.lineno}: {problem.msg}.") from problem


def _refuse_stray_tests(folder: Path, solutions: Path | None, names: Iterable[str]) -> None:
    known = frozenset(names)
    for root in (folder, solutions):
        for file in sorted((root / "tests").glob("*.py")) if root else []:
            if file.stem not in known:
                raise AssignmentError(f"{file} tests no question of assignment.toml; rename it.")


def test_files(assignment: Assignment, question: Question) -> list[Path]:
    """Return the test files of one question that exist, public before hidden; otter's one."""
    if question.file:
        return [assignment.folder / question.file]
    return question_files(assignment.folder, assignment.solutions, [question.name])


def question_files(folder: Path, solutions: Path | None, names: Iterable[str]) -> list[Path]:
    """Return the test files of some questions that exist, public before hidden."""
    roots = [root for root in (folder, solutions) if root is not None]
    candidates = [root / "tests" / f"{name}.py" for name in names for root in roots]
    return [path for path in candidates if path.is_file()]


def reference_path(solutions: Path | None) -> Path | None:
    """Return where the reference solutions lie, if they are there."""
    path = solutions / "reference.py" if solutions is not None else None
    return path if path is not None and path.is_file() else None


def _digest(files: Iterable[Path], reference: Path | None, extra: str = "") -> str:
    digest = hashlib.sha256(extra.encode())
    for path in [*files, *([reference] if reference else [])]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
