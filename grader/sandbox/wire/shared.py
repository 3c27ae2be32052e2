"""The containers that judge and child both have, by number, and what each side knows them to hold.

What one side changes of them is told to the other before that side's code runs again, so that a
list which a test handed over, or an object returned, is one list. A container is known for as long
as somebody beside this table holds it. Both sides run this file; in the child it is executed from
source.
"""

import operator
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from .containers import Form
from .values import Container, form_of

COMPARABLE = (bool, int, float, complex, str, bytes)  # whose equality nobody else decides
LEAVES = frozenset({*COMPARABLE, type(None)})  # which hold nothing
DEEPEST = 64
MOST_LOOKED_AT = 50_000_000  # items that are compared in one case
AS_ITEMS = 20  # as how many of them a container counts


class State(list[Any]):
    """What a container or frame holds: items, or states and memory of its parts."""


class _Known:
    """One container, what it held when both sides knew, and what is remembered of its origin."""

    __slots__ = ("container", "is_flat", "is_frame", "origin", "state")

    def __init__(self, container: Container, origin: Any, *, is_followed: bool) -> None:
        self.container = container
        self.origin = origin
        self.is_frame = not isinstance(form_of(container), Form)
        if is_followed:
            self.look()

    def look(self, state: State | None = None) -> None:
        self.state = _state(self.container) if state is None else state
        self.is_flat = not self.is_frame and set(map(type, self.state)) <= LEAVES


class Shared:
    """The containers that both sides have. What the judge hands over counts up from 0.

    What the child does counts down from -1. next_ours, next_theirs: the numbers that no container
    of this case has had. is_followed: whether it will be asked what this side has changed.
    """

    def __init__(self, *, is_followed: bool = True) -> None:
        self.next_ours, self.next_theirs = 0, -1
        self._is_followed = is_followed
        self._known: dict[int, _Known] = {}
        self._numbers: dict[int, int] = {}
        self._left = MOST_LOOKED_AT

    def __contains__(self, number: int) -> bool:
        return number in self._known

    def __getitem__(self, number: int) -> Container:
        return self._known[number].container

    def __iter__(self) -> Iterator[int]:
        return iter(self._known)

    def origin(self, number: int) -> Any:
        """Return what was said of a container when it was added."""
        return self._known[number].origin

    def number_of(self, container: Container) -> int | None:
        """Return the number by which both sides know a container."""
        return self._numbers.get(id(container))

    def add(self, number: int, container: Container, origin: Any = None) -> None:
        """Know a container by a number from now on."""
        self._known[number] = _Known(container, origin, is_followed=self._is_followed)
        self._numbers[id(container)] = number
        self.next_ours = max(self.next_ours, number + 1)
        self.next_theirs = min(self.next_theirs, number - 1)

    def replace(self, number: int, container: Container) -> None:
        """Let another container of this side have a number."""
        origin = self.origin(number)
        self.drop([number])
        self.add(number, container, origin)

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget containers."""
        for number in list(numbers):
            known = self._known.pop(number, None)
            if known is not None:
                self._numbers.pop(id(known.container), None)

    def drop_frames(self, numbers: Iterable[int]) -> None:
        """Forget those that are no lists or the like: they are followed during one call alone."""
        self.drop([n for n in numbers if n in self._known and self._known[n].is_frame])

    def settle(self, numbers: Iterable[int]) -> None:
        """Take what containers hold for what both sides know."""
        for number in numbers if self._is_followed else ():
            if number in self._known:
                self._known[number].look()

    def changed(self, *, with_frames: bool = True) -> list[tuple[int, Container]]:
        """Return what holds something else by now; from now on that is known."""
        found = []
        for number, known in self._known.items():
            if known.is_frame and not with_frames:
                continue
            state = _state(known.container)
            if not _is_same(known.state, state):
                known.look(state)
                found.append((number, known.container))
        return found

    def unheld(self) -> list[int]:
        """Return the numbers of those that nobody beside this table holds, by Python's own count.

        One that a held one holds is held. Once a case has compared too much, all are given up: then
        they are copies.
        """
        if not self._known:
            return []
        self._left -= sum(AS_ITEMS + len(known.state) for known in self._known.values())
        if self._left < 0:
            return list(self._known)
        held = self._with_what_they_hold(self._held_by_others())
        return [number for number in self._known if number not in held]

    def _held_by_others(self) -> list[int]:
        ours: Counter[int] = Counter()
        walked: set[int] = set()
        for known in self._known.values():
            ours[id(known.container)] += 1
            if not known.is_flat:
                _count(_items(known.container), ours, walked)
                _count(known.state, ours, walked)
        return [
            number
            for number, known in self._known.items()
            if sys.getrefcount(known.container) - 1 > ours[id(known.container)]
        ]

    def _with_what_they_hold(self, numbers: list[int]) -> set[int]:
        found, due = set(numbers), list(numbers)
        while due:
            known = self._known[due.pop()]
            for container in [] if known.is_flat else _containers(_items(known.container)):
                number = self._numbers.get(id(container))
                if number is not None and number not in found:
                    found.add(number)
                    due.append(number)
        return found


def _items(value: Any) -> list[Any]:
    form = form_of(value)
    return [*form.items(value)] if isinstance(form, Form) else []


def _count(items: Iterable[Any], ours: "Counter[int]", walked: set[int]) -> None:
    """Count how often each object is held by some items; a tuple holds what it has once."""
    for item in items:
        ours[id(item)] += 1
        if type(item) is tuple and id(item) not in walked:
            walked.add(id(item))
            _count(item, ours, walked)


def _containers(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        if type(item) is tuple:
            yield from _containers(item)
        else:
            yield item


def _state(value: Any) -> State:
    form = form_of(value)
    if isinstance(form, Form):
        return State([*form.items(value), *form.about(value)])
    if form is None:
        return State([_leaf(value)])
    state = State()
    try:
        for part in form.parts(value):
            for one in part if type(part) is list else [part]:
                state.append(_leaf(one) if form_of(one) is None else _state(one))
    except Exception:  # noqa: BLE001 - what a library says where a student took its value apart
        return State([object()])
    return state


def _leaf(value: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is not None and type(value) is numpy.ndarray:
        return State([value.dtype.str, State(value.shape), value.tobytes()])
    return value


def _is_same(before: Any, after: Any) -> bool:
    """Compare two states: objects by what they are, numbers and texts by what they say."""
    if before is after:
        return True
    if type(before) is not State or type(after) is not State:
        return _is_equal(before, after)
    if len(before) != len(after):
        return False
    return all(map(operator.is_, before, after)) or all(map(_is_same, before, after))


def _is_equal(before: Any, after: Any) -> bool:
    if type(before) is not type(after) or type(before) not in COMPARABLE:
        return False
    return bool(before == after or (before != before and after != after))  # noqa: PLR0124


class TooMuchError(Exception):
    """Containers that hold each other, so that there is no end of what is to be read in them."""


def check_amount(values: Iterable[Any], most: int) -> None:
    """TooMuchError where lists within lists are deeper, or hold more in all, than is read."""
    measured: dict[int, tuple[int, int]] = {}
    for value in values:
        _measure(value, measured, most, 0)


def _measure(
    value: Any, measured: dict[int, tuple[int, int]], most: int, depth: int
) -> tuple[int, int]:
    """Return how many items there are to read in a value, and how deep it is nested."""
    form = form_of(value)
    if not isinstance(form, Form):
        return 1, 0
    if id(value) not in measured:
        if depth > DEEPEST:
            raise TooMuchError("nested too deep")
        items = form.items(value)
        parts = (
            [(len(items), 0)]
            if set(map(type, items)) <= LEAVES
            else [_measure(item, measured, most, depth + 1) for item in items]
        )
        size = 1 + sum(one for one, _ in parts)
        measured[id(value)] = size, 1 + max((height for _, height in parts), default=0)
    size, height = measured[id(value)]
    if depth + height > DEEPEST:
        raise TooMuchError("nested too deep")
    if size > most:
        raise TooMuchError("that hold too much")
    return size, height
