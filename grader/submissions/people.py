"""Whose the files are: one person an identity, and a name where the platform gives no identity."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from grader.submissions.claims import Claim


@dataclass(frozen=True, slots=True)
class Person:
    """One student's files, under a label that nobody else of this class has."""

    label: str
    name: str
    claims: tuple[Claim, ...]

    @property
    def identity(self) -> str:
        """What the platform knows this person by; "" where it gives nothing that lasts."""
        return next((claim.identity for claim in self.claims if claim.identity), "")


def people(claims: Iterable[Claim]) -> list[Person]:
    """Group claims by person.

    An identity is a person, whatever the name. Those of one name without an identity are one
    person, unless the download tells them apart; they are taken for the only one of that name who
    has an identity, if there is one.
    """
    by_identity: dict[str, list[Claim]] = defaultdict(list)
    by_name: dict[str, dict[str, list[Claim]]] = defaultdict(lambda: defaultdict(list))
    for claim in claims:
        if claim.identity:
            by_identity[claim.identity].append(claim)
        else:
            by_name[claim.student][claim.apart].append(claim)
    named: dict[str, dict[str, list[Claim]]] = defaultdict(dict)
    for identity, group in by_identity.items():
        named[group[0].student][identity] = group
    for name, told in by_name.items():
        here = named[name]
        here |= {f":{apart}": group for apart, group in told.items() if apart}
        if untold := told.get(""):
            only = next(iter(here.values())) if len(here) == 1 else here.setdefault("", [])
            only.extend(untold)
    found = [
        Person(label(name, key) if len(groups) > 1 and key else name, name, tuple(group))
        for name, groups in named.items()
        for key, group in groups.items()
    ]
    return sorted(_distinct(found), key=lambda person: person.label)


def label(name: str, identity: str) -> str:
    """Return what tells a namesake: `smithjohn (41233)`."""
    return f"{name} ({identity.partition(':')[2]})"


def _distinct(found: list[Person]) -> list[Person]:
    """Add a number where somebody is called just as a namesake of others is told."""
    seen: dict[str, int] = defaultdict(int)
    apart = []
    for person in found:
        seen[person.label] += 1
        count = seen[person.label]
        told = person.label if count == 1 else f"{person.label} #{count}"
        apart.append(Person(told, person.name, person.claims))
    return apart
