"""Load an assignment from a folder with otter's test files and its configuration."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from grader.course import beside
from grader.course.otter import cases, config
from grader.errors import AssignmentError
from grader.model import LIBRARIES, Assignment, Feedback, OtterRules, Question

TESTS, FILES = "tests", "files"
# A hand-out for whoever asks for one: otter's archive of tests holds none.
CELL: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}


def load(
    folder: Path,
    slug: str,
    *,
    origin: str = "",
    ignore_plugins: bool = False,
    public_only: bool = False,
    rules: OtterRules | None = None,
) -> Assignment:
    """Load an unpacked otter assignment; AssignmentError says what cannot be graded, and why.

    slug: what it is called in all outputs. origin: the zip, folder or notebook that it came from.
    rules: instead of what its configuration asks for.
    """
    if rules is None:
        rules = config.rules(stated(folder), ignore_plugins=ignore_plugins)
    rules = replace(rules, origin=origin)
    tests = [one for one in sorted((folder / TESTS).glob("*.py")) if one.name != "__init__.py"]
    given, withheld = _files(folder, tests)
    of_files = beside.digest(given, withheld)
    # The random state decides what is judged, and what hidden cases tell is kept with it.
    seeds = repr((rules.seed, rules.seed_variable, rules.show_hidden))
    questions = [_question(path, folder, of_files + seeds) for path in tests]
    if not rules.show_hidden:
        questions = [_without_words(question) for question in questions]
    _refuse_alike(questions)
    if public_only:
        questions = [_public(question) for question in questions]
    return Assignment(
        slug=slug,
        title=rules.assignment_name or slug,
        folder=folder,
        notebook=_notebook(folder, slug, questions),
        solutions=None,
        questions=tuple(questions),
        given=given,
        withheld=withheld,
        libraries=_mentioned([*tests, *(Path(path) for _, path in given if path.endswith(".py"))]),
        sha256=_digest(tests, folder, of_files + _deciding(rules)),
        feedback=Feedback.PROMISE,
        otter=rules,
    )


def stated(folder: Path) -> dict[str, Any]:
    """Return the configuration of an unpacked assignment, as it is written."""
    path, script = folder / config.NAME, folder / config.SCRIPT
    if path.is_file():
        return config.parse(path.read_bytes(), str(path))
    return config.of_script(script.read_bytes()) if script.is_file() else {}


def _deciding(rules: OtterRules) -> str:
    """Return as text what a configuration decides, however it is written."""
    bare = replace(rules, wants_pdf=False, notes=(), stamps=(), origin="")
    return repr(bare)


def _files(
    folder: Path, tests: Iterable[Path]
) -> tuple[tuple[beside.Named, ...], tuple[beside.Named, ...]]:
    """Return what students' code finds beside its notebook, and what only hidden cases read."""
    texts = [path.read_text("utf-8", "replace") for path in tests]
    handed_out = [path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.ipynb"))]
    return beside.sorted_out(beside.named(folder / FILES), texts, handed_out)


def _question(path: Path, folder: Path, extra: str) -> Question:
    declared = cases.read(path, folder / FILES)
    return Question(
        name=declared.name,
        title="",  # the name says it
        points=sum(case.points for case in declared.cases),
        cases=declared.cases,
        sha256=_digest([path], folder, extra),
        file=path.relative_to(folder).as_posix(),
    )


def _without_words(question: Question) -> Question:
    """Return a question whose hidden cases tell staff what their author wrote, and no student."""
    cases = tuple(
        replace(case, tells_staff_only=True) if case.hidden else case for case in question.cases
    )
    return replace(question, cases=cases)


def _public(question: Question) -> Question:
    return replace(question, cases=tuple(case for case in question.cases if not case.hidden))


def _refuse_alike(questions: Iterable[Question]) -> None:
    files: dict[str, str] = {}
    for question in questions:
        other = files.setdefault(question.name, question.file)
        if other != question.file:
            raise AssignmentError(
                f"{other} and {question.file} are both for {question.name!r}, of which otter "
                "would count one; rename one."
            )


def _notebook(folder: Path, slug: str, questions: Iterable[Question]) -> Path:
    """Return the hand-out, or one that checks every question where the folder has none."""
    found = sorted(folder.glob("*.ipynb"))
    if found:
        return found[0]
    sources = ["import otter\ngrader = otter.Notebook()"]
    sources += [f'grader.check("{PurePosixPath(item.file).stem}")' for item in questions]
    cells = [{**CELL, "source": source} for source in sources]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    path = folder / f"{slug}.ipynb"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _mentioned(files: Iterable[Path]) -> tuple[str, ...]:
    """Return the libraries that some of the files mention; nobody else should wait for them."""
    texts = [path.read_bytes() for path in files]
    return tuple(
        name
        for name in LIBRARIES
        if any(re.search(rb"\b%b\b" % name.partition(".")[0].encode(), text) for text in texts)
    )


def _digest(files: Iterable[Path], folder: Path, extra: str = "") -> str:
    digest = hashlib.sha256(extra.encode())
    for path in files:
        name = path.relative_to(folder).as_posix()
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
