import warnings

import numpy as np
import torch
from otter.test_files import test_case
from torch.utils._python_dispatch import TorchDispatchMode

OK_FORMAT = False
name = "q4_head"
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


def mistake(got, q, k, v):
    """Return a hint where the answer is that of a known mistake, else None.

    k and v: with what lies behind their 128 rows.
    """
    q, k, v = q.double(), k.double(), v.double()
    all_scores = q @ k.T / 32**0.5
    scores, v_128 = all_scores[:, :128], v[:128]
    top, old_top = scores.amax(1, keepdim=True), scores[:, :64].amax(1, keepdim=True)
    weights, old = torch.exp(scores - top), torch.exp(scores[:, :64] - old_top)
    total, acc = weights.sum(1, keepdim=True), weights @ v_128
    new_part = weights[:, 64:]
    for answer, hint in (
        (
            torch.softmax(scores[:, 64:], 1) @ v_128[64:],
            "it is the answer of the last tile alone; carry m, l and acc through the loop.",
        ),
        (
            torch.softmax(scores[:, :64], 1) @ v_128[:64],
            "it is the answer of the first tile alone; is `start` in both addresses, K's and V's?",
        ),
        (torch.softmax(all_scores, 1) @ v, "the loop runs to M, not to N."),
        (torch.softmax(q @ k[:128].T, 1) @ v_128, "the scores are not divided by sqrt(d)."),
        (acc, "acc is not divided by l."),
        (
            acc / (old.sum(1, keepdim=True) + new_part.sum(1, keepdim=True)),
            "l is not multiplied by exp(old m - new m).",
        ),
        (
            (old @ v_128[:64] + new_part @ v_128[64:]) / total,
            "acc is not multiplied by exp(old m - new m).",
        ),
    ):
        if torch.allclose(got, answer, rtol=1e-2, atol=4e-3):
            return hint
    return None


@test_case(name="one head of two key tiles", points=0.25, hidden=False)
def test_head(head_attention, device):
    draw = torch.Generator().manual_seed(4)
    q, k, v = (torch.randn(192, 32, generator=draw) for _ in range(3))
    k[64:] *= 2  # so that the second tile raises most maxima
    q[64:] *= 40  # so that no exp is finite without the maximum
    q, k, v = (x.to(device or "cpu").half() for x in (q, k, v))
    # Behind their end lies more of the same: a loop that takes M for N reads it, and is wrong.
    whole_k, whole_v = k, v
    k, v = k[:128], v[:128]
    weights = torch.softmax(q.double() @ k.double().T / 32**0.5, 1)
    right = weights @ v.double()
    # Rounding the weights and the result once each.
    tolerance = 2 * (2**-10 * (weights @ v.double().abs()) + 2**-11 * right.abs() + 1e-5)
    got = quietly(head_attention, q, k, v)
    asked = "head_attention of 192 queries and 128 keys, d = 32,"
    assert isinstance(got, torch.Tensor), f"{asked} returned a {type(got).__name__}, not a tensor."
    assert tuple(got.shape) == (192, 32), f"{asked} has shape {tuple(got.shape)}, not (192, 32)."
    assert got.dtype == torch.float16, f"{asked} is {got.dtype}, not float16."
    wrong = ~((got.double() - right).abs() <= tolerance)
    if wrong.any():
        index = wrong.nonzero()[0].tolist()
        if index[0] >= 64:
            hint = (
                "does the grid have M / 64 programs, does each find its own queries, and is the "
                "maximum subtracted?"
            )
        elif got[tuple(index)].isnan():
            hint = (
                "NaN comes from what lies behind K and V (does the loop end at N, not at M?), or "
                "from -inf minus -inf."
            )
        else:
            hint = mistake(got.double(), q, whole_k, whole_v) or (
                "check in this order: the scale, `[:, None]`, `start` in the key addresses, the "
                "loop's end at N, the factor of l and of acc, acc / l."
            )
        raise AssertionError(
            f"{asked} is {float(got[tuple(index)]):.5g} at {index} where "
            f"{float(right[tuple(index)]):.5g} is right, and wrong in {int(wrong.sum())} of "
            f"{wrong.numel()} entries: "
            f"{hint}"
        )


@test_case(name="torch only makes room", points=0.25, hidden=False)
def test_kernel(head_attention, device):
    draw = torch.Generator().manual_seed(7)
    q, k, v = (torch.randn(64, 32, generator=draw).to(device or "cpu").half() for _ in range(3))
    got, busy = with_log(head_attention, q, k, v)
    assert busy is None, f"head_attention calls torch's {busy}: the kernel has to do that work."
    right = torch.softmax(q.double() @ k.double().T / 32**0.5, 1) @ v.double()
    fits = isinstance(got, torch.Tensor) and got.shape == right.shape
    is_tensor = isinstance(got, torch.Tensor)
    came = f"one of {list(got.shape)}" if is_tensor else f"a {type(got).__name__}"
    assert fits, f"head_attention should return a tensor of shape {list(right.shape)}, not {came}."
    assert torch.allclose(got.double(), right, atol=4e-3), (
        "head_attention of 64 queries and 64 keys, d = 32, is wrong here as well: mend the "
        "first test first. If that is green, pass everything that the kernel needs as an argument."
    )
