"""Write everything that a store renders to: each file whole or not at all."""

import os
from pathlib import Path

from grader.errors import StoreError
from grader.model import Gradebook
from grader.renderers import grades_csv, results_json

STORE_NAME = "grades.db"


def write(book: Gradebook, out: Path) -> list[Path]:
    """Write the outputs of a class under `out`; return the paths, the most readable one last."""
    texts = {
        "results.json": results_json.render(book),
        "grades.csv": grades_csv.render(book),
    }
    written = []
    for name, text in texts.items():
        written.append(_write(out / name, text))
    return written


def _write(path: Path, text: str) -> Path:
    temporary = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as problem:
        raise StoreError(
            f"{path} could not be written: {problem}. The grades are safe in {STORE_NAME}; "
            "free some space and run `grader report`."
        ) from problem
    return path
