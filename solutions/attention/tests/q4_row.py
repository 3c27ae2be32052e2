import warnings

import numpy as np
import torch
from otter.test_files import test_case

from grader.testing import observe
from grader.testing.hints import hint

OK_FORMAT = False
name = "q4_row"
points = None


@test_case(
    name="long rows and large scores, from a kernel",
    points=0.25,
    hidden=True,
    failure_message=(
        "The docstring promises one pass of a Triton kernel with m and l in float32, for any "
        "number of whole tiles. See “The online softmax of a row, in a kernel” in step 5."
    ),
)
def test_long(row_logsumexp, rng):
    rising = np.linspace(-40, 40, 320)[None, :] * np.array([[1.0], [-1.0], [0.01]])
    for what, given in (
        ("4096 equal scores", np.full((2, 4096), 3.0)),
        ("scores that rise and fall along the row", rising),
        ("scores up to 60000", rng.uniform(-1, 1, (5, 192)) * 60000),
        ("one tile", rng.standard_normal((4, 64))),
    ):
        x = torch.from_numpy(given).half()
        right = torch.logsumexp(x.double(), 1)
        # l is off by n + some roundings, which log makes absolute; m + log l is rounded once.
        bound = 2.0**-24 * (x.shape[1] + 200 + right.abs())
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            seen = observe.observe(row_logsumexp, x)
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
        with hint("A row's m + log(l) is further off than m and l in float32 explain."):
            assert bool((error <= 2 * bound).all()), (
                f"{what}: off by {float(error.max()):.3g}, and rounding explains "
                f"{float(bound.max()):.3g}."
            )
