"""How right an answer is: float64 oracles, derived error bounds, and mismatches in words.

A tolerance here is derived from dtype, length and magnitude, never picked by eye. The usual call
in a hidden test is

    truth = numerics.attention_truth(q, k, v, causal=True)
    numerics.assert_within_bound(got, truth.expected, truth.bound, what="a causal 96 x 32 head")

`tests/course/test_attention_solutions.py` writes a table of every wrong idea, dtype and family of
inputs: its error over the bound, next to what fixed tolerances say. In short, on a CPU:

- over 200 seeds right kernels came to 0.81 of the bound, where a row sees two or three keys and
  every rounding is at its worst, and to 0.72 elsewhere; right softmaxes stay below 0.95 (bfloat16
  at depths of 50 and more, where the first order ends: 1.1); an answer passes up to 2;
- every wrong idea that shows in numbers lies above 4 somewhere, structural ones above 100;
- `atol=1e-2` accepts all-zero outputs and the mean of V where long rows average small values, and
  scores kept in float16 wherever those do not overflow;
- `atol=1e-3` and `torch.testing.assert_close` reject right float16 answers: one ulp near 4 is
  4e-3, and rounding the weights alone exceeds `assert_close`'s 1e-5 near 0.
"""

from grader.testing.numerics.bounds import (
    ETA,
    UNIT_ROUNDOFF,
    Truth,
    attention_bound,
    attention_oracle,
    attention_truth,
    softmax_bound,
    softmax_oracle,
    softmax_truth,
)
from grader.testing.numerics.mismatch import (
    Mismatch,
    assert_within_bound,
    diagnose,
    explain_exp,
    explain_mismatch,
    recognise,
    same_finite_pattern,
    ulp_distance,
    worst_ratio,
)

__all__ = [
    "ETA",
    "UNIT_ROUNDOFF",
    "Mismatch",
    "Truth",
    "assert_within_bound",
    "attention_bound",
    "attention_oracle",
    "attention_truth",
    "diagnose",
    "explain_exp",
    "explain_mismatch",
    "recognise",
    "same_finite_pattern",
    "softmax_bound",
    "softmax_oracle",
    "softmax_truth",
    "ulp_distance",
    "worst_ratio",
]
