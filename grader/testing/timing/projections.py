"""How far the sums that commit to a chain's results may lie from the reference's."""

import math
from typing import TYPE_CHECKING

from grader.sandbox.wire.findings import Sums
from grader.testing import numerics

if TYPE_CHECKING:
    import torch

CONFIDENCE = 7.0
"""How many times its expected size an error of a projection may have: see `projection_bound`."""


def projection_bound(
    norms: "torch.Tensor", *, steps: int, length: int, d: int, dtype: str
) -> "torch.Tensor":
    """Return how far a right chain's projections may lie from the reference's, for each head.

    norms: (heads,), of the reference's last values. Returns float64 of that shape:

        CONFIDENCE * 8/7 * norm * sqrt(2 steps (2 u^2 + w^2 (N + 8 + 4 d (d + 5) + steps)))

    with u of the dtype, w = 2^-24, N = length. Derivation, in Euclidean norms over the entries of
    one head, where the entries of V are independent standard normal, and rounding errors have
    their largest size, mean 0, and are independent of each other (the model of N. J. Higham and
    T. Mary, SIAM J. Sci. Comput. 41, 2019):
    storing O is off by u |O|. Rounding the weights P to the dtype changes entry i of O by
    u sqrt(sum_j P_ij^2 V_j^2), whose square has the expectation of u^2 O_i^2. What is kept in
    float32 is off as in `numerics.attention_truth`, with variances in the place of sums: by
    w^2 (N + 8) for sums over keys, and by (2 w)^2 (d + 5) A^2 for scores, where A, the scaled sum
    of |q| |k|, is below sqrt(d). Adding up the results in float32 gives w^2 steps.
    The next query is off by an eighth of all this, and attention does not enlarge it: hence
    1 + 1/8 + 1/64 + ... = 8/7. That a query so changed is rounded the other way now and then is
    far below u. The errors of the steps are independent, and so are the student's and the
    reference's: their squares add.

    A projection adds the error's entries up with random signs, on which no right solution depends:
    by Hoeffding's inequality it exceeds 7 times the error's norm with a probability below
    2 exp(-49 / 2) < 5e-11. Over 32 heads, 8 projections, 2 sizes and 8 chains a right solution is
    refused once in five million submissions. An error spread over a head whose norm is c times the
    bound stays unseen by all 8 projections with a probability below c^-8.
    """
    u, w = numerics.UNIT_ROUNDOFF[dtype], numerics.UNIT_ROUNDOFF["float32"]
    variance = 2 * u**2 + w**2 * (length + 8 + 4 * d * (d + 5) + steps)
    return norms.double() * (CONFIDENCE * 8 / 7 * math.sqrt(2 * steps * variance))


def projection_complaint(student: Sums, reference: Sums, *, bound: "torch.Tensor") -> str:
    """Say which head's projections are not within its bound, or return "".

    student, reference: what a chain returned. bound: `projection_bound`.
    """
    right = reference.projections
    limits = bound[:, None].expand_as(right)
    found = numerics.diagnose(student.projections, right, limits, factor=1.0)
    if found is None:
        return ""
    return numerics.explain_mismatch(found, "the sums of a chain's values, by head and projection")
