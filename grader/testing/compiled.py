"""Whether the kernels that a call launches compile for some GPU, which need not be here.

for found in compiled.compile_kernels(attention, q, k, v, targets=("sm_80", "sm_90")):
    assert found["fault"] != "kernel", f"{found['kernel']}: {found['error']}"
"""

from collections.abc import Callable
from typing import Any

from grader.sandbox.inside import instruments

__all__ = ["compile_kernels"]


def compile_kernels(
    function: Callable[..., Any],
    /,
    *args: Any,
    targets: tuple[str, ...] = ("sm_80", "sm_90"),
    **kwargs: Any,
) -> list[dict[str, Any]]:
    """Compile the kernels that a student's or the reference's call launches; none of them runs.

    Returns one finding a kernel and target: kernel and target (names), error (one sentence or
    None), fault ("kernel", or "tool" where Triton's own parts did not fit, or None), shared_bytes,
    and ptx_flags (a dict of bools: tf32, f16_accumulate).
    """
    if (ask := getattr(function, "compile_kernels", None)) is not None:
        found: list[dict[str, Any]] = ask(*args, targets=targets, **kwargs)
        return found
    return instruments.compile_kernels(function, args, kwargs, targets)
