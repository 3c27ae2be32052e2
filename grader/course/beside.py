"""The files beside a notebook: which of them a student's code is given, and which only tests read.

What lies under `assignments/` is published, so all of it is given. An autograder of otter's has
one folder for everything: there a file that hidden cases name, and nothing that a student has,
would hand over what they compare with, so it is withheld.
"""

import ast
import builtins
import contextlib
import fnmatch
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from grader.errors import UsageError
from grader.model import Assignment

Named = tuple[str, str]  # the name in a student's folder, and the path on this disk
NOT_GIVEN = frozenset({"assignment.toml", "tests"})  # of an assignment's folder
TEXTS = frozenset({".py", ".ipynb", ".md"})  # of the files given: what they mention is given too
MOST_NAMED = 5
HIDDEN = 2  # the place of that argument of otter's decorator
IMPORTS = r"^\s*(?:>>>|\.\.\.)?\s*(?:from|import)\s[^\n#]*\b{stem}\b"


@dataclass(frozen=True, slots=True)
class Access:
    """What a student's code may reach, as somebody said beside what the assignment says.

    give, withhold: patterns of files. read: names that most of a class's notebooks mention, which
    are given too. network: whether it is open.
    """

    give: tuple[str, ...] = ()
    withhold: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    network: bool = False


def files_of(folder: Path) -> list[Path]:
    """Return a folder's files in order, without what is hidden or lies elsewhere.

    A repository keeps what its files once were, an editor or a notebook server keeps copies, and a
    link may lead out of what may be published.
    """
    root = folder.resolve()
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(_is_left_out(part) for part in path.relative_to(folder).parts)
        and path.resolve().is_relative_to(root)
    ]


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__"


def named(folder: Path) -> tuple[Named, ...]:
    """Return a folder's files by the names that they have in a student's."""
    return tuple((path.relative_to(folder).as_posix(), str(path)) for path in files_of(folder))


def published(folder: Path, notebook: Path) -> tuple[Named, ...]:
    """Return what lies beside the notebook of an assignment's folder."""
    return tuple(
        (name, path)
        for name, path in named(folder)
        if PurePosixPath(name).parts[0] not in NOT_GIVEN and Path(path) != notebook
    )


def kept_back(solutions: Path | None) -> tuple[Named, ...]:
    """Return what lies in `files/` of an assignment's solutions, which only its tests read."""
    return () if solutions is None else named(solutions / "files")


def sorted_out(
    files: Sequence[Named], tests: Iterable[str], told: Iterable[str] = ()
) -> tuple[tuple[Named, ...], tuple[Named, ...]]:
    """Return which files are given and which are withheld, by what mentions them.

    tests: the texts of the test files. told: texts that students have. A file that public cases
    mention was handed out, or they could not be run where students work; and what a case gives to a
    function of the student's by name, that function has to find.
    """
    cases = [_public_and_hidden(text) for text in tests]
    texts = [text for public, _, handed in cases for text in (public, handed)]
    texts += told
    hidden = [text for _, text, _ in cases]
    doubtful = {name for name, _ in files if any(mentions(text, name) for text in hidden)}
    waiting = dict(files)
    while True:
        found = [name for name in waiting if name not in doubtful or _any_mentions(texts, name)]
        if not found:
            break
        texts += [_text(waiting.pop(name)) for name in found if _is_text(name)]
        waiting = {name: path for name, path in waiting.items() if name not in found}
    given = tuple((name, path) for name, path in files if name not in waiting)
    return given, tuple(waiting.items())


def _any_mentions(texts: Iterable[str], name: str) -> bool:
    return any(mentions(text, name) for text in texts)


def _is_text(name: str) -> bool:
    return PurePosixPath(name).suffix in TEXTS


def _text(path: str) -> str:
    return Path(path).read_text("utf-8", "replace")


def mentions(text: str, name: str) -> bool:
    """Say whether a text names a file: by its path or its end, a module also by an import."""
    path = PurePosixPath(name)
    if path.suffix == ".py":
        imported = IMPORTS.format(stem=re.escape(path.stem))
        if re.search(imported, text, re.MULTILINE):
            return True
    # What stands before the last part may be another folder's name.
    for found in re.finditer(rf"(?P<before>[\w./-]*){re.escape(path.name)}(?![\w-])", text):
        before = found["before"]
        if before and not before.endswith("/"):
            continue
        said = f"{before}{path.name}"
        while said.startswith(("./", "../")):
            said = said.partition("/")[2]
        is_whole = said.startswith("/") and said.endswith(f"/{name}")
        if is_whole or f"/{name}".endswith(f"/{said.lstrip('/')}"):
            return True
    return False


class _Public(ast.NodeTransformer):
    """Takes the public cases of a test file, in either of otter's formats, out of its tree."""

    def __init__(self) -> None:
        self.found: list[ast.AST] = []

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        keys = {key.value: value for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)}  # fmt: skip
        if not _is_false(keys.get("hidden")):
            return self.generic_visit(node)
        self.found.append(node)
        return ast.Constant(None)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        cases = [one for one in node.decorator_list if isinstance(one, ast.Call)]
        if not cases or not all(map(_is_public_case, cases)):
            return self.generic_visit(node)
        self.found.append(node)
        return ast.Pass()


def _is_public_case(call: ast.Call) -> bool:
    """Say whether `test_case(name, points, hidden, …)` leaves a case public, as it does unasked."""
    is_case = ast.unparse(call.func).split(".")[-1] == "test_case"
    said = {word.arg: word.value for word in call.keywords}
    hidden = said.get("hidden", call.args[HIDDEN] if len(call.args) > HIDDEN else None)
    return is_case and (hidden is None or (isinstance(hidden, ast.Constant) and not hidden.value))


def _is_false(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _public_and_hidden(text: str) -> tuple[str, str, str]:
    """Return what a test file says in its public cases, what elsewhere, and what it hands over."""
    import doctest  # it brings a debugger along, for which no start should wait

    try:
        tree: ast.AST = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return "", text, ""
    public = _Public()
    tree = public.visit(tree)
    handed = [*_handed_over(tree)]
    for code in _texts(tree):
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            examples = doctest.DocTestParser().get_examples(code)
            handed += _handed_over(ast.parse("".join(example.source for example in examples)))
    return "\n".join(map(_said, public.found)), _said(tree), "\n".join(handed)


def _handed_over(tree: ast.AST) -> list[str]:
    """Return the texts that a test gives to functions that it does not have from a library."""
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    return [
        text
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id not in imported and not hasattr(builtins, node.func.id)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords))
        for text in _texts(argument)
        if isinstance(argument, ast.Constant)
    ]


def _texts(tree: ast.AST) -> list[str]:
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _said(tree: ast.AST) -> str:
    """Return a piece of code as text, with its texts as they are and not as they are written."""
    return "\n".join([ast.unparse(tree), *_texts(tree)])


def digest(given: Iterable[Named], withheld: Iterable[Named]) -> str:
    """Return the hash of all files with their names, and with which of them are withheld."""
    found = hashlib.sha256()
    for mark, files in ((b"given", given), (b"withheld", withheld)):
        for name, path in sorted(files):
            with Path(path).open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").digest()
            found.update(mark + name.encode() + b"\0" + content)
    return found.hexdigest()


def ruled(assignment: Assignment, rules: Access) -> Assignment:
    """Return an assignment whose files are given and withheld as somebody says.

    What is said by name counts for the assignment's hash, and so does an open network. UsageError
    where a pattern fits no file.
    """
    files = sorted([*assignment.given, *assignment.withheld])
    for option, patterns in (("--give", rules.give), ("--withhold", rules.withhold)):
        for pattern in patterns:
            if not any(_fits(name, pattern) for name, _ in files):
                names = _listed([name for name, _ in files]) or "none"
                raise UsageError(
                    f"{option} {pattern}: {assignment.slug} has no such file beside its notebook; "
                    f"it has {names}."
                )
    kept = {name for name, _ in assignment.withheld}
    asked = {name for name, _ in files if any(_fits(name, one) for one in rules.withhold)}
    told = {name for name, _ in files if any(_fits(name, one) for one in rules.give)}
    if both := sorted(asked & told):
        raise UsageError(f"{both[0]} is named by --give and by --withhold; leave out one of them.")
    by_name = (kept - told) | asked
    left = by_name - (set(rules.read) - asked)
    changed = replace(
        assignment,
        given=tuple((name, path) for name, path in files if name not in left),
        withheld=tuple((name, path) for name, path in files if name in left),
        withheld_by_name=frozenset(asked),
    )
    marks = [] if by_name == kept else ["withheld", *sorted(by_name)]
    marks += ["network"] if rules.network else []
    return _marked(changed, marks) if marks else changed


def _fits(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) or name.startswith(f"{pattern.rstrip('/')}/")


def _marked(assignment: Assignment, marks: Sequence[str]) -> Assignment:
    """Return an assignment whose hashes tell it from the one where code reaches other things."""

    def mark(before: str) -> str:
        return hashlib.sha256("\0".join([before, *marks]).encode()).hexdigest()

    questions = tuple(replace(one, sha256=mark(one.sha256)) for one in assignment.questions)
    return replace(assignment, questions=questions, sha256=mark(assignment.sha256))


def read_by_most(assignment: Assignment, notebooks: Sequence[bytes]) -> tuple[str, ...]:
    """Return which withheld files more than half of a class's notebooks mention.

    Most of a class cannot name a file that they have not been given. One alone may have guessed.
    """
    texts = [content.decode("utf-8", "replace") for content in notebooks]
    counts = {name: sum(mentions(text, name) for text in texts) for name, _ in assignment.withheld}
    most = max(len(texts) // 2, 1)
    return tuple(name for name, count in counts.items() if count > most)


def told(assignment: Assignment, rules: Access) -> list[str]:
    """Return one sentence for each kind of file that a student's code is not simply given."""
    guessed = [name for name, _ in assignment.withheld if name not in assignment.withheld_by_name]
    said = []
    if guessed:
        said.append(
            f"Withheld from students' code, since only hidden cases read it: {_listed(guessed)}. "
            f"Where it was handed out, say so: --give '{guessed[0]}'."
        )
    if rules.read:
        said.append(
            "Given, though of all that is here only hidden cases read it, since most notebooks "
            f"name it: {_listed(rules.read)}. If it was not handed out: "
            f"--withhold '{rules.read[0]}'."
        )
    return said


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
