"""`assignment.toml` as structs: what may stand in it, and in one sentence what is wrong with it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from grader.course import text_file, toml_file
from grader.errors import AssignmentError, UsageError
from grader.model import Feedback, HiddenVisibility, Limits

Text = Annotated[str, Meta(min_length=1)]
FileName = Annotated[str, Meta(pattern=r"^[\w-][\w .-]*$")]  # no folder, no way out of one
QuestionName = Annotated[str, Meta(pattern=r"^\w[^/\\\x00-\x1f]*$", max_length=100)]
StubName = Annotated[str, Meta(pattern=r"^[^\W\d]\w*$")]
Positive = Annotated[int, Meta(gt=0)] | Annotated[float, Meta(gt=0)]
Points = Annotated[float, Meta(ge=0)]


class QuestionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[questions]]` table; `names` are the stubs that the student fills."""

    name: QuestionName
    points: Points
    title: str = ""
    kind: Literal["code", "manual"] = "code"
    requires: Literal["cuda"] | None = None
    alone: bool = False
    names: tuple[StubName, ...] = ()


class ReleaseSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """When students see on Gradescope what became of the hidden cases: names and scores."""

    hidden_visibility: HiddenVisibility = "after_published"


class AssignmentSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; `files` lie beside the notebook, `[release]` is for what is handed out."""

    title: Text
    questions: Annotated[tuple[QuestionSettings, ...], Meta(min_length=1)]
    notebook: Text | None = None
    limits: dict[str, Any] = {}  # the names and numbers of `Limits`, looked at one by one
    needs: tuple[str, ...] = ()
    files: tuple[FileName, ...] = ()
    feedback: Feedback = Feedback.HINT
    otter: dict[str, Any] | None = None  # of an assignment that was imported: its configuration
    release: ReleaseSettings = ReleaseSettings()


# What is said of a field with a value that it cannot have; {name} is the question's.
FAULTS = {
    "title": "title must be text",
    "notebook": "notebook must be text",
    "questions": "there are no [[questions]]; add at least one",
    "limits": "[limits] must be a table",
    "needs": "needs must be a list of texts",
    "files": "files must be a list of file names, without folders",
    "feedback": 'feedback must be "name", "promise" or "hint"',
    "otter": "[otter] must be a table, of keys as otter_config.json has them",
    "release": "[release] must be a table",
    "release.hidden_visibility": "hidden_visibility under [release] is one of "
    + ", ".join(f'"{word}"' for word in get_args(HiddenVisibility)),
    "question": "each [[questions]] must be a table",
    "question.name": 'a question\'s name must be text that a file can be called by, such as "q1"',
    "question.points": "{name} needs points, a number of at least 0",
    "question.title": "title of {name} must be text",
    "question.kind": '{name} has kind {value!r}; use "code" or "manual"',
    "question.requires": 'requires of {name} must be "cuda", or be left out',
    "question.alone": "alone of {name} must be true or false",
    "question.names": "names of {name} must be a list of names as Python has them",
}
# By where an unknown key stands: what is known there, and how a sentence of it begins.
KINDS: dict[str, tuple[type[Struct], str]] = {
    "": (AssignmentSettings, ""),
    "question": (QuestionSettings, "a question has an "),
    "release": (ReleaseSettings, "[release] has an "),
}
UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*?)`")
MISSING = re.compile(r"Object missing required field `(?P<key>.*?)`")
PLACE = re.compile(r" - at `\$(?P<place>.*)`$")
QUESTION = re.compile(r"\.questions\[(?P<number>\d+)\]\.?")


def read(path: Path) -> tuple[AssignmentSettings, list[str]]:
    """Return the settings, and each question's table as text for its hash.

    AssignmentError says what is wrong, with the file, and with the line where one key is to blame.
    """
    table = toml_file.read(path)
    try:
        settings = msgspec.convert(table, AssignmentSettings)
    except msgspec.ValidationError as problem:
        raise AssignmentError(_sentence(str(problem), table, path)) from problem
    _check_limits(settings.limits, path)
    return settings, [repr(sorted(item.items())) for item in table["questions"]]


def with_limits(limits: Limits, said: Iterable[str]) -> Limits:
    """Return limits with those changed that are said as `cell_seconds=300`; UsageError names one.

    An assignment of otter's has no place for them.
    """
    changed: dict[str, Any] = {}
    for text in said:
        name, _, value = text.partition("=")
        if name not in Limits.names():
            known = ", ".join(sorted(Limits.names()))
            raise UsageError(f"--limit {text}: there is no limit {name!r}; there are {known}.")
        kind = type(getattr(limits, name))
        try:
            changed[name] = msgspec.convert(kind(value), Positive)
            int(changed[name])  # no limit is infinite
        except (ValueError, OverflowError) as problem:
            raise UsageError(
                f"--limit {text}: say a number above 0, such as {name}={getattr(limits, name):g}."
            ) from problem
    return replace(limits, **changed)


def _check_limits(limits: Mapping[str, Any], path: Path) -> None:
    for key in limits:
        if key not in Limits.names():
            raise AssignmentError(_unknown(key, Limits.names(), path, "[limits] has an "))
    for key, value in limits.items():
        try:
            msgspec.convert(value, Positive)
        except msgspec.ValidationError as problem:
            line = _line_of(path, key)
            raise AssignmentError(
                f"{path}, line {line}: {key} must be a number above 0."
            ) from problem


def _sentence(problem: str, table: Mapping[str, Any], path: Path) -> str:
    """Return in words what msgspec says, for example "Expected `str`, got `int` - at `$.title`"."""
    found = PLACE.search(problem)
    place = found["place"] if found else ""
    within = QUESTION.match(place)
    if unknown := UNKNOWN.match(problem):
        kind, where = KINDS["question" if within else place.strip(".")]
        return _unknown(unknown["key"], kind.__struct_fields__, path, where)
    missing = MISSING.match(problem)
    inner = place[within.end() :] if within else place.removeprefix(".")
    field = missing["key"] if missing else re.split(r"[.\[]", inner)[0]
    if within is None:
        return f"{path}: {FAULTS.get(inner) or FAULTS[field]}."
    question = table["questions"][int(within["number"])]
    stated = question if isinstance(question, dict) else {}
    said = FAULTS[f"question.{field}" if field else "question"]
    return f"{path}: {said.format(name=stated.get('name'), value=stated.get(field))}."


def _unknown(key: str, known: Iterable[str], path: Path, where: str) -> str:
    choices = ", ".join(sorted(known))
    line = _line_of(path, key)
    return f"{path}, line {line}: {where}unknown key {key!r}; known are {choices}."


def _line_of(path: Path, word: str) -> int:
    for number, line in enumerate(text_file.read(path).splitlines(), 1):
        if line.strip().strip("[]").startswith(word):
            return number
    return 1
