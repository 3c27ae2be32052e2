"""The gates that run nothing: stubs against reference, the notebook as it lies, the points."""

import ast
import itertools
import re
import symtable
from collections.abc import Iterator

from grader.course import notebooks, text_file
from grader.course.assignments import reference_path
from grader.errors import AssignmentError
from grader.model import POINT_TOLERANCE, Assignment, Question

from .gates import Findings

MINUTES = re.compile(r"\b(\d+)\s*min(?:utes)?\b")


def stub_names(assignment: Assignment) -> list[str]:
    """Return the names of every stub, in the order of the questions."""
    return [name for question in assignment.questions for name in question.names]


def reference_text(assignment: Assignment) -> str:
    """Return the source of the reference; AssignmentError where there is none."""
    path = reference_path(assignment.solutions)
    if path is None:
        raise AssignmentError(f"{assignment.slug} has no reference.py; verify needs the solutions.")
    return text_file.read(path)


def definitions(source: str) -> dict[str, ast.stmt]:
    """Return the last top-level statement that binds each name."""
    found: dict[str, ast.stmt] = {}
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                found[node.name] = node
            case ast.Assign():
                found |= {t.id: node for t in node.targets if isinstance(t, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = node
    return found


def stubs_agree(assignment: Assignment, findings: Findings) -> str:
    """Compare name, signature and docstring of each stub with its reference's."""
    names = stub_names(assignment)
    stubs = notebooks.stub_sources(assignment.notebook.read_bytes(), names)
    reference = definitions(reference_text(assignment))
    for name in names:
        if name not in stubs:
            findings.problems.append(f"the notebook has no stub for {name}; add one")
        elif name not in reference:
            findings.problems.append(f"reference.py does not define {name}")
        else:
            stub = definitions(stubs[name])[name]
            findings.problems.extend(_differences(name, stub, reference[name]))
    return f"{len(names)} stubs have the signature and the docstring of their reference"


def _differences(name: str, stub: ast.stmt, reference: ast.stmt) -> Iterator[str]:
    if isinstance(stub, ast.FunctionDef) != isinstance(reference, ast.FunctionDef):
        yield f"{name} is a function in one of notebook and reference, and not in the other"
    elif isinstance(stub, ast.FunctionDef) and isinstance(reference, ast.FunctionDef):
        ours, theirs = _signature(reference), _signature(stub)
        if ours != theirs:
            yield f"{name}: the stub's signature is {theirs}, the reference's {ours}"
        if ast.get_docstring(stub) != ast.get_docstring(reference):
            yield f"{name}: stub and reference have different docstrings"


def _signature(node: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(node.args)}){returns}"


def notebook_is_clean(assignment: Assignment, findings: Findings) -> str:
    """Look for outputs, missing ids, invalid JSON, and questions that are never checked."""
    content = assignment.notebook.read_bytes()
    findings.problems.extend(notebooks.faults(content))
    notebook = notebooks.read(content, assignment.limits)
    checked = {name for cell in notebook.cells for name in cell.checks}
    for question in assignment.questions:
        if question.kind == "manual":
            if f"{question.name}-answer" not in notebook.prose:
                findings.problems.append(
                    f"{question.name} is read by a person, and no cell has the id "
                    f"{question.name}-answer"
                )
        elif question.public_points and question.name not in checked:
            findings.problems.append(
                f"{question.name} has public tests, and no cell says "
                f'grader.check("{question.name}")'
            )
    findings.problems.extend(_misused_ignores(notebook, stub_names(assignment)))
    known = {question.name for question in assignment.questions}
    findings.problems.extend(
        f'a cell says grader.check("{name}"), and there is no such question'
        for name in sorted(checked - known)
    )
    return f"{len(notebook.cells)} code cells, valid, without outputs"


def _misused_ignores(notebook: notebooks.Notebook, stubs: list[str]) -> Iterator[str]:
    """Say which cells are not run for a grade although something depends on them."""
    reads = {
        c.number: _read(c.source) - bound_names(c.source) for c in notebook.cells if not c.ignored
    }
    for cell in notebook.cells:
        if not cell.ignored:
            continue
        where = f"code cell {cell.number} has the tag {notebooks.IGNORE_TAG}"
        bound = bound_names(cell.source)
        if cell.checks or bound.intersection(stubs):
            yield f"{where}, and holds a stub or a check; take the tag off"
        for name in sorted(bound):
            readers = (n for n, names in reads.items() if n > cell.number and name in names)
            for reader in itertools.islice(readers, 1):
                yield f"{where}, and cell {reader} reads {name}, which it binds; move that"


def bound_names(source: str) -> set[str]:
    """Return the names that a cell leaves to the cells after it."""
    try:
        symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    except SyntaxError:  # magics
        return set()
    return {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}


def _read(source: str) -> set[str]:
    try:
        nodes = ast.walk(ast.parse(source))
    except SyntaxError:
        return set()
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def points_add_up(assignment: Assignment, findings: Findings) -> str:
    """Look for questions of which a machine can judge nothing, and for points told otherwise.

    Loading has added the points of the cases.
    """
    findings.problems.extend(_told_otherwise(assignment))
    for question in assignment.questions:
        if question.kind == "code" and not question.cases:
            findings.problems.append(f"{question.name} has no test; add one")
        elif question.kind == "code" and question.requires is None and not question.hidden_points:
            findings.notes.append(f"{question.name} has no hidden test: its public ones are all")
    public = sum(question.public_points for question in assignment.questions)
    return f"{assignment.points:g} points, {public:g} of them by public tests"


def _told_otherwise(assignment: Assignment) -> Iterator[str]:
    """Say where the notebook names other points for a question: in a heading or in a table."""
    prose = notebooks.read(assignment.notebook.read_bytes(), assignment.limits).prose
    lines = [line for text in prose.values() for line in text.splitlines()]
    for question in assignment.questions:
        name = re.escape(f"`{question.name}`")
        heading = re.compile(rf"#+ .*{name}.*\((?P<points>\d+(?:\.\d+)?) points?\)")
        row = re.compile(rf"\|\s*{name}\s*(?:\|.*)?\|\s*(?P<points>\d+(?:\.\d+)?)\b[^|]*\|?\s*")
        for line in lines:
            found = heading.match(line) or row.fullmatch(line)
            if found and abs(float(found["points"]) - question.points) > POINT_TOLERANCE:
                yield (
                    f"the notebook gives {question.name} {found['points']} points, assignment.toml "
                    f"{question.points:g}: {line.strip()[:80]}"
                )


def points_table(assignment: Assignment) -> list[str]:
    """Return the questions with their points and cases, and the minutes that the notebook names."""
    questions = assignment.questions
    rows: list[tuple[str, ...]] = [
        ("question", "public", "hidden", "person", "points", "cases", "")
    ]
    rows.extend(_row(question) for question in questions)
    rows.append(
        (
            "together",
            f"{sum(q.public_points for q in questions):g}",
            f"{sum(q.hidden_points for q in questions):g}",
            f"{sum(q.points for q in questions if q.kind == 'manual'):g}",
            f"{assignment.points:g}",
            str(sum(len(q.cases) for q in questions)),
            _minutes(assignment),
        )
    )
    return ["  ".join(f"{cell:<9}" for cell in row).rstrip() for row in rows]


def _row(question: Question) -> tuple[str, ...]:
    manual = question.kind == "manual"
    return (
        question.name,
        "" if manual else f"{question.public_points:g}",
        "" if manual else f"{question.hidden_points:g}",
        f"{question.points:g}" if manual else "",
        f"{question.points:g}",
        "" if manual else str(len(question.cases)),
        f"needs {question.requires}" if question.requires else "",
    )


def _minutes(assignment: Assignment) -> str:
    prose = notebooks.read(assignment.notebook.read_bytes(), assignment.limits).prose
    found = MINUTES.search("\n".join(prose.values()))
    return f"about {found[1]} minutes, as the notebook says" if found else ""
