"""Load an assignment from its two folders, and say in one sentence what contradicts the design.

Test files are read as text here: names, points and visibility of their cases are literals, or
f-strings of the variable of a loop over literals, so nothing is imported or run until something is
judged. Several cases of one function are written as such a loop:

    for step in range(1, 9):
        globals()[f"test_step_{step}"] = test_case(
            name=f"speed, step {step} of 8", points=0.25, hidden=True
        )(functools.partial(check_step, step))
"""

import ast
import contextlib
import hashlib
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, TypeGuard

from grader.course import notebooks
from grader.errors import AssignmentError, UsageError
from grader.model import (
    POINT_TOLERANCE,
    Assignment,
    Limits,
    Question,
    TestCase,
)

ASSIGNMENT_KEYS = frozenset({"title", "notebook", "questions", "limits", "needs", "release"})
QUESTION_KEYS = frozenset({"name", "title", "points", "kind", "requires", "alone", "names"})
KINDS = frozenset({"code", "manual"})
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
            raise UsageError(f"There is no assignment {name!r} in {root}; it has: {known}.")
    folder = folder.resolve()
    solutions = folder.parent.parent / "solutions" / folder.name
    if need_solutions and not solutions.is_dir():
        raise UsageError(f"{folder.name} has no solutions at {solutions}; grading needs them.")
    return _build(folder, solutions if solutions.is_dir() and not public_only else None)


def _build(folder: Path, solutions: Path | None) -> Assignment:
    path = folder / "assignment.toml"
    settings = _read_toml(path)
    _refuse_unknown(settings, ASSIGNMENT_KEYS, path, "")
    notebook = folder / _text(settings.get("notebook", f"{folder.name}.ipynb"), "notebook", path)
    if not notebook.is_file():
        raise AssignmentError(f"{path} names the notebook {notebook.name}, which is not there.")
    items = settings.get("questions")
    if not isinstance(items, list) or not items:
        raise AssignmentError(f"{path} has no [[questions]]; add at least one.")
    questions = tuple(_question(item, folder, solutions, path) for item in items)
    names = [question.name for question in questions]
    for repeated in {name for name in names if names.count(name) > 1}:
        raise AssignmentError(f"{path} has two questions named {repeated!r}; rename one.")
    _refuse_stray_tests(folder, solutions, names)
    return Assignment(
        slug=folder.name,
        title=_text(settings.get("title"), "title", path),
        folder=folder,
        notebook=notebook,
        solutions=solutions,
        questions=questions,
        limits=_limits(settings.get("limits", {}), path),
        needs=tuple(settings.get("needs", ())),
        sha256=_digest([path, notebook, *question_files(folder, solutions, names)],
                       reference_path(solutions)),
        ignored_cells=_ignored_cells(notebook),
    )  # fmt: skip


def _ignored_cells(notebook: Path) -> frozenset[str]:
    try:
        return notebooks.ignored_sources(notebook.read_bytes())
    except notebooks.NotebookUnreadableError as problem:
        raise AssignmentError(f"{notebook}: {problem}") from problem


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as problem:
        raise AssignmentError(f"{path}: {problem}.") from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise AssignmentError(f"{path} cannot be read: {problem}.") from problem


def _refuse_unknown(table: dict[str, Any], known: frozenset[str], path: Path, where: str) -> None:
    for key in table:
        if key not in known:
            line = _line_of(path, key)
            choices = ", ".join(sorted(known))
            raise AssignmentError(
                f"{path}, line {line}: {where}unknown key {key!r}; known are {choices}."
            )


def _line_of(path: Path, word: str) -> int:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip().strip("[]").startswith(word):
            return number
    return 1


def _text(value: Any, key: str, path: Path) -> str:
    if not isinstance(value, str) or not value:
        raise AssignmentError(f"{path}: {key} must be text.")
    return value


def _limits(table: Any, path: Path) -> Limits:
    if not isinstance(table, dict):
        raise AssignmentError(f"{path}: [limits] must be a table.")
    _refuse_unknown(table, Limits.names(), path, "[limits] has an ")
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            line = _line_of(path, key)
            raise AssignmentError(f"{path}, line {line}: {key} must be a number above 0.")
    return Limits.from_mapping(table)


def _question(item: Any, folder: Path, solutions: Path | None, path: Path) -> Question:
    if not isinstance(item, dict):
        raise AssignmentError(f"{path}: each [[questions]] must be a table.")
    _refuse_unknown(item, QUESTION_KEYS, path, "a question has an ")
    name = _text(item.get("name"), "a question's name", path)
    points = item.get("points")
    if isinstance(points, bool) or not isinstance(points, int | float) or points < 0:
        raise AssignmentError(f"{path}: {name} needs points, a number of at least 0.")
    kind = item.get("kind", "code")
    if kind not in KINDS:
        raise AssignmentError(f'{path}: {name} has kind {kind!r}; use "code" or "manual".')
    if not isinstance(item.get("alone", False), bool):
        raise AssignmentError(f"{path}: alone of {name} must be true or false.")
    files = question_files(folder, solutions, [name])
    cases = tuple(case for file in files for case in read_cases(file))
    question = Question(
        name=name,
        title=str(item.get("title", name)),
        points=float(points),
        kind=kind,
        requires=item.get("requires"),
        alone=item.get("alone", False),
        names=tuple(item.get("names", ())),
        cases=cases,
        sha256=_digest(files, reference_path(solutions), repr(sorted(item.items()))),
    )
    _check_cases(question, path, complete=solutions is not None)
    return question


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


def _refuse_stray_tests(folder: Path, solutions: Path | None, names: Iterable[str]) -> None:
    known = frozenset(names)
    for root in (folder, solutions):
        for file in sorted((root / "tests").glob("*.py")) if root else []:
            if file.stem not in known:
                raise AssignmentError(f"{file} tests no question of assignment.toml; rename it.")


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


# Reading the cases of a test file, in either of otter's formats, without running it.


def read_cases(path: Path) -> list[TestCase]:
    """Return a test file's cases; AssignmentError names the line that is not a literal."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as problem:
        raise AssignmentError(f"{path}, line {problem.lineno}: {problem.msg}.") from problem
    settings = _literals(tree, path)
    if settings.get("OK_FORMAT") is True:
        return _doctest_cases(settings.get("test"), path)
    cases = list(_declared_cases(tree, path))
    if not cases:
        raise AssignmentError(f"{path} has no function under @test_case; add one or delete it.")
    return cases


def _literals(tree: ast.Module, path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in {"OK_FORMAT", "name", "points", "requires", "test", "all_or_nothing"}:
                try:
                    found[name] = ast.literal_eval(node.value)
                except ValueError:
                    raise AssignmentError(
                        f"{path}, line {node.lineno}: {name} must be a literal."
                    ) from None
    return found


def _declared_cases(tree: ast.Module, path: Path) -> Iterator[TestCase]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if _is_test_case(decorator):
                    yield _decorated_case(decorator, path, {})
        elif isinstance(node, ast.For):
            calls = [item for item in ast.walk(node) if _is_test_case(item)]
            for names in _loop_names(node, path) if calls else ():
                for call in calls:
                    yield _decorated_case(call, path, names)


def _is_test_case(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "test_case"


def _loop_names(loop: ast.For, path: Path) -> list[dict[str, Any]]:
    """Return what a loop's variable is bound to, one mapping a turn."""
    try:
        match loop.target, loop.iter:
            case ast.Name(id=name), ast.Call(func=ast.Name(id="range"), args=limits, keywords=[]):
                values = range(*(ast.literal_eval(item) for item in limits))
                return [{name: value} for value in values]
            case ast.Name(id=name), ast.List() | ast.Tuple():
                return [{name: value} for value in ast.literal_eval(loop.iter)]
    except (ValueError, TypeError):
        pass  # not literals: the sentence below says so
    raise AssignmentError(
        f"{path}, line {loop.lineno}: a loop that makes cases has one variable, "
        "and goes over range(…) of literals or over a list of them."
    )


def _literal(node: ast.expr, names: dict[str, Any]) -> Any:
    """Evaluate a literal, one of the names, or an f-string of these; else ValueError."""
    match node:
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.JoinedStr(values=parts):
            return "".join(str(_literal(part, names)) for part in parts)
        case ast.FormattedValue(value=inner, conversion=-1, format_spec=None):
            return _literal(inner, names)
    return ast.literal_eval(node)


def _decorated_case(call: ast.Call, path: Path, names: dict[str, Any]) -> TestCase:
    where = f"{path}, line {call.lineno}"
    try:
        given = {item.arg: _literal(item.value, names) for item in call.keywords}
    except ValueError:
        raise AssignmentError(
            f"{where}: @test_case takes literals only, and in a loop f-strings of its variable."
        ) from None
    name, points = given.get("name"), given.get("points")
    if not isinstance(name, str) or isinstance(points, bool) or not isinstance(points, int | float):
        raise AssignmentError(f"{where}: @test_case needs name=… and points=….")
    return TestCase(name, float(points), bool(given.get("hidden", False)))


def _doctest_cases(test: Any, path: Path) -> list[TestCase]:
    try:
        cases = test["suites"][0]["cases"]
        points = test.get("points")
        share = 1.0 if points is None else float(points)
        return [
            TestCase(
                case.get("name", f"{test['name']} - {number}"),
                float(case.get("points", share / len(cases))),
                bool(case.get("hidden", True)),
            )
            for number, case in enumerate(cases, 1)
        ]
    except (TypeError, KeyError, IndexError) as problem:
        raise AssignmentError(f"{path} is no OK test: {problem!r} is missing or odd.") from problem
