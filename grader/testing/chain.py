"""Many calls of an attention function from one small request: what `timing` compares.

    run = chain.prepare(attention, shape=(2, 16, 4096, 64), dtype="float16", device=device,
                        causal=True)
    told = run(seed, steps)

Only numbers cross to the process that computes and back, so a judge's clock times the calls and
no transfer. A student's function is asked once, in `prepare`, what a call is made of; the calls
are then made in a process that has run no student's cell, so that nothing is put off, remembered or
made up. `timing.projection_bound` says how far two right answers may lie apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.sandbox.inside import instruments
from grader.sandbox.wire.findings import Sums

if TYPE_CHECKING:
    import torch

__all__ = ["Chain", "Sums", "prepare"]


@dataclass(frozen=True, slots=True)
class Chain:
    """Calls in a row of one function, on inputs of one kind.

    operations: what each call is made of, as in `observe`; empty for a function of the reference.
    """

    run: Callable[[int, int], Sums]
    operations: tuple[str, ...] = ()

    def __call__(self, seed: int, steps: int) -> Sums:
        """Call the function `steps` times on inputs drawn from a seed.

        Query, key and value are standard normal and drawn afresh for each call; each query but
        the first also holds an eighth of the last result. Returns two CPU tensors in float64:
        projections (heads, 8) of the results' sum with random signs, and norms (heads,) of the
        last result.
        """
        return self.run(seed, steps)


def prepare(
    function: Callable[..., Any],
    /,
    *args: Any,
    shape: Sequence[int],
    dtype: str,
    device: str = "cpu",
    **kwargs: Any,
) -> Chain:
    """Return chains of function(query, key, value, *args, **kwargs) for one kind of inputs.

    shape: (batch, heads, length, d) of query, key and value. AssertionError where a student's
    call cannot be run without their process.
    """
    kind: dict[str, Any] = {"shape": tuple(shape), "dtype": dtype, "device": device}
    if (ask := getattr(function, "record", None)) is not None:
        recording = ask(*_blank(kind), *args, **kwargs)
        return Chain(
            lambda seed, steps: recording.chain(kind, seed=seed, steps=steps),
            recording.operations,
        )
    return Chain(
        lambda seed, steps: instruments.chain(
            function, args, kwargs, seed=seed, steps=steps, **kind
        )
    )


def _blank(kind: dict[str, Any]) -> list["torch.Tensor"]:
    import torch

    like = {"dtype": getattr(torch, kind["dtype"]), "device": kind["device"]}
    return [torch.zeros(kind["shape"], **like) for _ in range(3)]
