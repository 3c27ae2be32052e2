"""Gradescope's export: `submission_metadata.yml` beside one folder a submission."""

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
    why_not,
)
from grader.submissions.sources import Entry, RejectedError

METADATA = "submission_metadata.yml"
METADATA_BYTES = 256 * MIB  # results of earlier autograder runs are in it


def fits(view: View) -> bool:
    return any(parts == (METADATA,) for parts, _ in view.places)


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read each folder's submitters from the metadata; UsageError where that cannot be read.

    A student is known by e-mail address, else by student number, else by name: what Gradescope
    keeps unique comes first.
    """
    entry = next((place.entry for place in view.places if place.parts == (METADATA,)), None)
    if entry is None:
        raise UsageError(
            f"{view.source.name} holds no {METADATA}. Give the whole export of Gradescope."
        )
    told = _load(entry, view.source.name)
    found = {place.parts[0] for place in view.places if len(place.parts) > 1}
    for parts, here in view.places:
        if here is entry:
            continue
        record = told.get(parts[0])
        if len(parts) == 1 or not isinstance(record, Mapping):
            reason = "belongs to no submission in the metadata"
            yield Refusal(here, reason if is_candidate(here) else why_not(here))
            continue
        yield _claim(parts[0], record, here)
    for name, record in told.items():
        if name not in found and isinstance(record, Mapping):
            missing = Entry((name, "nothing"), 0, 0.0, lambda _: b"", "is missing from the export")
            yield _claim(name, record, missing)


def _claim(folder: str, record: Mapping[str, Any], entry: Entry) -> Claim:
    submitters = record.get(":submitters")
    people = [_person(one) for one in submitters or () if isinstance(one, Mapping)]
    people = [person for person in people if person]
    number = folder.rpartition("_")[2]
    return Claim(
        ", ".join(people) or folder,
        entry,
        order=int(number) if number.isdecimal() else 0,
        received=_moment(record.get(":created_at")),
        late=record.get(":late") is True,
        members=tuple(people) if len(people) > 1 else (),
    )


def _person(record: Mapping[str, Any]) -> str:
    values = (record.get(key) for key in (":email", ":sid", ":name"))
    return next((str(value).strip() for value in values if str(value or "").strip()), "")


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


LAYOUT = Layout(order=10, fits=fits, read=read)
