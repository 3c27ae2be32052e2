"""Many calls of an attention function from one small request: what `timing` compares.

    right = chain.chain(reference.attention, shape=(2, 16, 4096, 64), dtype="float16",
                        device=device, seed=seed, steps=steps, causal=True)

Only numbers cross to a student's process and back, so a judge's clock times the calls and no
transfer. `timing.projection_bound` says how far two right answers may lie apart.
"""

from collections.abc import Callable, Sequence
from typing import Any

from grader.sandbox.inside import instruments

__all__ = ["chain"]


def chain(
    function: Callable[..., Any],
    /,
    *args: Any,
    shape: Sequence[int],
    dtype: str,
    seed: int,
    steps: int,
    device: str = "cpu",
    **kwargs: Any,
) -> dict[str, Any]:
    """Call function(query, key, value, *args, **kwargs) `steps` times, on inputs drawn from a seed.

    shape: (batch, heads, length, d) of query, key and value, standard normal in `dtype`; each
    query but the first holds an eighth of the last result. Returns two CPU tensors in float64:
    projections (batch * heads, 8) of the results' sum with random signs, and norms (batch *
    heads,) of the last result.
    """
    inputs: dict[str, Any] = {
        "shape": shape, "dtype": dtype, "seed": seed, "steps": steps, "device": device,
    }  # fmt: skip
    if (ask := getattr(function, "chain", None)) is not None:
        told: dict[str, Any] = ask(*args, **inputs, **kwargs)
        return told
    return instruments.chain(function, args, kwargs, **inputs)
