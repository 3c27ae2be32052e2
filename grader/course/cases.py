"""The cases of a test file, in either of otter's formats, read as text: nothing is imported or run.

Name, points, visibility and promise (otter's `failure_message`) of a case are literals, or
f-strings of the variable of a loop over literals. Several cases of one function are written as
such a loop:

    for step in range(1, 9):
        globals()[f"test_step_{step}"] = test_case(
            name=f"speed, step {step} of 8", points=0.25, hidden=True
        )(functools.partial(check_step, step))
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

from grader.course import text_file
from grader.errors import AssignmentError
from grader.model import TestCase


def read_cases(path: Path) -> list[TestCase]:
    """Return a test file's cases; AssignmentError names the line that is not a literal."""
    try:
        tree = ast.parse(text_file.read(path))
    except SyntaxError as problem:
        raise AssignmentError(f"{path}, line {problem.lineno}: {problem.msg}.") from problem
    settings = _literals(tree, path)
    if settings.get("name", path.stem) != path.stem:
        raise AssignmentError(
            f"{path} says that its name is {settings['name']!r}, but by its file it tests "
            f"{path.stem}; make them agree."
        )
    if settings.get("OK_FORMAT") is True and "test" not in settings:
        raise AssignmentError(
            f"{path} says OK_FORMAT = True and has no `test = …`; tests under @test_case need "
            "OK_FORMAT = False."
        )
    if settings.get("OK_FORMAT") is True:
        return _doctest_cases(settings.get("test"), path)
    _refuse_hidden_by_name(tree, path)
    cases = list(_declared_cases(tree, path))
    if not cases:
        raise AssignmentError(f"{path} has no function under @test_case; add one or delete it.")
    return cases


def _refuse_hidden_by_name(tree: ast.Module, path: Path) -> None:
    """Refuse a test function that a later one of the same name would replace."""
    lines: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(map(_is_test_case, node.decorator_list)):
            if node.name in lines:
                raise AssignmentError(
                    f"{path}, line {node.lineno}: {node.name} replaces the test of that name on "
                    f"line {lines[node.name]}; rename one."
                )
            lines[node.name] = node.lineno


def hints(source: str) -> list[ast.expr | None]:
    """Return what each call of `hint(…)` in a test file's text is given, None for nothing."""
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "hint"
    ]
    return [call.args[0] if call.args else None for call in calls]


def literal_hints(source: str) -> frozenset[str]:
    """Return the texts of a test file's hints that stand in it word for word."""
    return frozenset(
        given.value
        for given in hints(source)
        if isinstance(given, ast.Constant) and isinstance(given.value, str)
    )


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
    if points < 0:
        raise AssignmentError(f"{where}: {name!r} has {points:g} points; 0 is the least.")
    promise = given.get("failure_message") or ""
    if not isinstance(promise, str):
        raise AssignmentError(f"{where}: failure_message is the text that students read.")
    return TestCase(name, float(points), bool(given.get("hidden", False)), promise.strip())


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
                str(case.get("failure_message") or "").strip(),
            )
            for number, case in enumerate(cases, 1)
        ]
    except (TypeError, KeyError, IndexError) as problem:
        raise AssignmentError(f"{path} is no OK test: {problem!r} is missing or odd.") from problem
