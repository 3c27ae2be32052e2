"""What a call does beside giving a value: torch operations in order, and Triton launches.

    seen = observe.observe(attention, q, k, v, causal=True)
    assert any(name.startswith("triton::") for name in seen.operations)

Operations have torch's names (`aten::exp`). `triton::<kernel>` is a launch; `python::<what>` is a
way around torch's dispatcher, and `SAME_WITHOUT_KERNELS` ends the log of a call whose answer stays
the same when its kernels do nothing. What a student's process tells is evidence for honest code
and no proof against a dishonest one: let a value, too, depend on what is asked for.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from grader.sandbox.inside import instruments
from grader.sandbox.inside.instruments import SAME_WITHOUT_KERNELS

if TYPE_CHECKING:
    from grader.sandbox.proxies import Observation

__all__ = ["SAME_WITHOUT_KERNELS", "observe"]


def observe(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Observation":
    """Call a student's or the reference's function and return value, operations and seconds.

    A call that launches kernels is made twice, the second time without them. seconds: the wall
    time of the first call where it ran; for a measurement use `timing`.
    """
    if (ask := getattr(function, "observe", None)) is not None:
        seen: Observation = ask(*args, **kwargs)
        return seen
    return _observed_here(function, args, kwargs)


def _observed_here(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> "Observation":
    # A bare GPU machine runs these tests without what this import needs.
    from grader.sandbox.proxies import Observation

    return Observation(**instruments.observe(function, args, kwargs))
