import warnings

import numpy as np
import torch
from otter.test_files import test_case

from grader.testing import observe
from grader.testing.hints import hint

OK_FORMAT = False
name = "q4_tile"
points = None


@test_case(
    name="scores past float16, from a kernel",
    points=0.25,
    hidden=True,
    failure_message=(
        "The docstring promises a Triton kernel whose products are summed and scaled in float32. "
        "See “A kernel that multiplies one tile” in step 5."
    ),
)
def test_large(tile_scores, rng):
    signs = rng.choice([-1.0, 1.0], size=(32, 1))
    large = [np.full((16, 64), 32.0), signs * np.full((32, 64), 32.0)]
    for what, given in (
        ("products of 65536, past float16, before scaling", large),
        ("64 queries, 16 keys, d = 16", [rng.standard_normal((n, 16)) for n in (64, 16)]),
        ("square tiles", [rng.standard_normal((32, 32)) for _ in range(2)]),
    ):
        q, k = (torch.from_numpy(x).half() for x in given)
        d = q.shape[1]
        right = q.double() @ k.double().T / d**0.5
        size = q.double().abs() @ k.double().abs().T / d**0.5
        bound = 2.0**-24 * (d + 4) * size + 2.0**-140
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            seen = observe.observe(tile_scores, q, k)
        with hint("No Triton kernel was launched."):
            assert any(entry.startswith("triton::") for entry in seen.operations), (
                f"{what}: no Triton kernel was launched."
            )
        busy = observe.busy(seen)
        with hint("A torch operation does mathematics beside the kernel."):
            assert not busy, f"{what}: torch's {busy} works beside the kernel."
        got = seen.value
        with hint("The answer is no float32 tensor of the promised shape."):
            fits = isinstance(got, torch.Tensor) and got.shape == right.shape
            assert fits, f"{what}: the answer is no tensor of shape {tuple(right.shape)}."
            assert got.dtype == torch.float32, f"{what}: the answer is {got.dtype}."
        error = (got.double() - right).abs()
        with hint("Scores are further off than products summed and scaled in float32 explain."):
            assert bool((error <= 2 * bound).all()), (
                f"{what}: off by {float(error.max()):.3g}, and rounding explains "
                f"{float(bound.max()):.3g}."
            )
