import math

import torch
from otter.test_files import test_case

OK_FORMAT = False
name = "q3"
points = None


def draws(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def check(got, expected, like, asked, hint, tolerance):
    assert isinstance(got, torch.Tensor), f"{asked} returned a {type(got).__name__}, not a tensor."
    right_shape = tuple(expected.shape)
    assert got.shape == expected.shape, f"{asked} has shape {tuple(got.shape)}, not {right_shape}."
    assert got.dtype == like.dtype, f"{asked} is {got.dtype}, not the inputs' {like.dtype}."
    finite = bool(got.isfinite().all())
    assert finite, f"{asked} holds NaN or inf where every entry is a plain number: {hint}."
    error = (got.double() - expected).abs()
    worst = error.flatten().argmax()
    entry, right = float(got.flatten()[worst]), float(expected.flatten()[worst])
    assert float(error.max()) <= tolerance, (
        f"{asked} has an entry {entry:.6g} where {right:.6g} is right: {hint}."
    )


def by_hand(q, k, v, seen, scale=None):
    scale = 1 / math.sqrt(q.shape[1]) if scale is None else scale
    rows = []
    for i in range(q.shape[0]):
        scores = [float(q[i] @ k[j]) * scale for j in range(k.shape[0])]
        weights = [math.exp(s) if seen(i, j) else 0.0 for j, s in enumerate(scores)]
        total = sum(weights) or 1.0
        rows.append(sum(w / total * v[j] for j, w in enumerate(weights)))
    return torch.stack(rows)


@test_case(name="a small head", points=0.5, hidden=False)
def test_small(attention_forward):
    q, k, v = (draws((4, 8), seed) for seed in (1, 2, 3))
    expected = by_hand(q.double(), k.double(), v.double(), lambda *_: True)
    asked = "attention_forward of a 4 x 8 head in float32"
    hint = "the scores are Q K^T / sqrt(8), and each row of weights sums to 1"
    check(attention_forward(q, k, v), expected, q, asked, hint, 1e-5)


@test_case(name="products past 65504 in float16", points=0.5, hidden=False)
def test_large_products(attention_forward):
    q = torch.full((2, 64), 32.0, dtype=torch.float16)
    v = torch.tensor([[1.0], [3.0]], dtype=torch.float16)
    expected = torch.full((2, 1), 2.0, dtype=torch.float64)
    asked = "attention_forward of q = k = 32 everywhere, d = 64, in float16"
    hint = "q k^T is 65536, which float16 cannot hold, and scaling it afterwards is too late"
    check(attention_forward(q, q, v), expected, v, asked, hint, 1e-2)
    q, k, v = draws((32, 16), 10), draws((16, 16), 11), draws((16, 16), 12)
    q, k, v = (20 * q).half(), k.half(), v.half()
    expected = by_hand(q.double(), k.double(), v.double(), lambda *_: True)
    asked = "attention_forward in float16, of scores up to 70,"
    hint = "float16 rounds such a score by up to 0.03, so keep scores and weights in float32"
    check(attention_forward(q, k, v), expected, v, asked, hint, 4e-3)


@test_case(name="the scale that is asked for", points=0.25, hidden=False)
def test_scale(attention_forward):
    q, k, v = draws((3, 16), 13), draws((5, 16), 14), draws((5, 16), 15)
    for scale in (1.0, 0.1):
        wide = (tensor.double() for tensor in (q, k, v))
        expected = by_hand(*wide, lambda *_: True, scale)
        asked = f"attention_forward(scale={scale}) of 3 queries and 5 keys, d = 16,"
        hint = "`scale` takes the place of 1 / sqrt(d), which holds where none is given"
        check(attention_forward(q, k, v, scale=scale), expected, q, asked, hint, 1e-5)


@test_case(name="causal, with more keys than queries", points=0.5, hidden=False)
def test_causal(attention_forward):
    q, k, v = draws((3, 8), 4), draws((5, 8), 5), draws((5, 8), 6)
    expected = by_hand(q.double(), k.double(), v.double(), lambda i, j: j <= i + 2)
    asked = "attention_forward(causal=True) of 3 queries and 5 keys"
    hint = "query i sees key j only where j <= i + (N - M), so the last query sees every key"
    check(attention_forward(q, k, v, causal=True), expected, q, asked, hint, 1e-5)


@test_case(name="the inputs stay as they are", points=0.25, hidden=False)
def test_inputs_kept(attention_forward):
    given = [draws((3, 4), seed) for seed in (7, 8, 9)]
    before = [tensor.clone() for tensor in given]
    got = attention_forward(*given, causal=True)
    expected = by_hand(*(tensor.double() for tensor in before), lambda i, j: j <= i)
    asked = "attention_forward(causal=True) of a 3 x 4 head"
    check(got, expected, given[0], asked, "query i sees the keys j <= i", 1e-5)
    for letter, tensor, old in zip("QKV", given, before, strict=True):
        assert torch.equal(tensor, old), (
            f"{letter} is another after attention_forward(Q, K, V, causal=True): work on copies, "
            "and avoid *=, /= and operations that end in an underscore."
        )
