"""The arguments of one call in a child: what they held before it, and what the call changed.

Executed from source beside student code.
"""

import operator
import sys
from collections.abc import Iterator
from typing import Any

from ..wire.containers import Form
from ..wire.decoding import Decoder
from ..wire.values import Container, form_of

COMPARABLE = (bool, int, float, complex, str, bytes)  # whose equality nobody else decides


class Given:
    """The arguments of one call, and what they held before it."""

    def __init__(self, decoder: Decoder, buffers: list[memoryview]) -> None:
        self._decoder = decoder
        self.arrays = list(decoder.arrays)
        self.containers = list(decoder.containers)
        # A bytearray compares as fast as C can.
        self._memory = {number: bytearray(buffers[number]) for number in sorted(decoder.written)}
        self._contents = [_state(container) for container in self.containers]

    def changed_memory(self) -> Iterator[tuple[int, memoryview]]:
        """Yield the number of each buffer whose arrays were written to, and what it holds now."""
        for number, before in self._memory.items():
            after = self._decoder.memory(number)
            if before != after:
                yield number, after

    def changed_contents(self) -> Iterator[tuple[int, Container]]:
        """Yield the number of each container or frame that holds something else, and itself."""
        for number, before in enumerate(self._contents):
            container = self.containers[number]
            if not _is_same(before, _state(container)):
                yield number, container


class State(list[Any]):
    """What a container or frame holds: items, or states and memory of its parts."""


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
