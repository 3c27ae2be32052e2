"""What the builder of a worker's file system is told.

The builder runs before any package can be imported: only the standard library is used here, and
of it what is imported quickly, since a worker waits for it.
"""

import json
from typing import NamedTuple, Self


class MountPlan(NamedTuple):
    """A file system to build at the folder `root`, and the command to run in it.

    `binds` pairs a path outside with one inside, `links` a text with the path of a link, `files` a
    path with its text. `blanks` are shown as empty files, `hidden` as empty folders. `uid` is whom
    to become first, or None. `network`: the machine's own stays.
    """

    root: str
    binds: tuple[tuple[str, str], ...]
    blanks: tuple[str, ...]
    hidden: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str], ...]
    devices: tuple[str, ...]
    scratch_bytes: int
    uid: int | None
    network: bool
    command: tuple[str, ...]

    def dump(self) -> str:
        """Return it as one argument of a command."""
        return json.dumps(self._asdict())

    @classmethod
    def load(cls, text: str) -> Self:
        """Read what `dump` wrote; TypeError where a field lacks or is unknown."""
        return cls(**json.loads(text))
