"""Search what students get for what they must not: hidden cases, solutions, expected values.

A secret is a whole line of a hidden test or of the reference, a name of a hidden case, or a number
with enough digits to be an answer. What public files share by right (a stub's signature and
docstring, a public test's line) is no secret; what the lesson itself tells is named in
`verify.toml`, with a reason.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from grader.course import notebooks, text_file
from grader.course.assignments import question_files
from grader.model import Assignment

from .agreement import definitions, reference_text, stub_names
from .allowances import Allowances

LINE_LETTERS = 22  # shorter lines (`return exp / total`) are anybody's
VALUE_DIGITS = 5
NAME_WORDS = 4
NUMBER = re.compile(r"(?<![\w.])\d+\.?\d*(?:[eE][+-]?\d+)?(?!\w)")
MARKS = " \t*_`#>-|:.,'\""
WHITE = re.compile(r"\s+")
SAID_BY_ALL = re.compile(r"^(?:import |from |@|#|\"\"\"|def |class |raise |\w+: )")


@dataclass(frozen=True, slots=True)
class Secrets:
    """What to look for: squeezed lines with their origin, case names, numbers."""

    lines: dict[str, str]
    names: dict[str, str]
    numbers: dict[float, str]


@dataclass(frozen=True, slots=True)
class Leak:
    """Something secret, and where it lies."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place} holds {self.what}"


def squeeze(text: str) -> str:
    """Return a text without white space and with one kind of quotes, so that neither hides it."""
    return WHITE.sub("", text).replace("'", '"')


def secrets_of(assignment: Assignment, allowed: Allowances) -> Secrets:
    """Return what an assignment's solutions hold and its public side does not share by right."""
    names = [question.name for question in assignment.questions]
    public = set(question_files(assignment.folder, None, names))
    hidden = [
        path
        for path in question_files(assignment.folder, assignment.solutions, names)
        if path not in public
    ]
    texts = {f"hidden tests/{path.name}": text_file.read(path) for path in hidden}
    texts["reference.py"] = _without_docstrings(reference_text(assignment))
    lines: dict[str, str] = {}
    numbers: dict[float, str] = {}
    for origin, text in texts.items():
        lines |= _secret_lines(text, origin)
        numbers |= _numbers(text, origin)
    shared = _shared_by_right(assignment) + "\n".join(squeeze(text) for text in allowed.shared)
    lines = {line: origin for line, origin in lines.items() if line not in shared}
    open_numbers = {value for text in allowed.shared for value in _values_in(text)}
    open_names = {c.name for q in assignment.questions for c in q.cases if not c.hidden}
    return Secrets(
        lines | _answers(assignment),
        {
            case.name: question.name
            for question in assignment.questions
            for case in question.cases
            if case.hidden
            and case.name not in {*allowed.shared, *open_names}
            and squeeze(case.name) not in shared
        },
        {value: origin for value, origin in numbers.items() if value not in open_numbers},
    )


def _shared_by_right(assignment: Assignment) -> str:
    stubs = notebooks.stub_sources(assignment.notebook.read_bytes(), stub_names(assignment))
    names = [question.name for question in assignment.questions]
    paths = question_files(assignment.folder, None, names)
    public = [text_file.read(path) for path in paths]
    lines = [line for text in [*stubs.values(), *public] for line in text.splitlines()]
    # A comment has no right to what the reference runs: it is how an answer is left in a stub.
    lines = [line for line in lines if not line.lstrip().startswith("#")]
    return "\n".join(squeeze(line) for line in lines)


def _secret_lines(text: str, origin: str) -> dict[str, str]:
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        squeezed = squeeze(stripped)
        if len(squeezed) >= LINE_LETTERS and not SAID_BY_ALL.match(stripped):
            found[squeezed] = f"line {number} of {origin}"
    return found


def _without_docstrings(source: str) -> str:
    """Blank every docstring, since a stub shares it, and keep the line numbers."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            end = node.end_lineno or node.lineno
            lines[node.lineno - 1 : end] = [""] * (end - node.lineno + 1)
    return "\n".join(lines)


def _answers(assignment: Assignment) -> dict[str, str]:
    """Return the assignments that answer a stub; they are secret however short."""
    bound = definitions(reference_text(assignment))
    found = {}
    for name in stub_names(assignment):
        node = bound.get(name)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            found[squeeze(ast.unparse(node))] = f"the answer to {name}"
    return found


def _numbers(source: str, origin: str) -> dict[float, str]:
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NUMBER and _digits(token.string) >= VALUE_DIGITS:
            try:
                value = float(token.string.replace("_", ""))
            except ValueError:  # complex or hexadecimal
                continue
            found[value] = f"{token.string}, from line {token.start[0]} of {origin}"
    return found


def _digits(number: str) -> int:
    mantissa = re.split("[eE]", number.replace("_", ""))[0]
    digits = mantissa.replace(".", "").lstrip("0")
    return len(digits.rstrip("0"))


def _values_in(text: str) -> set[float]:
    return {float(number) for number in NUMBER.findall(text)}


def search(places: Iterable[tuple[str, str]], secrets: Secrets) -> Iterator[Leak]:
    """Yield every secret in some texts, each with its place."""
    for place, text in places:
        if not text.strip():
            continue
        squeezed = squeeze(text)
        for line, origin in secrets.lines.items():
            if line in squeezed:
                yield Leak(_line_place(place, text, line), origin)
        for name, question in secrets.names.items():
            if _names_case(text, name):
                yield Leak(place, f"the name of {question}'s hidden case {name!r}")
        for value in sorted(_values_in(text) & secrets.numbers.keys()):
            yield Leak(place, f"the expected value {secrets.numbers[value]}")


def _names_case(text: str, name: str) -> bool:
    if name not in text:
        return False
    # A shorter name can be the prose's own words, unless it stands alone.
    if len(name.split()) >= NAME_WORDS or f'"{name}"' in text or f"'{name}'" in text:
        return True
    return any(line.strip(MARKS) == name for line in text.splitlines())


def _line_place(place: str, text: str, line: str) -> str:
    for number, given in enumerate(text.splitlines(), 1):
        if line in squeeze(given):
            return f"{place}, line {number},"
    return place
