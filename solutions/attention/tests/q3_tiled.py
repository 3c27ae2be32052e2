import math

import torch
from otter.test_files import test_case

from grader.testing import observe
from grader.testing.hints import hint

OK_FORMAT = False
name = "q3_tiled"
points = None

PRODUCTS = {"mm", "bmm", "addmm", "baddbmm", "matmul", "einsum", "linear", "mv", "addmv", "dot"}


def check(state, q, k, v, what):
    """Compare a state with the whole rows' in float64, within what float32 explains."""
    scores = q.double() @ k.double().T / math.sqrt(q.shape[1])
    m = scores.amax(1)
    weights = torch.exp(scores - m[:, None])
    rights = {"m": m, "l": weights.sum(1), "acc": weights @ v.double()}
    # A score is off by some roundings of the products it sums, and its exp by as much; all of
    # an acc's terms count, whatever their signs, and each tile adds a rescale.
    size = q.double().abs() @ k.double().abs().T / math.sqrt(q.shape[1])
    off = 2.0**-24 * (q.shape[1] + 8 + k.shape[0] + 2 * size.amax(1) * (q.shape[1] + 4))
    sizes = {
        "m": size.amax(1),
        "l": weights.sum(1),
        "acc": weights @ v.double().abs(),
    }
    for (letter, right), got in zip(rights.items(), state, strict=True):
        bound = 2 * sizes[letter] * (off if right.ndim == 1 else off[:, None])
        error = (got.double() - right).abs()
        assert bool((error <= bound).all()), (
            f"{what}: {letter} is off by {float(error.max()):.3g}, and rounding explains "
            f"{float(bound.max()):.3g}."
        )


@test_case(
    name="scores that rise, and a shorter last tile",
    points=0.25,
    hidden=True,
    failure_message=(
        "The docstring promises any N, with a last tile that may be shorter, and a state that is "
        "right whenever the maximum moves: read “Tiles in torch” again."
    ),
)
def test_rising(attention_tiled, rng):
    for queries, keys, d, e, block in ((5, 37, 8, 3, 8), (3, 5, 16, 4, 8), (4, 33, 4, 4, 32)):
        q, k, v = (
            torch.from_numpy(rng.standard_normal(shape)).float()
            for shape in ((queries, d), (keys, d), (keys, e))
        )
        rise = torch.linspace(-3, 6, keys)[:, None] * q.mean(0) / q.mean(0).norm()
        k = k + 2 * rise
        what = f"{queries} queries, {keys} keys, block = {block}"
        check(attention_tiled(q, k, v, block), q, k, v, what)


@test_case(
    name="tile by tile",
    points=0.25,
    hidden=True,
    failure_message=(
        "The docstring promises that scores are made, used and forgotten tile by tile: read “Tiles "
        "in torch” again."
    ),
)
def test_tile_by_tile(attention_tiled, rng):
    q, k, v = (torch.from_numpy(rng.standard_normal((n, 8))).float() for n in (6, 40, 40))
    seen = observe.observe(attention_tiled, q, k, v, 4)
    named = [entry.removeprefix("aten::").split(".")[0] for entry in seen.operations]
    exps = sum(operation.rstrip("_") in {"exp", "exp2"} for operation in named)
    products = sum(operation in PRODUCTS for operation in named)
    tiles = 10
    with hint("Fewer tiles were made than `block` asks for."):
        assert max(exps, products) >= tiles, (
            f"{tiles} tiles were asked for; there are {exps} exps and {products} matrix products."
        )
    check(seen.value, q, k, v, "6 queries, 40 keys, block = 4")
