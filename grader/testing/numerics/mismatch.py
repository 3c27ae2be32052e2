"""Where an answer leaves its bound, and what to say about it in one sentence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_LARGEST = {"float16": "65504", "bfloat16": "3.39e38", "float32": "3.40e38", "float64": "1.80e308"}
_BITS = {"float16": "int16", "bfloat16": "int16", "float32": "int32", "float64": "int64"}


@dataclass(frozen=True)
class Mismatch:
    """The worst entry of an answer that is not within its bound.

    kind: "kind" (not a tensor or array), "shape", "pattern" (NaN or inf where a number is right,
    or the reverse) or "value". ratio: |got - expected| / bound, inf for a wrong pattern. ulp: how
    many numbers of got's dtype lie between got and the rounded expected value, None where that
    means nothing. count: how many of total entries are wrong.
    """

    kind: str
    index: tuple[int, ...] = ()
    expected: float = math.nan
    got: float = math.nan
    ulp: int | None = None
    bound: float = 0.0
    ratio: float = math.inf
    count: int = 0
    total: int = 0
    note: str = ""


def ulp_distance(a: Any, b: Any) -> "torch.Tensor":
    """Count the representable numbers between a and b: float64, their shape; -0.0 is 0.0.

    a, b: tensors or arrays of one float dtype. From a finite number to inf is counted as if inf
    were the next number after the largest. Where either is NaN the distance is inf, unless both.
    """
    import torch

    a, b = torch.as_tensor(a), torch.as_tensor(b)
    if a.dtype != b.dtype or _name(a) not in _BITS:
        raise ValueError(f"ulp distance needs one float dtype, not {_name(a)} and {_name(b)}.")
    integer = getattr(torch, _BITS[_name(a)])
    lowest = torch.iinfo(integer).min

    def rank(x: "torch.Tensor") -> "torch.Tensor":
        bits = x.contiguous().view(integer).to(torch.int64)
        return torch.where(bits < 0, lowest - bits, bits)

    ranks = rank(a), rank(b)
    # The difference of two float64 ranks may not fit int64; far apart, float64 is close enough.
    far = ranks[0].to(torch.float64) - ranks[1].to(torch.float64)
    near = (ranks[0] - ranks[1]).to(torch.float64)
    distance = torch.where(far.abs() < 2.0**52, near, far).abs()
    nans = a.isnan(), b.isnan()
    distance = torch.where(nans[0] ^ nans[1], math.inf, distance)
    return distance.masked_fill(nans[0] & nans[1], 0.0)


def same_finite_pattern(got: Any, expected: Any) -> "torch.Tensor":
    """Return where both are finite, both NaN, or both the same infinity: bool, their shape."""
    import torch

    got, expected = torch.as_tensor(got), torch.as_tensor(expected)
    infinite = got.isinf() | expected.isinf()
    signs = (got > 0) == (expected > 0)
    same = (got.isinf() == expected.isinf()) & (got.isnan() == expected.isnan())
    agreed: torch.Tensor = same & (~infinite | signs)
    return agreed


def worst_ratio(got: Any, expected: Any, bound: Any) -> float:
    """Return the largest |got - expected| / bound, inf where the finite patterns differ.

    An exact entry counts 0 whatever its bound; an answer passes up to 2.
    """
    ratios = _ratios(*(_wide(item) for item in (got, expected, bound)))
    return float(ratios.max()) if ratios.numel() else 0.0


def diagnose(got: Any, expected: Any, bound: Any, *, factor: float = 2.0) -> Mismatch | None:
    """Return the worst entry of got that is not within factor x bound of expected, or None.

    got: a tensor or array of any float dtype. expected, bound: float64, shapes as got's.
    A wrong pattern is worse than any wrong value; of those the first one is returned.
    """
    import numpy as np
    import torch

    if not isinstance(got, torch.Tensor | np.ndarray | np.generic):
        return Mismatch("kind", note=f"a {type(got).__name__} came instead of a tensor")
    answer = torch.as_tensor(got).detach()
    expected, bound = _wide(expected), _wide(bound)
    if answer.shape != expected.shape:
        note = f"its shape is {tuple(answer.shape)} and must be {tuple(expected.shape)}"
        return Mismatch("shape", note=note)
    if answer.is_complex() or answer.layout != torch.strided or answer.is_meta:
        return Mismatch("kind", note="a tensor of real numbers in memory is needed")
    wide = _wide(answer).to(expected.device)
    ratios = _ratios(wide, expected, bound)
    wrong = ratios > factor
    if not bool(wrong.any()):
        return None
    flat = int(ratios.flatten().argmax())
    index = tuple(int(i) for i in np.unravel_index(flat, tuple(ratios.shape)))
    ulp = None
    if _name(answer) in _BITS and bool(wide[index].isfinite()) and bool(expected[index].isfinite()):
        ulp = int(ulp_distance(answer[index].cpu(), expected[index].to(answer.dtype).cpu()))
    patterns = same_finite_pattern(wide, expected)
    return Mismatch(
        kind="value" if bool(patterns[index]) else "pattern",
        index=index,
        expected=float(expected[index]),
        got=float(wide[index]),
        ulp=ulp,
        bound=float(bound[index]),
        ratio=float(ratios[index]),
        count=int(wrong.sum()),
        total=wrong.numel(),
    )


def explain_mismatch(
    mismatch: Mismatch, what: str, *, inputs: Mapping[str, Any] | None = None, dtype: str = ""
) -> str:
    """Say in one sentence what is wrong with what.

    inputs: tensors in which the worst entry's index, or as many leading parts of it as they have
    dimensions, finds the input that made it. dtype: where given and an input's exp does not fit
    it, the sentence ends with the reason.
    """
    if mismatch.kind in {"kind", "shape"}:
        return f"{what}: {mismatch.note}."
    place = f" at {list(mismatch.index)}" if mismatch.index else ""
    distance = "" if mismatch.ulp is None else f" ({mismatch.ulp:,} ulp)"
    text = f"{what}{place}: expected {mismatch.expected:.6g}, got {mismatch.got:.6g}{distance}"
    if mismatch.kind == "value":
        exact = ", where nothing is rounded"
        explained = f", {mismatch.ratio:.3g} times the error that rounding explains"
        text += exact if math.isinf(mismatch.ratio) else explained
    if mismatch.count > 1:
        text += f"; {mismatch.count:,} of {mismatch.total:,} entries are wrong"
    for name, tensor in (inputs or {}).items():
        wide = _wide(tensor)
        item = wide[mismatch.index[: wide.dim()]]
        if item.dim() == 0:
            text += f"; {name} is {float(item):.6g} there"
            reason = explain_exp(float(item), dtype) if dtype else ""
            text += f", and {reason}" if reason else ""
    return text + "."


def explain_exp(x: float, dtype: str) -> str:
    """Say why exp(x) is no use in dtype, or return "": "exp(11.1) exceeds float16 (65504)"."""
    import torch

    value = torch.tensor(x, dtype=torch.float64).exp()
    rounded = float(value.to(getattr(torch, dtype)))
    if math.isinf(rounded):
        return f"exp({x:g}) exceeds {dtype} ({_LARGEST[dtype]})"
    if rounded == 0 and x > -math.inf:
        return f"exp({x:g}) is 0 in {dtype}"
    if rounded and abs(rounded) < torch.finfo(getattr(torch, dtype)).tiny:
        return f"exp({x:g}) is subnormal in {dtype}"
    return ""


def recognise(got: Any, candidates: Mapping[str, Any], bound: Any, *, factor: float = 2.0) -> str:
    """Return the name of the first candidate that got equals within its bound, or "".

    candidates: what known mistakes give on the same inputs, by the sentence that names them.
    """
    for name, candidate in candidates.items():
        if diagnose(got, candidate, bound, factor=factor) is None:
            return name
    return ""


def assert_within_bound(
    got: Any,
    expected: Any,
    bound: Any,
    *,
    what: str,
    factor: float = 2.0,
    inputs: Mapping[str, Any] | None = None,
    dtype: str = "",
) -> None:
    """Raise AssertionError with one sentence unless got is within factor x bound of expected.

    dtype: the name of the dtype that got must have, if it matters; other arguments as in
    `diagnose` and `explain_mismatch`.
    """
    mismatch = diagnose(got, expected, bound, factor=factor)
    if mismatch is not None:
        raise AssertionError(explain_mismatch(mismatch, what, inputs=inputs, dtype=dtype))
    if dtype and _name(got) != dtype:
        raise AssertionError(f"{what}: the result is {_name(got)} and must be {dtype}.")


def _ratios(got: "torch.Tensor", expected: "torch.Tensor", bound: "torch.Tensor") -> "torch.Tensor":
    import torch

    error = torch.where(got == expected, 0.0, (got - expected).abs())
    error = torch.where(error.isnan(), 0.0, error)
    ratios = torch.where(error > 0, error / bound, 0.0)
    return torch.where(same_finite_pattern(got, expected), ratios, math.inf)


def _wide(item: Any) -> "torch.Tensor":
    import torch

    return torch.as_tensor(item).detach().to(torch.float64)


def _name(item: Any) -> str:
    return str(getattr(item, "dtype", type(item).__name__)).removeprefix("torch.")
