import torch
from otter.test_files import test_case

from grader.testing import numerics, observe
from grader.testing.hints import hint

OK_FORMAT = False
name = "q3"
points = None


def draw(rng, dtype, *shapes, spread=1.0):
    return [
        torch.from_numpy(rng.standard_normal(shape) * spread).to(getattr(torch, dtype))
        for shape in shapes
    ]


def check(attention_forward, q, k, v, what, *, causal=False, scale=None):
    truth = numerics.attention_truth(q, k, v, causal=causal, scale=scale)
    got = attention_forward(q, k, v, causal=causal, scale=scale)
    dtype = str(q.dtype).removeprefix("torch.")
    blind = max(q.shape[-2] - k.shape[-2], 0)
    if causal and isinstance(got, torch.Tensor) and got.shape == truth.expected.shape:
        with hint("A query that sees no key does not get zeros."):
            assert not got[..., :blind, :].any(), f"{what}: the first {blind} queries see no key."
    numerics.assert_within_bound(got, truth.expected, truth.bound, what=what, dtype=dtype)


def check_plain(attention_forward, rng):
    """Check what has nothing to do with a case, so that the case's own hints are true."""
    q, k, v = draw(rng, "float32", (6, 16), (9, 16), (9, 16))
    with hint("One small head without a mask comes out wrong already: see the public tests first."):
        check(attention_forward, q, k, v, "one small head without a mask")


@test_case(
    name="every float dtype",
    points=0.25,
    hidden=True,
    failure_message=(
        "The result has the inputs' format and is as near to the truth as its rounding "
        "allows. See step 3."
    ),
)
def test_dtypes(attention_forward, rng):
    for dtype in ("float16", "bfloat16", "float32", "float64"):
        for spread in (0.1, 1.0, 4.0):
            q, k, v = draw(rng, dtype, (2, 24, 32), (2, 40, 32), (2, 40, 32), spread=spread)
            with hint(
                "The result has another format, or is further off than rounding in it explains."
            ):
                check(attention_forward, q, k, v, f"{dtype} heads of spread {spread:g}")


@test_case(
    name="causal, however many keys",
    points=0.25,
    hidden=True,
    failure_message=(
        "Query i sees key j only where j <= i + (N - M): the last query sees every key, and "
        "a query that sees none gets zeros. See step 3."
    ),
)
def test_causal(attention_forward, rng):
    check_plain(attention_forward, rng)
    for queries, keys in ((16, 16), (5, 23), (1, 9), (23, 5), (9, 1)):
        shapes = (2, queries, 16), (2, keys, 16), (2, keys, 16)
        q, k, v = draw(rng, "float32", *shapes)
        what = f"causal with M = {queries}, N = {keys}"
        with hint(
            "Keys are hidden that count, or seen that do not, as where a mask forgets N - M."
        ):
            check(attention_forward, q, k, v, what, causal=True)


@test_case(
    name="widths and leading dimensions",
    points=0.5,
    hidden=True,
    failure_message=(
        "Any leading dimensions, values of another width, and views are taken. See the "
        "docstring of q3."
    ),
)
def test_shapes(attention_forward, rng):
    check_plain(attention_forward, rng)
    for lead in ((), (3,), (2, 3)):
        q, k, v = draw(rng, "float32", (*lead, 6, 8), (*lead, 7, 8), (*lead, 7, 3))
        with hint("Leading dimensions, or values of another width, are not taken."):
            check(attention_forward, q, k, v, f"leading dimensions {lead}, e = 3")
    q, k, v = draw(rng, "float16", (2, 8, 6), (2, 8, 7), (2, 5, 7))
    views = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
    with hint("Transposed views give another answer than their numbers."):
        check(attention_forward, *views, "transposed views")


@test_case(
    name="a scale of one's own",
    points=0.25,
    hidden=True,
    failure_message=(
        "`scale` replaces 1 / sqrt(d), whatever its sign, and 0 is a scale too. See the "
        "docstring of q3."
    ),
)
def test_scale(attention_forward, rng):
    q, k, v = draw(rng, "float32", (4, 16), (9, 16), (9, 16))
    check_plain(attention_forward, rng)
    for scale in (1.0, 0.03, -0.5, 0.0):
        with hint("The scale that was given is not the one that was used."):
            check(attention_forward, q, k, v, f"scale = {scale:g}", scale=scale)


@test_case(
    name="where halves fail",
    points=0.5,
    hidden=True,
    failure_message=(
        "Scores are float32 or wider from the start, so half inputs whose Q K^T is past "
        "65504 stay finite. See “How float16 attention fails” in step 3."
    ),
)
def test_failure_cases(attention_forward, reference, rng):
    cases = reference.fp16_failure_cases(int(rng.integers(2**31)))
    for what, (q, k, v, causal, scale) in cases.items():
        if "see no key" in what:
            with hint("A query that sees no key does not get zeros."):
                check(attention_forward, q, k, v, what, causal=causal, scale=scale)
        else:
            with hint("Inputs that are finite in float32 come out as inf, NaN or far off."):
                check(attention_forward, q, k, v, what, causal=causal, scale=scale)


@test_case(
    name="the inputs, and where the work is done",
    points=0.25,
    hidden=True,
    failure_message=(
        "The inputs are not changed, and the attention is yours: a ready-made one is no "
        "answer. See the text of q3."
    ),
)
def test_inputs(attention_forward, rng):
    given = draw(rng, "float32", (6, 16), (9, 16), (9, 16))
    before = [tensor.clone() for tensor in given]
    with hint("The answer to a small causal head is not right."):
        check(attention_forward, *given, "causal", causal=True)
    for letter, tensor, old in zip("QKV", given, before, strict=True):
        with hint("An input was changed in place."):
            assert torch.equal(tensor, old), f"{letter} was changed in place."
    seen = observe.observe(attention_forward, *before, causal=True)
    truth = numerics.attention_truth(*before, causal=True)
    what = "causal, by its own operations"
    numerics.assert_within_bound(seen.value, truth.expected, truth.bound, what=what)
    # _safe_softmax is in nothing but the ready-made attention, where that is taken apart.
    ready_made = [op for op in seen.operations if "attention" in op or "_safe_softmax" in op]
    with hint("The work is left to a ready-made attention."):
        assert not ready_made, f"The work is left to {ready_made[0]}, which is no answer here."
