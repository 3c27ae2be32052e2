"""Float64 oracles on already rounded inputs, and the first-order error bounds that go with them.

Every function takes torch tensors (or what `torch.as_tensor` takes) in the dtype that the judged
function was given: rounding the inputs is not the student's error. Results are float64, on the
inputs' device. u is the unit roundoff, half the distance from 1 to the next number.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

UNIT_ROUNDOFF = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}
"""u of each dtype by name: a rounded result is x (1 + e) with |e| <= u, as long as x is normal."""

ETA = {"float16": 2.0**-25, "bfloat16": 2.0**-134, "float32": 2.0**-150, "float64": 0.0}
"""Half of the smallest subnormal: what rounding may add where x is too small for u to hold.

float64's is 2^-1075, which float64 cannot say and no oracle here can see: 0.
"""


@dataclass(frozen=True)
class Truth:
    """What is right and how far from it a right implementation may be: float64, one shape.

    A judged value passes if it is within twice the bound: tau is first-order in u, and a right
    implementation may still round in an order that the derivation does not follow.
    """

    expected: "torch.Tensor"
    bound: "torch.Tensor"


def softmax_truth(x: Any, dim: int = -1) -> Truth:
    """Return oracle and bound of a softmax of x along dim.

    With s = softmax(x), D_j = max(x) - x_j, n entries and eta as in `ETA`:

        tau_j = s_j u (4 + D_j + sum_i s_i D_i) + s_j n u_acc + eta (2 + n s_j)

    Derivation, for d_j = fl(x_j - max), e_j = fl(exp(d_j)), t = fl(sum e), fl(e_j / t):
    d_j has a relative error u, hence an absolute error u D_j, which exp turns into a relative one;
    exp rounds (u; libraries promise one or two ulp, which the factor 2 on tau takes up). So e_j is
    off by a factor 1 + u (1 + D_j), and t, a mean of these weighted by s_i, by 1 + u (1 + sum s_i
    D_i), plus n u_acc for its additions and u for storing it. The quotient rounds once more: the
    four u. Below the normal range e_j is off by eta instead, which the division by t >= 1 does not
    enlarge; n of those in t give n eta s_j; the quotient's own makes two.

    u_acc = 2^-24: sums of halves are accumulated in float32; float64's in float64.
    A masked entry (-inf) has s_j = 0, also in a slice of nothing else; a slice with NaN or +inf is
    NaN and its bound is 0 (only the pattern counts). Integers and bools are judged as float32.
    """
    import torch

    x = torch.as_tensor(x)
    if not x.is_floating_point():
        x = x.to(torch.float32)
    name = _dtype_name(x)
    if x.numel() == 0:
        empty = torch.zeros(x.shape, dtype=torch.float64, device=x.device)
        return Truth(empty, empty)
    wide = x.to(torch.float64)
    peak = wide.amax(dim=dim, keepdim=True)
    depth = torch.where(peak == -math.inf, 0.0, peak) - wide
    exps = torch.exp(-depth)
    total = exps.sum(dim=dim, keepdim=True)
    s = exps / torch.where(total == 0, 1.0, total)
    weighted = torch.where(s > 0, s * depth, 0.0)
    n = x.shape[dim] if x.dim() else 1
    u, eta = UNIT_ROUNDOFF[name], ETA[name]
    u_acc = UNIT_ROUNDOFF["float32"] if name != "float64" else u
    tau = u * (4 * s + weighted + s * weighted.sum(dim=dim, keepdim=True))
    tau = tau + s * (n * u_acc) + eta * (2 + n * s)
    return Truth(s, torch.where(s.isnan(), 0.0, tau))


def softmax_oracle(x: Any, dim: int = -1) -> "torch.Tensor":
    """Return the softmax of the rounded x in float64; see `softmax_truth` for masked slices."""
    return softmax_truth(x, dim).expected


def softmax_bound(x: Any, dim: int = -1) -> "torch.Tensor":
    """Return tau of `softmax_truth`, in x's shape; an answer passes within 2 tau."""
    return softmax_truth(x, dim).bound


def attention_truth(
    q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None
) -> Truth:
    """Return oracle and bound of softmax(scale q k^T) v: q (.., M, d), k (.., N, d), v (.., N, e).

    With P the exact weights, O = P V, w = 2^-24, A_i = max_j |scale| sum_c |q_ic| |k_jc| over
    visible keys, and l_i = sum_j exp(s_ij - max_j s_ij) >= 1:

        tau = u |O| + (u + 2 (d + 5) w A_i + (N + 8) w) (P |V|)
              + 2^-25 (1 + sum_j |V_j| / l_i)                          [last line: float16 only]

    Derivation, for a kernel whose scores, running maximum, running sum and accumulator are float32
    and whose weights are rounded to the inputs' dtype before they meet V:
    a score is a dot product of d terms, scaled, perhaps by a rounded log2(e), less the maximum:
    its absolute error is at most (d + 5) w A_i to first order (the products of halves are exact in
    float32). The error of the maximum is the same for all keys and cancels. exp makes the error
    relative; it enters above and below the fraction: twice. The weights' rounding is the inner u.
    Two sums of N terms and a rescale per tile add up to (N + 8) w each in the worst case, to far
    less with errors of both signs; the factor 2 at the end admits the worst case. Storing O is the
    outer u. A weight below float16's normal range is off by up to 2^-25 before it is divided by
    l_i, times |V_j|: that matters where one key takes nearly all the weight and the others have
    large values; the 1 is the same for storing O.

    Causal: query i sees key j iff j <= i + (N - M). A row that sees nothing is 0 with bound 0. A
    row whose scores hold NaN or +inf is NaN with bound 0.
    """
    import torch

    q, k, v = (torch.as_tensor(item) for item in (q, k, v))
    name = _dtype_name(q)
    u, w = UNIT_ROUNDOFF[name], UNIT_ROUNDOFF["float32"] if name != "float64" else 2.0**-53
    wide_q, wide_k, wide_v = (item.to(torch.float64) for item in (q, k, v))
    d, (queries, keys) = q.shape[-1], (q.shape[-2], k.shape[-2])
    scale = 1.0 / math.sqrt(d) if scale is None else scale
    scores = (wide_q @ wide_k.transpose(-2, -1)) * scale
    reach = (wide_q.abs() @ wide_k.abs().transpose(-2, -1)) * abs(scale)
    if causal:
        seen = torch.ones(queries, keys, dtype=torch.bool, device=q.device).tril(keys - queries)
        scores = scores.masked_fill(~seen, -math.inf)
        reach = reach.masked_fill(~seen, 0.0)
    if keys == 0:
        zeros = torch.zeros((*scores.shape[:-1], v.shape[-1]), dtype=torch.float64, device=q.device)
        return Truth(zeros, zeros)
    peak = scores.amax(dim=-1, keepdim=True)
    exps = torch.exp(scores - torch.where(peak == -math.inf, 0.0, peak))
    total = exps.sum(dim=-1, keepdim=True)
    total = torch.where(total == 0, 1.0, total)
    weights, size = exps / total, wide_v.abs()
    expected = weights @ wide_v
    spread = weights @ size
    highest = reach.amax(dim=-1, keepdim=True)
    tau = u * expected.abs() + (u + 2 * (d + 5) * w * highest + (keys + 8) * w) * spread
    if name == "float16":
        visible = (exps > 0).to(torch.float64)
        tau = tau + ETA[name] * (1 + (visible @ size) / total)
    return Truth(expected, torch.where(expected.isnan() | (peak == -math.inf), 0.0, tau))


def attention_oracle(
    q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None
) -> "torch.Tensor":
    """Return attention of the rounded q, k, v in float64, shape (.., M, e)."""
    return attention_truth(q, k, v, causal=causal, scale=scale).expected


def attention_bound(
    q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None
) -> "torch.Tensor":
    """Return tau of `attention_truth`, shape (.., M, e); an answer passes within 2 tau."""
    return attention_truth(q, k, v, causal=causal, scale=scale).bound


def _dtype_name(tensor: "torch.Tensor") -> str:
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in UNIT_ROUNDOFF:
        raise ValueError(
            f"There is no error bound for {name}; use one of {', '.join(UNIT_ROUNDOFF)}."
        )
    return name
