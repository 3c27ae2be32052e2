"""Make a small class to show what grading does: right, wrong, hostile and broken notebooks."""

import json
from dataclasses import replace
from pathlib import Path

from grader.course import notebooks, text_file
from grader.course.assignments import reference_path
from grader.errors import UsageError
from grader.model import Assignment, Limits

RIGHT, WRONG = 6, 8

# Short limits, so that a newcomer does not wait for a notebook that never ends.
DEMO_LIMITS = {"cell_seconds": 2.0, "call_seconds": 3.0, "submission_seconds": 60.0}

# What each hostile student puts before their otherwise right answers.
HOSTILE_CELLS = {
    "loops-for-ever": "while True:\n    pass",
    "exits": "import os\nos._exit(0)",
    "raises-systemexit": "import sys\nsys.exit(0)",
    "prints-a-gigabyte": "for _ in range(1024):\n    print('x' * 2**20)",
    "reads-secrets": (
        "import glob, os\n"
        "print(glob.glob('/home/*'), os.environ)\n"
        "print(open('/etc/shadow').read())"
    ),
    "deletes-everything": "!rm -rf ~ /",
    "warns": "import warnings\nwarnings.warn('this costs nothing')",
    "syntax-error": "def broken(:\n    pass",
}


def limits(assignment: Assignment) -> Limits:
    """Return the assignment's limits, shortened for a demonstration."""
    return replace(assignment.limits, **DEMO_LIMITS)  # type: ignore[arg-type]


def build_class(assignment: Assignment, folder: Path) -> Path:
    """Write a class of notebooks under `folder`, and return it."""
    reference = reference_path(assignment.solutions)
    if assignment.solutions is None or reference is None:
        raise UsageError(f"The demonstration needs the solutions of {assignment.slug}.")
    folder.mkdir(parents=True, exist_ok=True)
    stubs = assignment.notebook.read_bytes()
    names = [name for question in assignment.questions for name in question.names]
    right = notebooks.fill(stubs, text_file.read(reference), names, "reference.py")
    _write(folder, "right-reference", right)
    for kind, count in (("correct", RIGHT), ("wrong", WRONG)):
        files = [p for p in sorted((assignment.solutions / kind).glob("*.py")) if _shows_here(p)]
        step = max(1, len(files) // count)
        for path in files[::step][:count]:
            prefix = "right" if kind == "correct" else "wrong"
            text = text_file.read(path)
            filled = notebooks.fill(right, text, names, path.name)
            _write(folder, f"{prefix}-{path.stem}", filled)
    for name, source in HOSTILE_CELLS.items():
        _write(folder, f"hostile-{name}", _with_cell(right, source))
    _write(folder, "empty-stubs", stubs)
    _write(folder, "broken-not-json", b"this is an essay, not a notebook")
    _write(folder, "broken-truncated", right[: len(right) // 2])
    return folder


def _shows_here(path: Path) -> bool:
    """Say whether a solution file differs from a right answer also where there is no GPU."""
    return not text_file.read(path).startswith("# expect: gpu:")


def _write(folder: Path, name: str, content: bytes) -> None:
    (folder / f"{name}.ipynb").write_bytes(content)


def _with_cell(content: bytes, source: str) -> bytes:
    """Return the notebook with one more code cell after its first."""
    data = json.loads(content)
    first = next(i for i, cell in enumerate(data["cells"]) if cell["cell_type"] == "code")
    cell: dict[str, object] = {
        "cell_type": "code", "id": "hostile", "metadata": {}, "outputs": [],
        "execution_count": None, "source": source,
    }  # fmt: skip
    data["cells"].insert(first + 1, cell)
    return notebooks.dump(data)
