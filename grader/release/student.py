"""What students get: one notebook that carries its public tests, and the same as a zip."""

import json

from grader.course import notebooks, text_file
from grader.course.assignments import question_files
from grader.course.beside import files_of
from grader.model import Assignment

from .archives import pack

# Otter reads tests from the notebook's metadata, except on Colab, where the notebook is no file and
# otter wants a folder. So a cell of the notebook lays the folder out where there is none.
TESTS_CELL = """#@title The public tests {{display-mode: "form"}}
# This writes the folder tests/ where you have only this notebook, as on Colab{also}.
from pathlib import Path

PUBLIC_TESTS = {tests}

if not Path("tests").is_dir():
    Path("tests").mkdir()
    for name, text in PUBLIC_TESTS.items():
        (Path("tests") / name).write_text(text, encoding="utf-8")
"""
PAGES_CELL = """
PAGES = {pages}

for name, text in PAGES.items():
    if not Path(name).exists():
        Path(name).write_text(text, encoding="utf-8")
"""
NOT_FOR_STUDENTS = frozenset({"assignment.toml"})


def public_tests(assignment: Assignment) -> dict[str, str]:
    """Return the public test files by question."""
    names = [question.name for question in assignment.questions]
    paths = question_files(assignment.folder, None, names)
    return {path.stem: text_file.read(path) for path in paths}


def notebook(assignment: Assignment, content: bytes | None = None) -> bytes:
    """Return a notebook of the assignment with the public tests in it, in both places."""
    content = assignment.notebook.read_bytes() if content is None else content
    tests = public_tests(assignment)
    with_metadata = notebooks.with_tests(content, assignment.slug, tests)
    if not tests:
        return with_metadata
    # Indented JSON of plain strings is Python as well, and diffs line by line.
    listed = json.dumps({f"{name}.py": text for name, text in tests.items()}, indent=4)
    pages = {
        path.name: path.read_text("utf-8") for path in sorted(assignment.folder.glob("*.html"))
    }
    cell = TESTS_CELL.format(tests=listed, also=", and the pages it shows" if pages else "")
    if pages:
        cell += PAGES_CELL.format(pages=json.dumps(pages, indent=4))
    return notebooks.with_cell_before_setup(with_metadata, "public-tests", cell)


def archive(assignment: Assignment, released: bytes) -> bytes:
    """Return the zip of the whole assignment folder, with the released notebook in it."""
    files = {
        path.relative_to(assignment.folder).as_posix(): path.read_bytes()
        for path in files_of(assignment.folder)
        if path.name not in NOT_FOR_STUDENTS
    }
    files[assignment.notebook.name] = released
    return pack({f"{assignment.slug}/{name}": data for name, data in files.items()})
