"""What stands in the judge for what stayed with a student: objects and functions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .bench import Recording
from .decoys import decoys
from .inside.recording import tensors_in
from .wire.findings import Compilation, Observation
from .wire.nodes import Opaque

if TYPE_CHECKING:
    from .session import Session

ITEMS_AT_ONCE = 256
MAX_ITEMS = 1_000_000  # of one iterable; one that goes on has no end


class StudentObject:
    """Stands for an object that stayed with the child: call it, iterate it, or pass it back."""

    __slots__ = ("_key", "_label", "_session", "_type_name")

    def __init__(self, session: "Session", node: Opaque, label: str = "") -> None:
        self._session = session
        self._key = node.key
        self._label = label  # by which a test asked for it
        self._type_name = node.type_name[:100]

    def __repr__(self) -> str:
        return f"<an object of type {self._type_name}>"

    def __iter__(self) -> Iterator[Any]:
        for _ in range(0, MAX_ITEMS, ITEMS_AT_ONCE):
            items = self._session.take(self._key, ITEMS_AT_ONCE)
            yield from items
            if not items:  # fewer than were asked for can come before an exception
                return
        self._session.break_off(f"an iterable gave more than {MAX_ITEMS:,} items")

    def __eq__(self, _other: object) -> bool:
        return False  # it equals nothing, whatever it says of itself

    def __hash__(self) -> int:
        return id(self)


class StudentFunction(StudentObject):
    """A student's callable; a call copies its arguments over and its result back."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.call(self._key, args, kwargs, label=self._label)

    def record(self, *args: Any, **kwargs: Any) -> Recording:
        """Return the call as a program that runs without the student's process.

        The student's process sees arguments of the same kind, with other numbers in them.
        NotAloneError, an AssertionError, where the call cannot run so.
        """
        session = self._session
        recorded, buffers = session.record(self._key, decoys(args), decoys(kwargs))
        return Recording(session, recorded, session.tensors(recorded.given, buffers))

    def observe(self, *args: Any, **kwargs: Any) -> Observation:
        """Return what the call's operations and kernels give where no student's cell ever ran."""
        return _observed(self.record(*args, **kwargs), _tensors_of(args, kwargs))

    def compile_kernels(
        self, *args: Any, targets: tuple[str, ...] = ("sm_80", "sm_90"), **kwargs: Any
    ) -> Compilation:
        """Observe a call, and compile its kernels for each target; no GPU is needed."""
        recording, inputs = self.record(*args, **kwargs), _tensors_of(args, kwargs)
        seen = _observed(recording, inputs)
        return Compilation(seen, tuple(recording.compile(inputs, targets)))


def _observed(recording: Recording, inputs: list[Any]) -> Observation:
    return Observation(recording.run(inputs), recording.operations, recording.outside)


def _tensors_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    return list(tensors_in([*args, *kwargs.values()]))
