"""The names that a test may ask for, fetched from the student's process when it asks, not before.

A test of ours has to find what it names. A test that was written for otter finds what otter would
have given it: None or a default for what the notebook does not define, and a name that a call has
given another value has that value from then on.
"""

import builtins
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from grader.sandbox import MissingNameError, Session
from grader.sandbox.asking import is_reference
from grader.sandbox.libraries import meant_to_compare
from grader.sandbox.session import NOT_HELD


class Names(Mapping[str, Any]):
    """The names that a test may ask for: the notebook's, and those that the judge gives."""

    def __init__(
        self, lookup: Callable[[str], Any], device: str, memory: dict[Any, Any] | None = None
    ) -> None:
        self._lookup = lookup
        self._device = device
        self._memory = {} if memory is None else memory
        self._given: dict[str, Callable[[], Any]] = {}

    def start_case(self, given: dict[str, Callable[[], Any]]) -> None:
        """Take what the judge gives to the next case, made when it is asked for."""
        self._given = {"device": lambda: self._device, "memory": lambda: self._memory, **given}

    def bound(self) -> frozenset[str]:
        """Return the names that can be listed; others may be found all the same."""
        return frozenset(self._given)

    def missing(self) -> tuple[str, ...]:
        """Return the names that a test went on without."""
        return ()

    def in_doctest(self, name: str) -> Any:
        """Return what a name stands for that a doctest reads; MissingNameError for a builtin's."""
        return self[name]

    def shadowed(self) -> tuple[str, ...]:
        """Return the builtins that a doctest has used and a cell gave a function of its own."""
        return ()

    def __getitem__(self, name: str) -> Any:
        if name in self._given:
            return self._given[name]()
        return self._lookup(name)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        """Return a name's value; MissingNameError rather than a default that a test trips over."""
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.bound())

    def __len__(self) -> int:
        return len(self.bound())


class SessionNames(Names):
    """The names of a student's notebook, fetched from its process when a test asks."""

    def __init__(self, session: Session, device: str, memory: dict[Any, Any]) -> None:
        super().__init__(session.value, device, memory)
        self._session = session

    def bound(self) -> frozenset[str]:
        """Return what the notebook has bound, and what the judge gives."""
        return self._session.bound() | frozenset(self._given)


class NotInNotebookError(MissingNameError, KeyError):
    """A test looked a name up as in a dict, and the notebook does not define it."""

    __str__ = Exception.__str__


class OtterNames(Names):
    """The names of a notebook as a test that was written for otter finds them: all are its own."""

    def __init__(self, session: Session, *, with_theirs: bool = False, gives: bool = False) -> None:
        """Find names in a session's notebook.

        with_theirs: whether a doctest that uses a builtin gets what a cell has put in its place.
        gives: whether the judge gives what it gives to tests of ours; otter gives nothing.
        """
        super().__init__(session.value, "cpu")
        self._with_theirs = with_theirs
        self._gives = gives
        self._shadowed: dict[str, None] = {}
        self._session = session
        self._bound: frozenset[str] = frozenset()
        self._bound_after = -1  # requests of the session, when the names were listed
        self._held: dict[str, Any] = {}
        self._held_after: dict[str, int] = {}
        self._missing: dict[str, None] = {}

    def start_case(self, given: dict[str, Callable[[], Any]]) -> None:
        """Forget what the last case has found."""
        if self._gives:
            super().start_case(given)
        self._held, self._held_after, self._missing, self._shadowed = {}, {}, {}, {}
        self._bound_after = -1

    def bound(self) -> frozenset[str]:
        """Return what the notebook has bound by now."""
        if self._bound_after != self._session.asked:
            self._bound, self._bound_after = self._session.bound(), self._session.asked
        return self._bound

    def missing(self) -> tuple[str, ...]:
        """Return the names that a test went on without, in their order."""
        return tuple(self._missing)

    def in_doctest(self, name: str) -> Any:
        """Return what a name stands for that a doctest reads.

        A function of the notebook's that has taken a builtin's name, or that of a library's
        function which compares, could agree with everything, so that it counts only beside the
        real one; a value says no more than another name's.
        """
        found = self[name]
        if not callable(found):
            return found
        real = meant_to_compare(name) if is_reference(found) else None
        if not hasattr(builtins, name) and real is None:
            return found
        self._shadowed[name] = None
        if self._with_theirs:
            return found
        if real is not None:
            return real
        raise NotInNotebookError(name)

    def shadowed(self) -> tuple[str, ...]:
        """Return the builtins, and the like, that it has used and a cell gave another function."""
        return tuple(self._shadowed)

    def __getitem__(self, name: str) -> Any:
        if name in self._given:
            return self._given[name]()
        asked = self._session.asked
        if self._held_after.get(name) == asked:
            return self._held[name]
        # A builtin is the judge's, unless a cell has bound its name.
        if hasattr(builtins, name) and name not in self.bound():
            raise NotInNotebookError(name)
        try:
            self._fetch(name)
        except MissingNameError:
            self._held.pop(name, None)
            raise NotInNotebookError(name) from None
        return self._held[name]

    def _fetch(self, name: str) -> None:
        held = self._held.get(name, NOT_HELD)
        found = self._session.value(name, held=held, watch=True)
        self._held[name] = found
        self._held_after[name] = self._session.asked

    def get(self, name: str, default: Any = None) -> Any:
        """Return a name's value, or the default for one that the notebook does not define."""
        try:
            return self[name]
        except KeyError:
            if default is None:  # as for a parameter of a test, which then trips over it
                self._missing[name] = None
            return default

    def __contains__(self, name: object) -> bool:
        return name in self.bound()


class _Builtins(dict[str, Any]):
    """Builtins, and after them the names that a class body looks for there and not in globals."""

    def __init__(self, names: Names, builtins_: Mapping[str, Any]) -> None:
        super().__init__(builtins_)
        self._names = names

    def __missing__(self, name: str) -> Any:
        try:
            return self._names[name]
        except MissingNameError:
            raise KeyError(name) from None


class DoctestGlobals(dict[str, Any]):
    """What a doctest runs in: its own names, then those that it may ask for, when it asks.

    Python looks names up in a subclass of dict by its methods.
    """

    def __init__(self, names: Names, builtins_: Mapping[str, Any]) -> None:
        super().__init__(__name__="__main__", __builtins__=_Builtins(names, builtins_))
        self._names = names

    def copy(self) -> "DoctestGlobals":
        """Return another one with the same names; doctest asks for it."""
        made = DoctestGlobals(self._names, self["__builtins__"])
        made.update(dict(self.items_of_its_own()))
        return made

    def items_of_its_own(self) -> list[tuple[str, Any]]:
        """Return what the doctest itself has bound."""
        return [(name, dict.__getitem__(self, name)) for name in dict.__iter__(self)]

    def __missing__(self, name: str) -> Any:
        try:
            return self._names.in_doctest(name)
        except MissingNameError:
            raise KeyError(name) from None

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or name in self._names.bound()

    def get(self, name: str, default: Any = None) -> Any:
        """Return a name's value, or the default where it has none; doctest asks for some itself."""
        is_there = name in self
        return self[name] if is_there else default

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*dict.__iter__(self), *sorted(self._names.bound())]))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def keys(self) -> Any:
        """Return the names of the doctest and of the notebook."""
        return dict.fromkeys(self).keys()

    def values(self) -> Any:
        """Return their values."""
        return [self[name] for name in self]

    def items(self) -> Any:
        """Return both."""
        return [(name, self[name]) for name in self]
