"""What the bounds, distances and sentences promise, for any input."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.testing import numerics

DTYPES = ("float16", "bfloat16", "float32", "float64")
QUICK = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)


def scores(seed: int, dtype: str, n: int, spread: float) -> torch.Tensor:
    draw = np.random.default_rng(seed)
    x = torch.from_numpy(draw.standard_normal((2, n)) * spread + draw.normal() * spread)
    return x.to(getattr(torch, dtype))


def textbook_softmax(x: torch.Tensor) -> torch.Tensor:
    """Every stored intermediate has the inputs' dtype; only the sum is accumulated in float32."""
    exps = torch.exp(x - x.amax(-1, keepdim=True))
    total = exps.to(torch.promote_types(x.dtype, torch.float32)).sum(-1, keepdim=True)
    return exps / total.to(x.dtype)


@QUICK
@given(seeds, st.sampled_from(DTYPES), st.integers(1, 2000), st.sampled_from([0.01, 1.0, 8.0]))
def test_a_right_softmax_stays_within_the_bound(
    seed: int, dtype: str, n: int, spread: float
) -> None:
    x = scores(seed, dtype, n, spread)
    truth = numerics.softmax_truth(x)
    # At a depth D of 50 bfloat16's u D is a fifth, and the first order is no longer all of it.
    limit = 1.2 if dtype == "bfloat16" and spread == 8.0 else 1.0
    for right in (torch.softmax(x, -1), textbook_softmax(x)):
        assert numerics.worst_ratio(right, truth.expected, truth.bound) < limit


@QUICK
@given(seeds, st.sampled_from(DTYPES), st.sampled_from([-40.0, 0.5, 12.0]))
def test_the_oracle_does_not_care_for_a_constant_or_an_order(
    seed: int, dtype: str, shift: float
) -> None:
    x = scores(seed, dtype, 20, 2.0).to(torch.float64)
    plain = numerics.softmax_oracle(x)
    assert torch.allclose(numerics.softmax_oracle(x + shift), plain, rtol=1e-12, atol=0)
    turned = numerics.softmax_oracle(x.flip(-1)).flip(-1)
    assert torch.allclose(turned, plain, rtol=1e-12, atol=0)
    assert torch.allclose(plain.sum(-1), torch.ones(2, dtype=torch.float64))


@QUICK
@given(seeds, st.sampled_from(["float16", "float32"]), st.booleans())
def test_attention_of_moved_values_is_moved(seed: int, dtype: str, causal: bool) -> None:
    draw = np.random.default_rng(seed)
    q, k, v = (
        torch.from_numpy(draw.standard_normal((9, 8))).to(getattr(torch, dtype)).double()
        for _ in "qkv"
    )
    plain = numerics.attention_oracle(q, k, v, causal=causal)
    moved = numerics.attention_oracle(q, k, 2 * v + 3, causal=causal)
    assert torch.allclose(moved, 2 * plain + 3, rtol=1e-12, atol=1e-12)
    if not causal:
        order = torch.from_numpy(draw.permutation(9))
        shuffled = numerics.attention_oracle(q, k[order], v[order])
        assert torch.allclose(shuffled, plain, rtol=1e-12, atol=1e-14)


def test_a_causal_row_that_sees_nothing_is_exactly_zero() -> None:
    q, k, v = torch.ones(5, 4), torch.ones(2, 4), torch.ones(2, 4)
    truth = numerics.attention_truth(q, k, v, causal=True)
    assert torch.equal(truth.expected[:3], torch.zeros(3, 4, dtype=torch.float64))
    assert torch.equal(truth.bound[:3], torch.zeros(3, 4, dtype=torch.float64))
    nearly = truth.expected.clone()
    nearly[0, 0] = 1e-30
    assert numerics.worst_ratio(nearly, truth.expected, truth.bound) == math.inf


def test_attention_over_no_keys_is_zero() -> None:
    empty = torch.zeros(0, 4)
    truth = numerics.attention_truth(torch.ones(3, 4), empty, torch.zeros(0, 2))
    assert torch.equal(truth.expected, torch.zeros(3, 2, dtype=torch.float64))


@pytest.mark.parametrize("dtype", DTYPES)
def test_masked_missing_and_infinite_scores_of_a_softmax(dtype: str) -> None:
    rows = [[-math.inf] * 2, [math.nan, 1.0], [math.inf, 1.0], [0.0, -math.inf]]
    truth = numerics.softmax_truth(torch.tensor(rows, dtype=getattr(torch, dtype)))
    right = [[0.0, 0.0], [math.nan] * 2, [math.nan] * 2, [1.0, 0.0]]
    assert torch.equal(truth.expected.nan_to_num(7), torch.tensor(right).double().nan_to_num(7))
    assert bool(truth.bound.isfinite().all())


@QUICK
@given(seeds, st.sampled_from(DTYPES), st.integers(0, 1000))
def test_ulps_count_steps(seed: int, dtype: str, steps: int) -> None:
    start = float(np.random.default_rng(seed).standard_normal())
    x = y = torch.tensor(start, dtype=getattr(torch, dtype))
    for _ in range(min(steps, 60)):
        y = torch.nextafter(y, torch.tensor(math.inf, dtype=y.dtype))
    assert float(numerics.ulp_distance(x, y)) == min(steps, 60)
    assert float(numerics.ulp_distance(y, x)) == min(steps, 60)


def test_ulps_across_zero_infinity_and_nan() -> None:
    a = torch.tensor([0.0, -(2.0**-24), math.inf, math.nan, math.nan], dtype=torch.float16)
    b = torch.tensor([-0.0, 2.0**-24, 65504.0, math.nan, 1.0], dtype=torch.float16)
    assert numerics.ulp_distance(a, b).tolist() == [0.0, 2.0, 1.0, 0.0, math.inf]
    wide = torch.tensor([-1e308], dtype=torch.float64), torch.tensor([1e308], dtype=torch.float64)
    assert float(numerics.ulp_distance(*wide)) > 1e18
    with pytest.raises(ValueError, match="one float dtype"):
        numerics.ulp_distance(torch.zeros(1), torch.zeros(1, dtype=torch.float64))


def test_a_pattern_is_wrong_whatever_the_bound() -> None:
    right = torch.tensor([1.0, math.inf, math.nan])
    for got in ([math.inf, math.inf, math.nan], [1.0, -math.inf, math.nan], [1.0, math.inf, 0.0]):
        mismatch = numerics.diagnose(torch.tensor(got), right, torch.full((3,), 1e9))
        assert mismatch is not None
        assert mismatch.kind == "pattern"
    assert numerics.diagnose(right, right, torch.zeros(3)) is None


def test_a_mismatch_is_one_sentence_with_the_input_and_the_reason() -> None:
    x = torch.tensor([11.1, 0.0, 0.0], dtype=torch.float16)
    truth = numerics.softmax_truth(x)
    got = torch.tensor([math.nan, 0.0, 0.0], dtype=torch.float16)
    with pytest.raises(AssertionError) as caught:
        numerics.assert_within_bound(
            got, truth.expected, truth.bound, what="softmax", inputs={"x": x}, dtype="float16"
        )
    text = str(caught.value)
    assert text.startswith("softmax at [0]: expected 0.99997, got nan; 3 of 3 entries are wrong")
    assert text.endswith("x is 11.1016 there, and exp(11.1016) exceeds float16 (65504).")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("x", "dtype", "reason"),
    [
        (11.1, "float16", "exp(11.1) exceeds float16 (65504)"),
        (-18.0, "float16", "exp(-18) is 0 in float16"),
        (-12.0, "float16", "exp(-12) is subnormal in float16"),
        (11.0, "float16", ""),
        (89.0, "float32", "exp(89) exceeds float32 (3.40e38)"),
        (-math.inf, "float16", ""),
    ],
)
def test_why_an_exp_is_no_use(x: float, dtype: str, reason: str) -> None:
    assert numerics.explain_exp(x, dtype) == reason


@pytest.mark.parametrize(
    ("got", "words"),
    [
        ("zeros", "a str came instead of a tensor"),
        (torch.zeros(2), r"its shape is \(2,\) and must be \(3,\)"),
        (torch.zeros(3, dtype=torch.complex64), "real numbers"),
        (torch.zeros(3, device="meta"), "in memory"),
        (torch.ones(3, dtype=torch.float64), "the result is float64 and must be float32"),
    ],
)
def test_an_answer_of_the_wrong_kind_is_named(got: object, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        numerics.assert_within_bound(got, torch.ones(3), torch.ones(3), what="it", dtype="float32")


def test_a_known_mistake_is_recognised_within_the_bound() -> None:
    right, bound = torch.tensor([1.0, 2.0]), torch.tensor([1e-3, 1e-3])
    mistakes = {"it is zero": torch.zeros(2), "it is doubled": 2 * right}
    assert numerics.recognise(2 * right + 1e-3, mistakes, bound) == "it is doubled"
    assert numerics.recognise(3 * right, mistakes, bound) == ""


def test_there_is_no_bound_for_other_dtypes() -> None:
    with pytest.raises(ValueError, match="no error bound for float8_e5m2"):
        numerics.softmax_truth(torch.zeros(2, dtype=torch.float8_e5m2))
