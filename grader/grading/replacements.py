"""What a test may put in the place of something, and which of the environment it looks at or sets.

A test says so in its text: by `patch("requests.get")`, by `patch.object(os, "getcwd")`, by an
assignment to a module's attribute. What the notebook has put into the environment a test finds as
in one process, where it asks for it by name.
"""

import ast
import contextlib
import functools
import os
import re
from collections.abc import Iterator

from grader.grading.file_access import parsed
from grader.sandbox import Session
from grader.sandbox.libraries import BY_CONVENTION
from grader.sandbox.replaced import Place, Replaced

REPLACES = re.compile(r"\b(?:patch|setattr|multiple)\b|^[^=\n]*\w\.\w+[ \t]*=[^=]", re.MULTILINE)
SETTINGS = re.compile(r"\b(?:environ|getenv|putenv|setenv|delenv)\b")
BY_NAME, BY_OBJECT, OF_SEVERAL = "patch", frozenset({"object", "setattr"}), "multiple"
DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
# Not those by which a program that a test starts would run something else.
SETTING = re.compile(r"(?!LD_|PYTHON|BASH_ENV|ENV$|IFS$)[A-Za-z_]\w{0,99}")


@contextlib.contextmanager
def of_the_students(text: str, session: Session) -> Iterator[None]:
    """Have the student's code find what one case replaces, and the case what the notebook has set.

    text: of the test.
    """
    replaced = session.current.replaced
    if replaced is None:
        yield
        return
    replaced.watch(_places_in(text))
    try:
        with _settings_of_the_students(text, session, replaced):
            yield
    finally:
        replaced.put_back()


@contextlib.contextmanager
def _settings_of_the_students(text: str, session: Session, replaced: Replaced) -> Iterator[None]:
    if not SETTINGS.search(text):
        yield
        return
    environ, before = os.environ, dict(os.environ)
    for name, value in session.settings(_settings_in(text)).items():
        with contextlib.suppress(ValueError):  # a text that no environment holds
            environ.setdefault(name, value)
    replaced.watch_settings()
    try:
        yield
    finally:
        for name in {*environ} - {*before}:
            del environ[name]
        environ.update(before)


def _places_in(text: str) -> Iterator[Place]:
    """Yield the places that a test names in which it may put something else.

    Which of the names are modules is asked anew for each student, of whom some have written them.
    """
    for dotted in _names_in(text):
        place = Place.of(dotted)
        if place is not None:
            yield place


@functools.lru_cache(maxsize=10_000)
def _names_in(text: str) -> tuple[str, ...]:
    tree = parsed(text) if REPLACES.search(text) else None
    if tree is None:
        return ()
    known = {**BY_CONVENTION, **dict(_imported(tree))}
    return tuple(dict.fromkeys(one for node in ast.walk(tree) for one in _named(node, known)))


@functools.lru_cache(maxsize=10_000)
def _settings_in(text: str) -> tuple[str, ...]:
    tree = parsed(text)
    nodes = () if tree is None else ast.walk(tree)
    texts = (node.value for node in nodes if isinstance(node, ast.Constant))
    return tuple({one for one in texts if isinstance(one, str) and SETTING.fullmatch(one)})


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each name that is imported, with what it stands for."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                for alias in node.names:
                    root = alias.name.partition(".")[0]
                    yield (alias.asname, alias.name) if alias.asname else (root, root)
            case ast.ImportFrom(module=str(module)):
                for alias in node.names:
                    yield alias.asname or alias.name, f"{module}.{alias.name}"


def _named(node: ast.AST, known: dict[str, str]) -> Iterator[str]:
    """Yield the dotted names that a part of a test may replace."""
    match node:
        case ast.Assign(targets=targets):
            for target in targets:
                if isinstance(target, ast.Attribute) and (dotted := _dotted(target, known)):
                    yield dotted
        case ast.Call(func=func, args=[ast.Constant(value=str(said)), *_], keywords=keywords):
            is_of_several = _last(func) == OF_SEVERAL
            names = [f"{said}.{one.arg}" for one in keywords] if is_of_several else [said]
            is_meant = is_of_several or _last(func) in {BY_NAME, "setattr"}
            yield from (name for name in names if is_meant and DOTTED.fullmatch(name))
        case ast.Call(func=func, args=[ast.expr() as of, ast.Constant(value=str(name)), *_]):
            if _last(func) in BY_OBJECT and (dotted := _dotted(of, known)) and name.isidentifier():
                yield f"{dotted}.{name}"


def _last(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def _dotted(of: ast.expr, known: dict[str, str]) -> str:
    """Return what an expression names, with its first name as it was imported; "" for nothing."""
    names: list[str] = []
    while isinstance(of, ast.Attribute):
        names.append(of.attr)
        of = of.value
    if not isinstance(of, ast.Name) or of.id not in known:
        return ""
    return ".".join([known[of.id], *reversed(names)])
