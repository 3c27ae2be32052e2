"""ILIAS's download: `<Last>_<First>_<login>_<number>/`, in a team's folder where there is one."""

import re
from collections.abc import Iterator

from grader.submissions.claims import Claim, Layout, Refusal, View, stray
from grader.submissions.names import iso
from grader.submissions.sources import Entry

PERSON = re.compile(r"(?P<name>[^_]+(?:_[^_]+)+)_(?P<login>[^_]+)_(?P<id>\d+)")
TEAM = re.compile(r"team[_ ](?P<id>\d+)", re.IGNORECASE)
STAMPED = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})_")


def read(view: View) -> Iterator[Claim | Refusal]:
    """Read `Lovelace_Ada_ada_12345/20261105101500_softmax.ipynb`; `Team_7/` holds its people."""
    teams: dict[str, dict[str, None]] = {}
    for parts, _ in view.places:
        if TEAM.fullmatch(parts[0]) and len(parts) > 1 and (found := PERSON.fullmatch(parts[1])):
            teams.setdefault(parts[0], {})[_name(found)] = None
    for parts, entry in view.places:
        found = PERSON.fullmatch(parts[0]) if len(parts) > 1 else None
        if parts[0] in teams:
            members = tuple(teams[parts[0]])
            yield _claim(", ".join(members), entry, parts[0], members)
        elif found:
            yield _claim(_name(found), entry, found["id"])
        else:
            yield stray(entry, "ILIAS")


def _name(found: re.Match[str]) -> str:
    return found["name"].replace("_", " ")


def _claim(name: str, entry: Entry, identity: str, members: tuple[str, ...] = ()) -> Claim:
    stamp = STAMPED.match(entry.name)
    moment = tuple(int(part) for part in stamp.groups()) if stamp else ()
    order = int(stamp[0][:-1]) if stamp else 0
    received = iso(moment)
    several = members if len(members) > 1 else ()
    return Claim(name, entry, identity, order=order, received=received, members=several)


LAYOUT = Layout("an ILIAS download", read)
