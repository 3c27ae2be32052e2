"""Write an otter assignment as two folders of ours, to be kept and made harder to deceive.

`assignments/<slug>/` gets what students may have: the notebook, public cases, the files that are
given. `solutions/<slug>/` gets hidden cases and withheld files. The configuration becomes `[otter]`
in `assignment.toml`, which keeps otter's rules for names, seeds and totals.
"""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grader.course.otter import config
from grader.course.otter.loading import stated
from grader.course.otter.splitting import split
from grader.errors import UsageError
from grader.model import Assignment, Question

WITHHELD = "files"  # the folder of what only tests read


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written, and what a person should know of it."""

    slug: str
    paths: tuple[Path, ...]
    notes: tuple[str, ...]


def write(assignment: Assignment, course: Path, notebook: Path | None = None) -> Imported:
    """Write the two folders; UsageError where they exist already.

    notebook: the hand-out; without one, a notebook that checks every question.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", assignment.slug.lower()).strip("-") or "assignment"
    slug = slug if slug[0].isalpha() else f"a-{slug}"
    public, staff = course / "assignments" / slug, course / "solutions" / slug
    for target in (public, staff):
        if target.exists():
            raise UsageError(f"{target} is already there; remove it, or choose another --course.")
    contents = {public / "assignment.toml": _settings(assignment, slug)}
    notes = []
    for question in assignment.questions:
        halves = split(assignment.folder / question.file, question)
        stem = _stem(question)
        for root, text in ((public, halves.public), (staff, halves.hidden)):
            if text:
                contents[root / "tests" / f"{stem}.py"] = text
        notes += _notes(question, whole=halves.whole)
    staff.mkdir(parents=True)
    for path, text in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    copies = {public / f"{slug}.ipynb": notebook or assignment.notebook}
    copies |= {public / name: Path(path) for name, path in assignment.given}
    copies |= {staff / WITHHELD / name: Path(path) for name, path in assignment.withheld}
    for target, source in copies.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    if notebook is None and not _is_notebook(assignment):
        notes.append(
            f"{slug}.ipynb only checks the questions; put the hand-out in its place, or import "
            "again with --notebook"
        )
    if notebook is not None:
        notes += _not_handed_out(assignment, notebook.parent, slug)
    return Imported(slug, tuple(sorted([*contents, *copies])), tuple(notes))


def _not_handed_out(assignment: Assignment, handout: Path, slug: str) -> list[str]:
    """Say which files would be handed out now that do not lie beside the hand-out."""
    names = [name for name, _ in assignment.given if not (handout / name).is_file()]
    said = (
        f"Not beside the hand-out, and in assignments/{slug}/ now, which is what students may "
        f"see: {', '.join(names)}. Move what only tests read to solutions/{slug}/{WITHHELD}/."
    )
    return [said] if names else []


def find_handout(origin: Path) -> Path | None:
    """Return the notebook that `otter assign` made for students, if it lies where it leaves it."""
    around = (origin, origin / "dist", origin.parent, origin.parent.parent)
    found = [path for place in around for path in sorted((place / "student").glob("*.ipynb"))]
    return found[0] if len(found) == 1 else None


def _is_notebook(assignment: Assignment) -> bool:
    """Say whether the assignment came as a notebook, which is the hand-out itself."""
    return assignment.otter is not None and assignment.otter.origin.endswith(".ipynb")


def _stem(question: Question) -> str:
    """Return what notebooks call a question by: its test file's name."""
    return PurePosixPath(question.file).stem


def _notes(question: Question, *, whole: bool) -> list[str]:
    stem = _stem(question)
    notes = []
    if question.name != stem:
        notes.append(f"{question.name} is called {stem} now, as notebooks check it")
    if whole:
        notes.append(f"{stem}: its cases are made by code, so the file stays whole, in solutions/")
    elif _is_mixed(question):
        notes.append(
            f"{stem}: a hidden case comes before a public one in otter's file; now public ones "
            "come first, which matters where one leaves something to the next"
        )
    return notes


def _is_mixed(question: Question) -> bool:
    hidden = [case.hidden for case in question.cases]
    return hidden != sorted(hidden)


def _settings(assignment: Assignment, slug: str) -> str:
    """Return the text of assignment.toml."""
    lines = [f"title = {_text(assignment.title)}", f"notebook = {_text(slug + '.ipynb')}",
             f"feedback = {_text(assignment.feedback)}"]  # fmt: skip
    if assignment.needs:
        lines.append(f"needs = {json.dumps(list(assignment.needs))}")
    lines += ["", "[otter]", *_rules(stated(assignment.folder))]
    for question in assignment.questions:
        lines += ["", "[[questions]]", f"name = {_text(_stem(question))}",
                  f"title = {_text(question.title)}", f"points = {question.points!r}"]  # fmt: skip
    return "\n".join(lines) + "\n"


def _rules(given: Mapping[str, object]) -> list[str]:
    """Return the keys that decide something here, as lines of TOML."""
    return [
        f"{key} = {_text(value) if isinstance(value, str) else json.dumps(value)}"
        for key, value in given.items()
        if key in config.HONOURED and value is not None
    ]


def _text(value: str) -> str:
    """Return a text as TOML has it, whose escapes are JSON's."""
    return json.dumps(str(value), ensure_ascii=False)
