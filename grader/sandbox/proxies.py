"""What stands in the judge for what stayed with a student: objects and functions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.model import Status

from .failures import ChildEnded
from .wire.protocol import Opaque

if TYPE_CHECKING:
    from .session import Session

ITEMS_AT_ONCE = 256
MAX_ITEMS = 1_000_000  # of one iterable; one that goes on has no end


class StudentObject:
    """Stands for an object that stayed with the child: call it, iterate it, or pass it back."""

    __slots__ = ("_key", "_session", "_type_name")

    def __init__(self, session: "Session", node: Opaque) -> None:
        self._session = session
        self._key = node.key
        self._type_name = node.type_name[:100]

    def __repr__(self) -> str:
        return f"<an object of type {self._type_name}>"

    def __iter__(self) -> Iterator[Any]:
        for _ in range(0, MAX_ITEMS, ITEMS_AT_ONCE):
            items = self._session.take(self._key, ITEMS_AT_ONCE)
            yield from items
            if len(items) < ITEMS_AT_ONCE:
                return
        self._session.break_off(f"an iterable gave more than {MAX_ITEMS:,} items")

    def __eq__(self, _other: object) -> bool:
        return False  # it equals nothing, whatever it says of itself

    def __hash__(self) -> int:
        return id(self)


@dataclass(frozen=True, slots=True)
class Observation:
    """What an instrumented call gave: its value, the torch operations in order, its seconds."""

    value: Any
    operations: tuple[str, ...]
    seconds: float


class StudentFunction(StudentObject):
    """A student's callable; a call copies its arguments over and its result back."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.call(self._key, args, kwargs)

    def observe(self, *args: Any, **kwargs: Any) -> Observation:
        """Call with a log of the torch operations that the call dispatches."""
        seen = self._session.call(self._key, args, kwargs, mode="observe")
        try:
            operations = tuple(str(name) for name in seen["operations"])
            return Observation(seen["value"], operations, float(seen["seconds"]))
        except (TypeError, KeyError, ValueError):
            raise ChildEnded(Status.KILLED, "the call's log was not a log") from None

    def compile_kernels(
        self, *args: Any, targets: tuple[str, ...] = ("sm_80", "sm_90"), **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Compile for each target the Triton kernels that the call launches; no GPU is needed."""
        found = self._session.call(
            self._key, args, kwargs, mode="compile_kernels", options={"targets": list(targets)}
        )
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            raise ChildEnded(Status.KILLED, "the list of kernels was not a list")
        return found

    def chain(
        self,
        *args: Any,
        shape: Sequence[int],
        dtype: str,
        seed: int,
        steps: int,
        device: str = "cpu",
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Call an attention function many times on inputs drawn there; see `instruments.chain`.

        Only numbers cross. Returns projections and norms, as the student's process told them.
        """
        options = {
            "shape": list(shape), "dtype": dtype, "seed": seed, "steps": steps, "device": device,
        }  # fmt: skip
        told = self._session.call(self._key, args, kwargs, mode="chain", options=options)
        if not isinstance(told, dict) or not {"projections", "norms"} <= told.keys():
            raise ChildEnded(Status.KILLED, "what a chain of calls told was not complete")
        return told
