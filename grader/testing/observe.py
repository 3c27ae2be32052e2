"""What a call is made of: torch operations in order, Triton launches, and the value they give.

    seen = observe.observe(attention, q, k, v, causal=True)
    assert any(name.startswith("triton::") for name in seen.operations)
    numerics.assert_within_bound(seen.value, truth.expected, truth.bound, what="causal")

Operations have torch's names (`aten::exp`); `triton::<kernel>` is a launch. What a student's
process says of itself is not believed. It calls the function on tensors of the same shapes,
strides and dtypes, with other numbers in them; what it says the call is made of, the text of its
kernels included, is then run on the test's own tensors in a process that has run no student's cell.
`value` comes from there, so the log belongs to the value, and **a test that reads the log checks
the value too**. A call that decides by the numbers in its tensors what to do cannot be told so.
"""

from collections.abc import Callable
from typing import Any, Protocol

from grader.sandbox.inside import instruments
from grader.sandbox.wire.findings import Observation

__all__ = ["Observation", "busy", "observe"]

_IDLE = frozenset(
    """
    _reshape_alias _to_copy _unsafe_view alias as_strided cat clone constant_pad_nd contiguous copy
    detach empty empty_like empty_permuted empty_strided expand fill full full_like lift_fresh
    new_empty new_empty_strided new_full new_zeros ones permute reshape resize select set slice
    split squeeze stack t transpose unbind unsqueeze view zero zeros zeros_like
    """.split()  # noqa: SIM905 - fifty quoted names would be harder to read
)


def observe(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Observation:
    """Return value and operations of a call of a student's or the reference's function.

    `outside` counts tensors that took part although nothing in the log made them: NumPy's, or
    those of an earlier call. Raises AssertionError where a student's call cannot be run without
    their process. A student's function is not asked to leave its arguments alone: call it for that.
    """
    if (ask := getattr(function, "observe", None)) is not None:
        seen: Observation = ask(*args, **kwargs)
        return seen
    return instruments.observe(function, args, kwargs)


class HasOperations(Protocol):
    """An observation, or a chain: what is made of operations."""

    @property
    def operations(self) -> tuple[str, ...]: ...


def busy(seen: HasOperations, allowed: frozenset[str] = frozenset()) -> str | None:
    """Return the first of torch's operations that does more than make room, copy and view memory.

    Without its space and overload, such as "mul"; None where there is none, so that what a right
    value needed beyond that was done by kernels. `allowed` are names of operations that may work
    as well.
    """
    for entry in seen.operations:
        space, _, operation = entry.partition("::")
        name = operation.split(".")[0]
        idle = space == "aten" and name.rstrip("_") in _IDLE | allowed
        if space != "triton" and not idle:
            return name
    return None
