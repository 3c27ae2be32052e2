"""Gradescope's export: `submission_metadata.yml` beside one folder a submission."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from grader.errors import UsageError
from grader.model import MIB
from grader.submissions.claims import (
    Claim,
    Layout,
    Refusal,
    View,
    is_candidate,
    own_record,
    stray,
    why_not,
)
from grader.submissions.sources import Entry, RejectedError

METADATA = "submission_metadata.yml"
FOLDER = re.compile(r"submission_\d+")
METADATA_BYTES = 256 * MIB  # results of earlier autograder runs are in it


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read each folder's submitters from the metadata; UsageError where that cannot be read.

    A student is known by e-mail address, else by student number, else by name: what Gradescope
    keeps unique comes first. Two people of one name and no more are told by their submissions.
    """
    entry = next((place.entry for place in view.places if place.parts == (METADATA,)), None)
    filled = [place for place in view.places if not place.entry.is_empty]
    folders = {place.parts[0] for place in filled if len(place.parts) > 1}
    own = [folder for folder in folders if FOLDER.fullmatch(folder)]
    if entry is None or 2 * len(own) <= len(folders):  # whoever hands in such a file turns nothing
        for _, here in view.places:
            yield stray(here, "Gradescope")
        return
    told = _load(entry, view.source.name)
    for parts, here in filled:
        if here is entry:
            yield own_record(here, "Gradescope")
            continue
        record = told.get(parts[0])
        if len(parts) == 1 or not isinstance(record, Mapping):
            reason = "belongs to no submission in the metadata"
            yield Refusal(here, reason if is_candidate(here) else why_not(here))
            continue
        yield _claim(parts[0], record, here)
    for name, record in told.items():
        if name not in folders and isinstance(record, Mapping):
            problem = "is missing from the export"
            missing = Entry((name, "nothing"), 0, 0.0, lambda _: b"", problem, is_missing=True)
            yield _claim(name, record, missing)


def _claim(folder: str, record: Mapping[str, Any], entry: Entry) -> Claim:
    submitters = record.get(":submitters")
    people = [_person(one) for one in submitters or () if isinstance(one, Mapping)]
    people = [person for person in people if person]
    number = folder.rpartition("_")[2]
    known = [_known(one) for one in submitters or () if isinstance(one, Mapping)]
    identity = ", ".join(known) if known and all(known) else ""
    return Claim(
        ", ".join(people) or folder,
        entry,
        identity,
        apart="" if identity else number,
        attempt=(int(number[:18]),) if number.isdecimal() else (),
        received=_moment(record.get(":created_at")),
        late=record.get(":late") is True,
        members=tuple(people) if len(people) > 1 else (),
    )


def _person(record: Mapping[str, Any]) -> str:
    values = (record.get(key) for key in (":email", ":sid", ":name"))
    return next((str(value).strip() for value in values if str(value or "").strip()), "")


def _known(record: Mapping[str, Any]) -> str:
    """Return what Gradescope keeps unique of a person, or ""."""
    values = (str(record.get(key) or "").strip() for key in (":email", ":sid"))
    return next((value for value in values if value), "")


def _moment(value: object) -> str | None:
    if isinstance(value, Mapping):  # Rails' own class of moments
        value = value.get("utc") or value.get("time")
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return str(value) if value else None


def _load(entry: Entry, name: str) -> Mapping[str, Any]:
    import yaml

    class Plain(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Reads Ruby's objects as the mappings they are written as; constructs nothing."""

    def untagged(loader: Any, _suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    Plain.add_multi_constructor("!", untagged)
    try:
        document = yaml.load(entry.read(METADATA_BYTES), Loader=Plain)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, RejectedError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        raise UsageError(f"{METADATA} of {name} cannot be read ({problem}).") from None
    if not isinstance(document, Mapping):
        raise UsageError(f"{METADATA} of {name} holds no submissions. Export them again.")
    return document


LAYOUT = Layout("a Gradescope export", read)
