"""What judge and child both have, by number: containers, frames, arrays, as each side knows them.

What one side changes of them is told to the other before that side's code runs again, so that a
list or an array which a test handed over, or an object returned, is one. Each is known for as long
as somebody beside this table holds it. Both sides run this file; in the child it is executed from
source.
"""

import operator
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from .arrays import Library
from .containers import Form
from .memory import BYTES_OF_AN_ITEM, Held, Memory, library_of, place_of, users_of_storage
from .values import Container, ValueRefusedError, form_of

COMPARABLE = (bool, int, float, complex, str, bytes)  # whose equality nobody else decides
LEAVES = frozenset({*COMPARABLE, type(None)})  # which hold nothing
DEEPEST = 64
MOST_LOOKED_AT = 50_000_000  # items that are compared in one case
AS_ITEMS = 20  # as how many of them a container counts
RESHAPED = "an array that the test and the student's code share was given another shape or dtype"


class State(list[Any]):
    """What a container or frame holds: items, or states and memory of its parts."""


class _Known:
    """A container or frame, what it held when both sides knew, and what is said of its origin."""

    __slots__ = ("container", "is_flat", "origin", "state", "weight")

    def __init__(self, container: Container, origin: Any, *, is_followed: bool) -> None:
        self.container = container
        self.origin = origin
        if is_followed:
            self.look()

    def look(self) -> None:
        """Take what it holds for what both sides know."""
        self._take(_state(self.container))

    def _take(self, state: State) -> None:
        self.state = state
        self.is_flat = isinstance(form_of(self.container), Form) and set(map(type, state)) <= LEAVES
        self.weight = AS_ITEMS + (len(state) if self.is_flat else _weight(state))

    def is_another(self) -> bool:
        """Say whether it holds something else by now."""
        return not _is_same(self.state, _state(self.container))

    def is_changed(self) -> bool:
        """Say whether it holds something else by now; from now on that is known."""
        state = _state(self.container)
        if _is_same(self.state, state):
            return False
        self._take(state)
        return True

    def count(self, ours: "Counter[Any]", walked: set[int]) -> None:
        """Count how often this table itself holds what is known here."""
        ours[id(self.container)] += 1
        if not self.is_flat:
            _count(_items(self.container), ours, walked)
            _count(self.state, ours, walked)

    def is_held(self, ours: "Counter[Any]") -> bool:
        """Say whether somebody else holds it."""
        return sys.getrefcount(self.container) - 1 > ours[id(self.container)]


class _KnownArray(_Known):
    """An array of numbers, texts or dates, and the same of it."""

    __slots__ = ("held", "library", "memory", "place")

    def __init__(self, array: Any, origin: Any, library: Library) -> None:
        self.library = library
        self.memory = Memory(array, library)
        self.is_flat = True
        super().__init__(array, origin, is_followed=True)
        self.place = self.found_at()

    def found_at(self) -> tuple[Any, ...] | None:
        """Return its place by now: a tensor can be given other memory."""
        return place_of(self.container, self.library.layout(self.container), self.library)

    def look(self) -> None:
        self.held = Held(self.container, self.library)
        self.weight = AS_ITEMS + self.held.weight

    def is_another(self) -> bool:
        return not self.held.is_of(self.container, self.library)

    def is_changed(self) -> bool:
        if not self.is_another():
            return False
        is_reshaped = self.held.has_another_form(self.container)
        self.look()
        if is_reshaped:
            raise ValueRefusedError(RESHAPED)
        return True

    def count(self, ours: "Counter[Any]", walked: set[int]) -> None:  # noqa: ARG002 - as of others
        ours[id(self.container)] += 1
        ours[self.memory.key] += 1
        if self.memory.owner is not None:
            ours[id(self.memory.owner)] += 2  # the array itself holds it too

    def is_held(self, ours: "Counter[Any]") -> bool:
        if super().is_held(ours) or not self.memory.is_direct:
            return True
        if self.memory.owner is not None:
            return sys.getrefcount(self.memory.owner) - 1 > ours[id(self.memory.owner)]
        if self.library.name != "torch":
            return False
        users = users_of_storage(self.container)
        return users < 0 or users > ours[self.memory.key]


class Shared:
    """What both sides have. What the judge hands over counts up from 0.

    What the child does counts down from -1. next_ours, next_theirs: the numbers that nothing of
    this case has had. is_followed: whether it will be asked what this side has changed.
    with_arrays: whether arrays are among it; else each message has its own. untold: the numbers of
    what calls have given and this side has changed, which is for it to know.
    """

    def __init__(self, *, is_followed: bool = True, with_arrays: bool = False) -> None:
        self.next_ours, self.next_theirs = 0, -1
        self.with_arrays = with_arrays
        self._is_followed = is_followed
        self._known: dict[int, _Known] = {}
        self._numbers: dict[int, int] = {}
        self._places: dict[tuple[Any, ...], int] = {}  # of arrays, by `place_of`
        self._sharing: dict[Any, dict[int, None]] = {}  # arrays by whose memory they are
        self._given_up: dict[int, _Known] = {}
        self._of_calls: set[int] = set()
        self.pinned: set[int] = set()  # which the other side's gradients go through
        self.untold: set[int] = set()
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
        return self._still_same(self._numbers.get(id(container)))

    def number_at(self, place: tuple[Any, ...]) -> int | None:
        """Return the number of an array that has the elements of a place."""
        number = self._places.get(place)
        known = None if number is None else self._known.get(number)
        is_there = isinstance(known, _KnownArray) and known.found_at() == place
        return self._still_same(number) if is_there else None

    def _still_same(self, number: int | None) -> int | None:
        return None if number in self.untold else number

    def around(self, array: Any, library: Library) -> list[tuple[int, Any]]:
        """Return the arrays that are of the same memory, with their numbers."""
        numbers = self._sharing.get(Memory(array, library).key, {}).keys() - self.untold
        return [(number, self._known[number].container) for number in sorted(numbers)]

    def array(self, number: int) -> Any:
        """Return the array of a number, None where there is none."""
        known = self._known.get(number)
        return known.container if isinstance(known, _KnownArray) else None

    def add(self, number: int, container: Container, origin: Any = None) -> None:
        """Know a container or array by a number from now on."""
        library = library_of(container) if form_of(container) is None else None
        if library is None:
            self._known[number] = _Known(container, origin, is_followed=self._is_followed)
        else:
            known = self._known[number] = _KnownArray(container, origin, library)
            if known.place is not None:
                self._places[known.place] = number
            self._sharing.setdefault(known.memory.key, {})[number] = None
        self._numbers[id(container)] = number
        self.next_ours = max(self.next_ours, number + 1)
        self.next_theirs = min(self.next_theirs, number - 1)

    def keep_to_itself(self, number: int) -> None:
        """Have what this side changes of a frame or array, which a call has given, stay here."""
        if number in self._known and not isinstance(form_of(self[number]), Form):
            self._of_calls.add(number)

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
                self._forget(number, known)

    def _forget(self, number: int, known: _Known) -> None:
        self._of_calls.discard(number)
        self.pinned.discard(number)
        self.untold.discard(number)
        if self._numbers.get(id(known.container)) == number:
            del self._numbers[id(known.container)]
        if isinstance(known, _KnownArray):
            if known.place is not None and self._places.get(known.place) == number:
                del self._places[known.place]
            same = self._sharing[known.memory.key]
            del same[number]
            if not same:
                del self._sharing[known.memory.key]

    def settle(self, numbers: Iterable[int]) -> None:
        """Take what containers hold for what both sides know."""
        for number in numbers if self._is_followed else ():
            if number in self._known:
                self._known[number].look()

    def changed(self) -> list[tuple[int, Container]]:
        """Return what holds something else by now; from now on that is known.

        ValueRefusedError where it is an array of another form, which the other side cannot follow.
        """
        self._left -= sum(known.weight for known in self._known.values())
        found = [
            (number, known.container) for number, known in self._known.items() if known.is_changed()
        ]
        self.untold |= self._of_calls.intersection(number for number, _ in found)
        return [(number, container) for number, container in found if number not in self.untold]

    def shows_elsewhere(self, numbers: Iterable[int]) -> bool:
        """Say whether what these arrays hold by now shows in others, which are not among them."""
        changed = {*numbers}
        keys = {k.memory.key for n in changed if isinstance(k := self._known.get(n), _KnownArray)}
        around = {number for key in keys for number in self._sharing[key]} - changed
        return any(self._known[number].is_another() for number in around)

    def unheld(self) -> list[int]:
        """Return the numbers of those that nobody beside this table holds, by Python's own count.

        One that a held one holds is held.
        """
        if not self._known:
            return []
        held = self._with_what_they_hold([*self._held_by_others(), *self.pinned & {*self._known}])
        return [number for number in self._known if number not in held]

    def _held_by_others(self) -> list[int]:
        ours: Counter[Any] = Counter()
        walked: set[int] = set()
        for known in self._known.values():
            known.count(ours, walked)
        return [number for number, known in self._known.items() if known.is_held(ours)]

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

    # --- what is followed no more ----------------------------------------------------------------

    def has_looked_enough(self) -> bool:
        """Say whether a case has compared so much that it goes on with copies."""
        return self._left < 0

    def give_up(self) -> None:
        """Follow nothing that is known any more; what becomes of it is looked at in the end."""
        self._given_up |= self._known
        for numbers in (self._known, self._numbers, self._places, self._sharing):
            numbers.clear()
        self._of_calls.clear()

    @property
    def given_up(self) -> frozenset[int]:
        """The numbers of what is followed no more."""
        return frozenset(self._given_up)

    def changed_unseen(self) -> list[int]:
        """Return the numbers of what the other side was not told of, and holds something else."""
        given_up = {number for number, known in self._given_up.items() if known.is_another()}
        return sorted(given_up | self.untold)


# For a message of one side alone; nothing is ever added to it.
NOTHING_SHARED = Shared()


def _weight(state: State) -> int:
    """Return as how many items a state counts, of whatever it is made."""
    total = len(state)
    for one in state:
        if type(one) is State:
            total += _weight(one)
        elif type(one) is bytes:
            total += len(one) // BYTES_OF_AN_ITEM
    return total


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
    if isinstance(form, Form):  # what it holds is known by itself, if it can change
        return State([*form.items(value), *form.about(value)])
    try:
        return State([_whole_state(value)])
    except Exception:  # noqa: BLE001 - what a library says where a student took its value apart
        return State([object()])


def _whole_state(value: Any) -> Any:
    """Return what a part of a value holds, with all that its own parts do."""
    form = form_of(value)
    if form is None:
        return _leaf(value)
    if not isinstance(form, Form):
        return State(map(_whole_state, form.parts(value)))
    items = [*form.items(value), *form.about(value)]
    return State(items if set(map(type, items)) <= LEAVES else map(_whole_state, items))


def _leaf(value: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return value
    if type(value) is numpy.ndarray:
        return State([value.dtype.str, State(value.shape), value.tobytes()])
    if issubclass(type(value), numpy.generic):
        return State([value.dtype.str, value.tobytes()])
    return str(value) if isinstance(value, numpy.dtype) else value


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
    if before == after:  # of which there are two zeros
        return bool(before) or repr(before) == repr(after)
    return bool(before != before and after != after)  # noqa: PLR0124


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
