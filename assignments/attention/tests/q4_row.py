import math
import warnings

import numpy as np
import torch
from otter.test_files import test_case
from torch.utils._python_dispatch import TorchDispatchMode

OK_FORMAT = False
name = "q4_row"
points = None

# What torch may do while the kernel works: make room, copy, and look at memory in another way.
HARMLESS = """
    empty empty_like empty_strided empty_permuted new_empty new_empty_strided zeros zeros_like
    new_zeros ones full full_like new_full fill zero copy _to_copy clone contiguous view
    _unsafe_view reshape _reshape_alias expand alias transpose t permute slice select squeeze
    unsqueeze as_strided detach set resize lift_fresh unbind split cat stack constant_pad_nd
""".split()  # noqa: SIM905 - forty quoted names would be harder to read


def quietly(function, *args):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(*args)


def with_log(function, *args):
    """Return what a call gives, and the first operation in which torch does the mathematics."""
    names = []

    class Log(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            names.append(func.name())
            return func(*args, **(kwargs or {}))

    if hasattr(function, "observe"):
        seen = quietly(function.observe, *args)
        names, got = list(seen.operations), seen.value
    else:
        with Log():
            got = quietly(function, *args)
    torch_names = [name.removeprefix("aten::") for name in names if name.startswith("aten::")]
    busy = (name for name in torch_names if name.split(".")[0].rstrip("_") not in HARMLESS)
    return got, next(busy, None)


def mistake(found, right, largest):
    """Return a hint where the answer is that of a known mistake, else None."""
    total = math.exp(right - largest)
    for answer, hint in (
        (largest + total, "it is m + l; take the logarithm of l."),
        (largest + math.log2(total), "it is m + log2(l); tl.log is the natural logarithm."),
        (largest, "it is m alone; log(l) is missing."),
    ):
        if abs(found - answer) < 1e-4:
            return hint
    if not math.isfinite(found):
        return (
            "does m start at -inf, is it the new maximum after each turn, and are a tile's exps "
            "relative to that?"
        )
    return None


@test_case(name="three rows in two tiles", points=0.125, hidden=False)
def test_rows(row_logsumexp, device):
    draw = torch.Generator().manual_seed(3)
    x = torch.randn(3, 128, generator=draw)
    x[1, 64:] += 6  # so that the second tile raises the maximum of the second row
    x[2] -= 200  # so that every exp is 0 without the maximum
    x = x.to(device or "cpu").half()
    rights = torch.logsumexp(x.double(), 1).tolist()
    got = quietly(row_logsumexp, x)
    asked = "row_logsumexp of 3 rows of 128 scores"
    assert isinstance(got, torch.Tensor), f"{asked} returned a {type(got).__name__}, not a tensor."
    assert tuple(got.shape) == (3,), f"{asked} has shape {tuple(got.shape)}, not (3,)."
    assert got.dtype == torch.float32, f"{asked} is {got.dtype}, not float32."
    for row, hint in enumerate(
        (
            "is every tile of the row visited?",
            "has row 1 a program, and its start at 1 * n? Is the old sum times exp(old m - new m)?",
            "does m start at -inf, is the maximum subtracted, and does each program find its row?",
        )
    ):
        right, found = rights[row], float(got[row])
        assert abs(found - right) < 1e-4, (
            f"{asked} is {found:.5f} in row {row} where {right:.5f} is right: "
            f"{mistake(found, right, float(x[row].max())) or hint}"
        )


@test_case(name="torch only makes room", points=0.125, hidden=False)
def test_kernel(row_logsumexp, device):
    draw = torch.Generator().manual_seed(6)
    x = torch.randn(2, 128, generator=draw).to(device or "cpu").half()
    got, busy = with_log(row_logsumexp, x)
    assert busy is None, f"row_logsumexp calls torch's {busy}: the kernel has to do that work."
    right = torch.logsumexp(x.double(), 1)
    fits = isinstance(got, torch.Tensor) and got.shape == right.shape
    is_tensor = isinstance(got, torch.Tensor)
    came = f"one of {list(got.shape)}" if is_tensor else f"a {type(got).__name__}"
    assert fits, f"row_logsumexp should return a tensor of shape {list(right.shape)}, not {came}."
    assert torch.allclose(got.double(), right, atol=1e-4), (
        "row_logsumexp of 2 rows of 128 scores is wrong here as well: mend the first test "
        "first. If that is green, pass everything that the kernel needs as an argument."
    )
