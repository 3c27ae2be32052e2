"""Build what is handed out: student notebook, autograder, solution; refuse what fails a gate."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader import __version__, machine
from grader.course import notebooks
from grader.course.beside import files_of
from grader.errors import GraderError
from grader.grading.control import solved
from grader.model import Assignment
from grader.verify import (
    Gate,
    Verification,
    allowances,
    leaks,
    texts,
)

from . import autograder, readable, student

__all__ = ["RefusedError", "Release", "release"]

MANIFEST = "release.json"


class RefusedError(GraderError):
    """A gate fails, so nothing was released."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class Release:
    """The files of a release under its folder, and whether a gate was overruled."""

    folder: Path
    files: tuple[Path, ...]
    forced: bool


def release(
    assignment: Assignment,
    out: Path,
    verification: Verification,
    *,
    force: bool = False,
    on_step: Callable[[str], None] = lambda _step: None,
) -> Release:
    """Write a release of a verified assignment; RefusedError names the gate that fails."""
    files: dict[str, bytes] = {}
    on_step("student notebook")
    notebook = student.notebook(assignment)
    files[f"student/{assignment.notebook.name}"] = notebook
    files["student.zip"] = student.archive(assignment, notebook)
    gates = [
        *verification.gates,
        _nothing_leaks(assignment, files),
        _all_is_read(assignment, files),
    ]
    failing = [gate for gate in gates if not gate.passed]
    if failing and not force:
        raise RefusedError(
            f"{assignment.slug} was not released: the gate {failing[0].name!r} fails, "
            f"{failing[0].problems[0].splitlines()[0]}. Mend it, or release with --force, which "
            f"{MANIFEST} records."
        )
    on_step("autograder")
    files["autograder.zip"] = autograder.archive(assignment)
    on_step("solution")
    solution = _solution(assignment)
    files["solution.ipynb"] = solution
    files["solution.html"] = notebooks.html(solution, assignment.title).encode()
    record = verification.record()
    for gate in gates[-2:]:
        record["gates"][gate.name] = "passed" if gate.passed else list(gate.problems)
    manifest = _manifest(assignment, files, record, forced=bool(failing))
    manifest["hidden_visibility"] = assignment.hidden_visibility
    text = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    files[MANIFEST] = text.encode()
    return Release(out / assignment.slug, _write(out / assignment.slug, files), bool(failing))


def _nothing_leaks(assignment: Assignment, files: dict[str, bytes]) -> Gate:
    """Search the very bytes that students will get."""
    secrets = leaks.secrets_of(assignment, allowances.read(assignment))
    found = [
        str(leak)
        for name, content in files.items()
        for leak in leaks.search(texts.of_bytes(name, content), secrets)
    ]
    return Gate("released", "nothing of the solutions is in the hand-out", tuple(found))


def _all_is_read(assignment: Assignment, files: dict[str, bytes]) -> Gate:
    """Refuse what cannot be searched; an author can name such a file with a reason."""
    allowed = allowances.read(assignment).shared
    found = [
        f"{place} cannot be searched; leave it out of {assignment.folder.name}/, or name "
        f"{place.rpartition('/')[2]} under [[shared]] in {allowances.FILE_NAME} with a reason"
        for name, content in files.items()
        for place in readable.unread(name, content)
        if place.rpartition("/")[2] not in allowed
    ]
    return Gate("readable", "everything in the hand-out could be searched", tuple(found))


def _solution(assignment: Assignment) -> bytes:
    """Return the student notebook with the reference in its stubs, run beside its public tests."""
    with tempfile.TemporaryDirectory(prefix="solution-") as name:
        folder = Path(name)
        for path in files_of(assignment.folder):
            target = folder / path.relative_to(assignment.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        content = solved(assignment)
        (folder / assignment.notebook.name).write_bytes(content)
        return notebooks.without_chance(notebooks.executed(content, folder))


def _manifest(
    assignment: Assignment, files: dict[str, bytes], record: dict[str, Any], *, forced: bool
) -> dict[str, Any]:
    environment = machine.environment()
    return {
        "assignment": assignment.slug,
        "title": assignment.title,
        "assignment_sha256": assignment.sha256,
        "grader": __version__,
        "versions": {
            "python": environment.python,
            "numpy": environment.numpy,
            "torch": environment.torch,
            "triton": environment.triton,
        },
        "points": {
            question.name: {
                "points": question.points,
                "public": question.public_points,
                "hidden": question.hidden_points,
                "kind": question.kind,
                "requires": question.requires,
            }
            for question in assignment.questions
        },
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
        "forced": forced,
        **record,
    }


def _write(folder: Path, files: dict[str, bytes]) -> tuple[Path, ...]:
    written = []
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        written.append(path)
    return tuple(written)
