"""What a session sends: values of a test's as nodes and buffers, or why they cannot travel."""

from typing import Any

from grader.model import Limits

from .current_case import CurrentCase
from .failures import not_handed_over
from .proxies import StudentFunction, StudentObject
from .wire.encoding import Encoder
from .wire.nodes import Opaque
from .wire.protocol import Call, Record
from .wire.values import ValueRefusedError


class Arguments:
    """Encodes the arguments of one session's calls."""

    def __init__(self, limits: Limits, current: CurrentCase) -> None:
        self._limits = limits
        self._current = current

    def encoder(self, *, shares: bool = True) -> Encoder:
        """Return what turns the values of one message into nodes and buffers.

        shares: whether containers are those that both sides have.
        """
        live = self._current.live
        return Encoder(
            array_bytes=self._limits.array_bytes,
            nesting=self._limits.nesting,
            keep=_refuse_argument if live is None else live.node_of,
            as_arguments=True,
            shared=self._current.shared if shares else None,
        )

    def message(
        self,
        kind: type[Call] | type[Record],
        number: int,
        key: int,
        *,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> tuple[Call | Record, Encoder]:
        """Return the request of a number to call an object of the child's.

        TransferError, CannotCrossError or ValueRefusedError where an argument cannot travel.
        """
        encoder = self.encoder()
        try:
            message = kind(
                number,
                key,
                [encoder.encode(value) for value in args],
                {name: encoder.encode(value) for name, value in kwargs.items()},
                [],
            )
            encoder.seal()
            encoder.roots = [*args, *kwargs.values()]
        except ValueRefusedError as problem:
            if self._current.live is not None:
                self._current.refuse(_refusal(problem))
            raise
        except Exception as problem:
            self._current.note(_refusal(problem))
            raise not_handed_over("The arguments", problem) from problem
        message.buffers.extend(buffer.nbytes for buffer in encoder.buffers)
        return message, encoder


def _refusal(problem: Exception) -> str:
    return f"An argument cannot be handed to the student's process: {problem}"


def no_arguments() -> Encoder:
    """Return the encoder of a request that hands over nothing."""
    return Encoder(array_bytes=0, nesting=0, keep=_refuse_argument)


def _refuse_argument(value: Any) -> Opaque:
    back = _opaque_key(value)
    if back is not None:
        return back
    raise ValueRefusedError(
        f"a test passed an argument of type {type(value).__name__}, which cannot travel"
    )


def _opaque_key(value: Any) -> Opaque | None:
    if isinstance(value, StudentObject):
        return Opaque(value._key, value._type_name, isinstance(value, StudentFunction))  # noqa: SLF001
    return None
