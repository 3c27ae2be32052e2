import math

import torch
from otter.test_files import test_case

from grader.testing import observe
from grader.testing.hints import hint

OK_FORMAT = False
name = "q3_tiled"
points = None

PRODUCTS = {"mm", "bmm", "addmm", "baddbmm", "matmul", "einsum", "linear", "mv", "addmv", "dot"}


def check(state, truth, what):
    """Compare a state with the whole rows' in float64, within what float32 explains."""
    with hint("The answer is no tuple of three tensors of the promised shapes."):
        assert isinstance(state, tuple | list), f"{what}: a {type(state).__name__}, not m, l, acc."
        assert len(state) == len(truth), f"{what}: {len(state)} values, not m, l and acc."
        for (letter, (right, _)), got in zip(truth.items(), state, strict=True):
            fits = isinstance(got, torch.Tensor) and got.shape == right.shape
            assert fits, f"{what}: {letter} is no tensor of shape {tuple(right.shape)}."
            assert got.is_floating_point(), f"{what}: {letter} is {got.dtype}."
    for (letter, (right, bound)), got in zip(truth.items(), state, strict=True):
        error = (got.double() - right).abs()
        with hint(
            "m, l or acc is further off than rounding explains, as where a factor is missing, a "
            "tile is left out or m does not start at -inf."
        ):
            assert bool((error <= bound).all()), (
                f"{what}: {letter} is off by {float(error.max()):.3g}, and rounding explains "
                f"{float(bound.max()):.3g}."
            )


def truth_of(q, k, v):
    """Return m, l and acc in float64 with their bounds; before a call that might change q."""
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
    return {
        letter: (right, 2 * sizes[letter] * (off if right.ndim == 1 else off[:, None]))
        for letter, right in rights.items()
    }


@test_case(
    name="scores that rise, and a shorter last tile",
    points=0.25,
    hidden=True,
    failure_message=(
        "The docstring promises any N, with a last tile that may be shorter, and a state that is "
        "right whenever the maximum moves. See “Tiles in torch” in step 4."
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
        k[-1] = 60 * q[0] / q[0].norm()  # the last tile makes all before it vanish, in one row
        what = f"{queries} queries, {keys} keys, block = {block}"
        truth = truth_of(q, k, v)
        check(attention_tiled(q, k, v, block), truth, what)


@test_case(
    name="tile by tile",
    points=0.25,
    hidden=True,
    failure_message=(
        "The docstring promises that scores are made, used and forgotten tile by tile. See “Tiles "
        "in torch” in step 4."
    ),
)
def test_tile_by_tile(attention_tiled, rng):
    q, k, v = (torch.from_numpy(rng.standard_normal((n, 8))).float() for n in (6, 40, 40))
    truth = truth_of(q, k, v)
    seen = observe.observe(attention_tiled, q, k, v, 4)
    named = [entry.removeprefix("aten::").split(".")[0] for entry in seen.operations]
    exps = sum(operation.rstrip("_") in {"exp", "exp2"} for operation in named)
    products = sum(operation in PRODUCTS for operation in named)
    tiles = 10
    with hint("Fewer tiles were made than `block` asks for."):
        assert max(exps, products) >= tiles, (
            f"{tiles} tiles were asked for; there are {exps} exps and {products} matrix products."
        )
    check(seen.value, truth, "6 queries, 40 keys, block = 4")
