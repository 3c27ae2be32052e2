"""How right an answer is: float64 oracles, derived error bounds, and mismatches in words.

A tolerance here is derived from dtype, length and magnitude, never picked by eye. The usual call
in a hidden test is

    truth = numerics.attention_truth(q, k, v, causal=True)
    numerics.assert_within_bound(got, truth.expected, truth.bound, what="a causal 96 x 32 head")

`tests/test_numerics_table.py` lists, for every wrong idea, dtype and family of inputs, the error
over the bound, next to what fixed tolerances would have said. In short: right answers stay under
0.95 (softmax) and 0.75 (attention) of the bound, wrong ideas lie far above twice the bound, and
`atol=1e-2` accepts all-zero outputs and the mean of V once rows are long.
"""

from grader.numerics.bounds import (
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
from grader.numerics.mismatch import (
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
