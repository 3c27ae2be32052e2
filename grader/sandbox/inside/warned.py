"""The warnings of a student's code while a test calls it, for a test that looks at them.

Executed from source beside student code.
"""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

from ..wire.nodes import Opaque
from .references import References

MOST = 200  # of one call
NOTHING = contextlib.nullcontext()


class Warnings:
    """Notes what student code warns of, whether or not its process would show it again."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._met: list[Warning] = []

    def taken(self) -> list[Opaque]:
        """Return the warnings since the last time."""
        met, self._met = self._met, []
        found = []
        for warning in met:
            with contextlib.suppress(Exception):  # what its class makes of itself
                found.append(self._references.keep(warning))
        return found

    def noted(self) -> contextlib.AbstractContextManager[None]:
        """Note all warnings, as where a test listens; those that are to be errors stay that."""
        return self._noted() if self._references.is_asked else NOTHING

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        with warnings.catch_warnings():
            if not (warnings.filters and warnings.filters[0][0] == "error"):
                warnings.simplefilter("always")
            warnings.showwarning = self._note
            yield

    def _note(self, message: Any, *_args: Any, **_kwargs: Any) -> None:
        if isinstance(message, Warning) and len(self._met) < MOST:
            self._met.append(message)
