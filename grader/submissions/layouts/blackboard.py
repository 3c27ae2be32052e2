"""Blackboard's download: `<homework>_<login>_attempt_<moment>_<file>`, and a text an attempt."""

import re
from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View, own_record, stray
from grader.submissions.names import iso
from grader.submissions.sources import Entry, RejectedError

MARK = re.compile(r"_attempt_(?P<moment>\d{4}(?:-\d{2}){5})(?P<rest>_.+|\.txt)$", re.DOTALL)
NAME = re.compile(r"^Name:\s{0,9}(?P<name>[^\n(]{1,200}?)\s{0,9}\((?P<login>[^()\n]{1,200})\)")
TEXT_BYTES = 1_000_000


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `softmax_ada_attempt_2026-11-05-10-15-00_softmax.ipynb`.

    The text of each attempt begins `Name: Ada Lovelace (ada)`: from it the name that is shown.
    """
    marks = {entry.name: found for parts, entry in view.places
             if len(parts) == 1 and (found := MARK.search(entry.name))}  # fmt: skip
    names: dict[str, tuple[str, str]] = {}
    with_file = {name[: found.start()] for name, found in marks.items() if found["rest"] != ".txt"}
    for _, entry in view.places:
        found = marks.get(entry.name)
        if found and found["rest"] == ".txt" and (person := _person(entry)):
            names[entry.name[: found.start()]] = person
    for _, entry in view.places:
        found = marks.get(entry.name)
        if found is None:
            yield stray(entry, "Blackboard")
            continue
        before, own = entry.name[: found.start()], found["rest"].removeprefix("_")
        if found["rest"] == ".txt" and before in with_file:
            yield own_record(entry, "Blackboard")
            continue
        login = before.rpartition("_")[2]
        name, login = names.get(before, (login, login))
        moment = tuple(int(part) for part in found["moment"].split("-"))
        yield Claim(name, entry, login, attempt=moment, received=iso(moment), file=own)


def _person(entry: Entry) -> tuple[str, str] | None:
    try:
        found = NAME.match(entry.read(TEXT_BYTES).decode("utf-8-sig", "replace"))
    except RejectedError:
        return None
    return (found["name"], found["login"]) if found else None


LAYOUT = Layout("a Blackboard download", read)
