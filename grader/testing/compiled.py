"""Whether the kernels that a call launches compile for some GPU, which need not be here.

for found in compiled.compile_kernels(attention, q, k, v, targets=("sm_80", "sm_90")).findings:
    assert found.fault != "kernel", f"{found.kernel}: {found.error}"
"""

from collections.abc import Callable
from typing import Any

from grader.sandbox.inside import instruments
from grader.sandbox.wire.findings import Compilation, Finding

__all__ = ["Compilation", "Finding", "compile_kernels"]


def compile_kernels(
    function: Callable[..., Any],
    /,
    *args: Any,
    targets: tuple[str, ...] = ("sm_80", "sm_90"),
    **kwargs: Any,
) -> Compilation:
    """Compile the kernels that a student's or the reference's call launches.

    `seen` is the call as in `observe`, made of the same kernels: check its value, too, or a kernel
    that does nothing will do. `findings` holds one finding a kernel and target. A student's kernels
    are compiled from their text, in a process that has run no student's cell; AssertionError where
    that cannot be.
    """
    if (ask := getattr(function, "compile_kernels", None)) is not None:
        found: Compilation = ask(*args, targets=targets, **kwargs)
        return found
    return Compilation(
        instruments.observe(function, args, kwargs),
        tuple(instruments.compile_kernels(function, args, kwargs, targets)),
    )
