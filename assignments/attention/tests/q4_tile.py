import warnings

import numpy as np
import torch
from otter.test_files import test_case
from torch.utils._python_dispatch import TorchDispatchMode

OK_FORMAT = False
name = "q4_tile"
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


@test_case(name="one tile of scores", points=0.125, hidden=False)
def test_tile(tile_scores, device):
    draw = torch.Generator().manual_seed(2)
    q, k = (torch.randn(rows, 64, generator=draw).to(device or "cpu").half() for rows in (16, 32))
    products = q.double() @ k.double().T
    got = quietly(tile_scores, q, k)
    asked = "tile_scores of 16 queries and 32 keys, d = 64,"
    assert isinstance(got, torch.Tensor), f"{asked} returned a {type(got).__name__}, not a tensor."
    assert tuple(got.shape) == (16, 32), f"{asked} has shape {tuple(got.shape)}, not (16, 32)."
    assert got.dtype == torch.float32, f"{asked} is {got.dtype}: scores are float32."
    if torch.allclose(got.double(), products, atol=1e-3):
        raise AssertionError(f"{asked} is not divided by sqrt(d) = 8.")
    off = (got.double() - products / 8).abs()
    wrong = ~(off < 1e-4)
    hint = "which element of k belongs at (column, key)?"
    if bool((off < 0.1).all()):
        hint = "all of it is nearly right: keep the products in float32, and scale them there"
    assert not wrong.any(), (
        f"{asked} is wrong in {int(wrong.sum())} of 512 entries, the first at "
        f"{wrong.nonzero()[0].tolist()}: {hint}"
    )


@test_case(name="torch only makes room", points=0.125, hidden=False)
def test_kernel(tile_scores, device):
    draw = torch.Generator().manual_seed(5)
    q, k = (torch.randn(16, 64, generator=draw).to(device or "cpu").half() for _ in range(2))
    got, busy = with_log(tile_scores, q, k)
    assert busy is None, f"tile_scores calls torch's {busy}: the kernel has to do that work."
    right = q.double() @ k.double().T / 8
    fits = isinstance(got, torch.Tensor) and got.shape == right.shape
    is_tensor = isinstance(got, torch.Tensor)
    came = f"one of {list(got.shape)}" if is_tensor else f"a {type(got).__name__}"
    assert fits, f"tile_scores should return a tensor of shape {list(right.shape)}, not {came}."
    assert torch.allclose(got.double(), right, atol=1e-4), (
        "tile_scores of 16 queries and 16 keys, d = 64, is wrong here as well: mend the first test "
        "first. If that is green, pass everything that the kernel needs as an argument."
    )
