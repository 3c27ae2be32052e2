"""What the command line said of how a class is graded, kept so that one answer is judged alike."""

from dataclasses import dataclass, field, replace

import msgspec

from grader.course import beside, settings
from grader.course.beside import Access
from grader.gradebook.store import Store
from grader.model import Assignment, Limits

KEY = "terms"


@dataclass(frozen=True, slots=True)
class Terms:
    """How a class is graded, beside what its assignment says.

    course: the folder of `--course`. limit: as in `--limit`. places: what no student's code may
    see. imports: modules that a worker imports once for all.
    """

    course: str = ""
    device: str = "auto"
    limit: tuple[str, ...] = ()
    access: Access = field(default_factory=Access)
    places: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()

    def limits(self, assignment: Assignment) -> Limits:
        """Return an assignment's limits, with those that the command line has changed."""
        return settings.with_limits(assignment.limits, self.limit)

    def applied(self, assignment: Assignment) -> Assignment:
        """Return an assignment with the limits and the files of the command line."""
        limited = replace(assignment, limits=self.limits(assignment))
        return beside.ruled(limited, self.access)

    def options(self, seed: int = 0) -> tuple[str, ...]:
        """Return those options of `grader grade` that decide a score, as they are typed."""
        access = self.access
        found = [f"--give {one}" for one in access.give]
        found += [f"--withhold {one}" for one in access.withhold]
        found += ["--network"] if access.network else []
        found += [f"--limit {one}" for one in self.limit]
        found += [f"--seed {seed}"] if seed else []
        return tuple(sorted(found))


def kept(store: Store) -> Terms | None:
    """Return how a class was graded last; None where nothing was, or an older grader did."""
    text = store.setting(KEY)
    return None if text is None else msgspec.json.decode(text, type=Terms)


def keep(store: Store, terms: Terms) -> None:
    """Keep how a class is graded from now on."""
    store.set_settings({KEY: msgspec.json.encode(terms).decode()})
