import math

import torch
from otter.test_files import test_case

OK_FORMAT = False
name = "q3_tiled"
points = None


def exact_state(q, k, v):
    """Return m, l and acc of whole rows, in float64."""
    scores = q.double() @ k.double().T / math.sqrt(q.shape[1])
    m = scores.amax(1)
    weights = torch.exp(scores - m[:, None])
    return m, weights.sum(1), weights @ v.double()


def mistake(letter, got, q, k, v):
    """Return a hint where a part of the state is that of a known mistake, else None."""
    _, l, acc = exact_state(q, k, v)  # noqa: E741
    first, last = (exact_state(q, part, v[: len(part)])[0] for part in (k[:4], k[8:]))
    known = {
        "m": (
            (first, "it is that of the first tile alone: no `return` may stand inside the loop"),
            (last, "it is that of the last tile alone: the old m takes part in the new one"),
        ),
        "l": (),
        "acc": ((acc / l[:, None], "it is divided by l already: return the sum itself"),),
    }
    found = (hint for answer, hint in known[letter] if torch.allclose(got.double(), answer))
    return next(found, None)


def check(attention_tiled, q, k, v, asked):
    rights = exact_state(q, k, v)
    state = attention_tiled(q, k, v, 4)
    assert isinstance(state, tuple), f"{asked} returned a {type(state).__name__}; return m, l, acc."
    assert len(state) == 3, f"{asked} returned {len(state)} values; return m, l, acc."
    hints = {
        "m": "it is the largest score so far, scaled by 1 / sqrt(d)",
        "l": "where the maximum rises, the old sum is multiplied by exp(old m - new m)",
        "acc": "it is repaired with the same factor as l, before the new tile's share is added",
    }
    for (letter, hint), got, right in zip(hints.items(), state, rights, strict=True):
        assert isinstance(got, torch.Tensor), f"{letter} after {asked} must be a tensor."
        shape = tuple(got.shape)
        assert shape == tuple(right.shape), (
            f"{letter} after {asked} has shape {shape}, not {tuple(right.shape)}."
        )
        error = (got.double() - right).abs().flatten()
        worst = int(error.argmax())
        entry, wanted = float(got.flatten()[worst]), float(right.flatten()[worst])
        assert bool((error <= 1e-4).all()), (
            f"{letter} after {asked} is {entry:.5g} where {wanted:.5g} is right: "
            f"{mistake(letter, got, q, k, v) or hint}."
        )


@test_case(name="the state after three tiles", points=0.5, hidden=False)
def test_three_tiles(attention_tiled):
    draw = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(rows, 8, generator=draw) for rows in (4, 12, 12))
    k[8:] *= 3  # so that the last tile raises the maximum
    check(attention_tiled, q, k, v, "attention_tiled of 4 queries and 12 keys, block=4,")
    asked = "attention_tiled, block=4, where all scores are negative (m starts at -inf),"
    check(attention_tiled, q.abs(), -k.abs(), v, asked)
