import warnings

import numpy as np
import torch
from otter.test_files import test_case

from grader.testing import numerics, observe
from grader.testing.hints import hint

OK_FORMAT = False
name = "q4_head"
points = None


@test_case(
    name="several query tiles, and scores that rise",
    points=0.5,
    hidden=True,
    failure_message=(
        "The docstring promises any number of whole tiles of queries and keys, with scores, m, l "
        "and acc in float32, from a Triton kernel. See “One head of whole tiles” in step 5."
    ),
)
def test_tiles(head_attention, rng):
    for what, queries, keys, d, size, mean, drop in (
        ("192 queries, 256 keys, d = 16", 192, 256, 16, 1.0, 0.0, 0.0),
        # Nearly equal scores: the accumulator passes float16, its quotient by l does not.
        ("V with a mean of 500, d = 64", 64, 192, 64, 0.01, 500.0, 0.0),
        # The first query's scores fall by more than a float32 exp can make up for.
        ("scores that fall, d = 128", 64, 128, 128, 1.0, 0.0, 8.0),
        # Relative to 0 every weight is 0 in float16.
        ("scores around -30, d = 32", 64, 64, 32, 1.0, 0.0, 0.0),
    ):
        q, k, v = (rng.standard_normal((n, d)) for n in (queries, keys, keys))
        q[0] = 2 * np.sign(q[0])
        k += np.linspace(-0.2, 0.4, keys)[:, None] * np.sign(q[0])
        k[:64] += drop * np.sign(q[0])
        if what == "scores around -30, d = 32":
            q, k = 3 * np.abs(q), -3 * np.abs(k)
        q, k, v = (torch.from_numpy(x).half() for x in (size * q, k, v + mean))
        truth = numerics.attention_truth(q, k, v)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            seen = observe.observe(head_attention, q, k, v)
        with hint("No Triton kernel was launched."):
            assert any(entry.startswith("triton::") for entry in seen.operations), (
                f"{what}: no Triton kernel was launched."
            )
        busy = observe.busy(seen)
        with hint("A torch operation does mathematics beside the kernel."):
            assert not busy, f"{what}: torch's {busy} works beside the kernel."
        with hint(
            "The answer is further off than rounding explains: is each tile visited, m started at "
            "-inf, and are m, l and acc repaired in float32?"
        ):
            numerics.assert_within_bound(
                seen.value, truth.expected, truth.bound, what=what, dtype="float16"
            )
