"""What the instruments find out about a call, as plain records; the standard library only."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Observation:
    """What a call gave, and the operations that gave it.

    operations: torch's names (`aten::exp`) and `triton::<kernel>`, in order. outside: how many
    tensors took part that no operation of the call made and no argument was, NumPy's for example.
    """

    value: Any
    operations: tuple[str, ...]
    outside: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a kernel compiles to for a target.

    error: one sentence, or None. fault: "kernel", or "tool" where Triton's own parts did not fit,
    or None. shared_bytes: of shared memory, 0 where that was not worked out. tf32: products of
    float32 are rounded to TF32. f16_accumulate: products are added up in float16.
    """

    kernel: str
    target: str
    error: str | None = None
    fault: str | None = None
    shared_bytes: int = 0
    tf32: bool = False
    f16_accumulate: bool = False


@dataclass(frozen=True, slots=True)
class Compilation:
    """A call as it was seen, and what its kernels compile to: one finding a kernel and target."""

    seen: Observation
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Sums:
    """What a chain of calls commits to, as CPU tensors in float64.

    projections: (heads, 8), of the results' sum with random signs. norms: (heads,), of the last
    result.
    """

    projections: "torch.Tensor"
    norms: "torch.Tensor"
