import itertools
import math

import torch
from otter.test_files import test_case

from grader.testing.hints import hint

OK_FORMAT = False
name = "q2"
points = None

FLOAT32 = 2.0**-24


def fresh(*shape):
    return torch.full(shape, -math.inf), torch.zeros(shape)


def pair(state, asked, shape):
    fits = isinstance(state, tuple) and len(state) == 2
    with hint("The result is not the pair (m, l)."):
        assert fits, f"{asked} gave a {type(state).__name__}, not the pair (m, l)."
    for letter, part in zip("ml", state, strict=True):
        right = isinstance(part, torch.Tensor) and part.dtype == torch.float32
        with hint("m or l is no float32 tensor of the shape of the rows."):
            assert right, f"{letter} after {asked} is not a float32 tensor."
            assert part.shape == shape, f"{letter} after {asked} has shape {tuple(part.shape)}."
        with hint("The state holds NaN: a -inf was taken from a -inf."):
            assert not part.isnan().any(), f"{letter} after {asked} holds NaN."
    return state


def check_logsumexp(state, scores, steps, what):
    """Compare m with the maximum, and m + log l with logsumexp, within what float32 explains.

    A sum of n exps is off by n + 1 roundings, each step adds a rescale (a few more), and rounding
    an exponent D moves an exp by D roundings: on the whole row, the weighted mean depth twice.
    """
    m, summed = pair(state, what, scores.shape[:-1])
    wide = scores.to(torch.float64)
    top = wide.amax(dim=-1)
    with hint("m is not the largest score so far."):
        assert torch.equal(m.to(torch.float64), top), f"m after {what} is not the largest score."
    exps = (wide - top[..., None]).exp()
    total = exps.sum(-1)
    depth = torch.where(exps > 0, (top[..., None] - wide) * exps, 0.0).sum(-1) / total
    bound = FLOAT32 * (scores.shape[-1] + 6 * steps + 8 + 2 * depth)
    error = ((summed.to(torch.float64) - total) / total).abs()
    worst = int((error / bound).argmax())
    with hint(
        "m + log(l) is further off than rounding explains, as where an old sum is not rescaled."
    ):
        assert bool((error <= 2 * bound).all()), (
            f"{what}: m + log l is off by {float(error.flatten()[worst]):.3g} in row {worst}, and "
            f"rounding explains {float(bound.flatten()[worst]):.3g}: is the old sum rescaled?"
        )


def split(rng, scores, parts):
    inner = rng.integers(0, scores.shape[-1] + 1, parts - 1)
    cuts = [0, *sorted(int(cut) for cut in inner), scores.shape[-1]]
    return [scores[..., a:b] for a, b in itertools.pairwise(cuts)]


def run(update, chunks, shape):
    state = fresh(*shape)
    for chunk in chunks:
        state = update(*state, chunk)
    return state


@test_case(
    name="any split of a row",
    points=0.25,
    hidden=True,
    failure_message=(
        "After any split of a row into chunks, m + log(l) is the row's logsumexp. See step 2."
    ),
)
def test_splits(online_softmax_update, rng):
    for n, parts, spread in ((50, 3, 1.0), (200, 9, 20.0), (64, 64, 5.0), (1000, 2, 300.0)):
        scores = torch.from_numpy(rng.standard_normal((4, n)) * spread).to(torch.float32)
        state = run(online_softmax_update, split(rng, scores, parts), (4,))
        check_logsumexp(state, scores, parts, f"{n} scores in {parts} chunks")


@test_case(
    name="scores in rising and falling order",
    points=0.5,
    hidden=True,
    failure_message=(
        "When the maximum rises, the old sum is rescaled; when it does not, nothing is "
        "lost. See step 2."
    ),
)
def test_order(online_softmax_update):
    rising = torch.linspace(-300, 300, 60)[None, :].repeat(2, 1)
    rising[1] = rising[1] / 100
    for what, scores in (("rising scores", rising), ("falling scores", rising.flip(-1))):
        chunks = scores.split(5, dim=-1)
        check_logsumexp(run(online_softmax_update, chunks, (2,)), scores, 12, what)
    # So far down a float32 has steps of 0.002, which a right answer by way of logsumexp shows.
    low = rising - 30_000
    m, total = pair(run(online_softmax_update, low.split(5, dim=-1), (2,)), "low scores", (2,))
    with hint("Of scores far below 0, m is not the largest."):
        assert torch.equal(m, low.amax(-1)), f"m after rising scores around -30000 is {m.tolist()}."
    expected = (low - m[:, None]).exp().sum(-1)
    with hint("Of scores far below 0, l is off: a running logsumexp in float32 loses it."):
        assert torch.allclose(total, expected, rtol=0.01), f"l around -30000 is {total.tolist()}."


@test_case(
    name="chunks of other dtypes and shapes",
    points=0.25,
    hidden=True,
    failure_message=(
        "Chunks of any float format and leading shape go into a float32 state. See the "
        "docstring of q2."
    ),
)
def test_dtypes(online_softmax_update, rng):
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        scores = torch.from_numpy(rng.standard_normal((2, 3, 3000)) * 0.5 + 11.5).to(dtype)
        scores = scores if dtype != torch.float64 else scores.to(torch.float32).to(dtype)
        state = run(online_softmax_update, scores.split(1000, dim=-1), (2, 3))
        check_logsumexp(state, scores, 3, f"{dtype} chunks of shape (2, 3, 1000)")
    row = torch.tensor([3.0, 1.0, 2.0])
    check_logsumexp(run(online_softmax_update, [row], ()), row, 1, "a chunk of shape (3,)")


@test_case(
    name="chunks in which nothing is visible",
    points=0.5,
    hidden=True,
    failure_message=(
        "A chunk of only -inf, or of nothing, leaves the state as it was: no NaN. See the "
        "docstrings of q2."
    ),
)
def test_nothing(online_softmax_update, online_softmax_merge):
    nothing = [torch.zeros((2, 0)), torch.full((2, 4), -math.inf), torch.zeros((2, 0))]
    m, total = pair(run(online_softmax_update, nothing, (2,)), "empty and masked chunks", (2,))
    fits = bool((m == -math.inf).all()) and bool((total == 0).all())
    with hint("Chunks of which nothing is visible change a state that has seen nothing."):
        assert fits, (
            f"After empty and masked chunks the state is m = {m.tolist()}, l = {total.tolist()}."
        )
    mixed = torch.tensor([[-math.inf, -math.inf, 2.0], [-1.0, -math.inf, -math.inf]])
    chunks = [nothing[1], mixed, nothing[0], nothing[1]]
    state = run(online_softmax_update, chunks, (2,))
    check_logsumexp(state, mixed, 4, "scores between masked chunks")
    for order in ((state, fresh(2)), (fresh(2), state)):
        merged = online_softmax_merge(*order[0], *order[1])
        check_logsumexp(merged, mixed, 5, "a merge with a part that has seen nothing")
    m, total = pair(online_softmax_merge(*fresh(2), *fresh(2)), "a merge of two such parts", (2,))
    fits = bool((m == -math.inf).all()) and bool((total == 0).all())
    with hint("A merge of two states that have seen nothing is no such state."):
        assert fits, f"A merge of two fresh states is m = {m.tolist()}, l = {total.tolist()}."


@test_case(
    name="parts in any order and grouping",
    points=0.25,
    hidden=True,
    failure_message=(
        "The order of two parts does not matter, nor the grouping of more than two. See "
        "“Two halves make a whole” in step 2."
    ),
)
def test_merges(online_softmax_update, online_softmax_merge, rng):
    scores = torch.from_numpy(rng.standard_normal((3, 90)) * 15).to(torch.float32)
    # Another part has the largest score in each row, so that no part wins them all.
    for row, at in enumerate((5, 40, 80)):
        scores[row, at] = scores[row].max() + 1
    chunks = scores.split((20, 25, 15, 30), dim=-1)
    a, b, c, d = (run(online_softmax_update, [chunk], (3,)) for chunk in chunks)

    def merge(one, two):
        return online_softmax_merge(*one, *two)

    ways = {
        "((a b) c) d": lambda: merge(merge(merge(a, b), c), d),
        "a (b (c d))": lambda: merge(a, merge(b, merge(c, d))),
        "(d b) (a c)": lambda: merge(merge(d, b), merge(a, c)),
    }
    for what, way in ways.items():
        check_logsumexp(way(), scores, 8, f"the merge {what}")


@test_case(
    name="states handed in stay",
    points=0.25,
    hidden=True,
    failure_message="The arguments are not changed. See the docstrings of q2.",
)
def test_inputs(online_softmax_update, online_softmax_merge):
    given = [
        torch.tensor([1.0, -math.inf]),
        torch.tensor([2.0, 0.0]),
        torch.tensor([3.0, 0.0]),
        torch.tensor([1.5, 1.0]),
        torch.ones(2, 4),
    ]
    before = [tensor.clone() for tensor in given]
    e = math.exp(-2)
    for what, state, wanted in (
        ("a chunk of ones", online_softmax_update(given[0], given[1], given[4]), [6.0, 4.0]),
        ("a merge", online_softmax_merge(*given[:4]), [2 * e + 1.5, 1.0]),
    ):
        _, summed = pair(state, what, (2,))
        with hint("The state that came back is not right."):
            close = torch.allclose(summed, torch.tensor(wanted), rtol=1e-5, atol=0)
            assert close, f"l after {what} is {summed.tolist()}, not {wanted}."
    for letter, tensor, old in zip(("m", "l", "m2", "l2", "chunk"), given, before, strict=True):
        with hint("An argument was changed in place."):
            assert torch.equal(tensor, old), f"{letter} was changed in place."
