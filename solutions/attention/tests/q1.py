import math

import torch
from otter.test_files import test_case

from grader.testing import numerics

OK_FORMAT = False
name = "q1"
points = None

DTYPES = ("float16", "bfloat16", "float32", "float64")


def check(stable_softmax, x, what, dim=-1):
    before = x.clone()
    truth = numerics.softmax_truth(x, dim)
    dtype = str(x.dtype).removeprefix("torch.") if x.is_floating_point() else "float32"
    got = stable_softmax(x, dim=dim)
    numerics.assert_within_bound(
        got, truth.expected, truth.bound, what=what, inputs={"x": x.to(torch.float64)}, dtype=dtype
    )
    return got, before


@test_case(name="every float dtype", points=0.5, hidden=True)
def test_dtypes(stable_softmax, rng):
    for dtype in DTYPES:
        for spread in (0.01, 1.0, 30.0, 3000.0):
            for n in (1, 7, 1000):
                x = torch.from_numpy(rng.standard_normal((3, n)) * spread)
                x = (x + spread).to(getattr(torch, dtype))
                check(stable_softmax, x, f"{dtype} rows of {n} scores around {spread:g}")


@test_case(name="integers and bools", points=0.5, hidden=True)
def test_integers(stable_softmax, rng):
    unsigned = torch.tensor([[3, 250, 255], [0, 1, 2]], dtype=torch.uint8)
    check(stable_softmax, unsigned, "uint8 [3, 250, 255]: 3 - 255 wraps to 4 in uint8")
    signed = torch.tensor([[-128, 127, 126]], dtype=torch.int8)
    check(stable_softmax, signed, "int8 [-128, 127, 126]: -128 - 127 wraps to 1 in int8")
    whole = torch.from_numpy(rng.integers(-1000, 1000, (4, 9)))
    check(stable_softmax, whole, "int64 scores")
    check(stable_softmax, torch.tensor([True, False, True]), "bools")


@test_case(name="any dim, any strides", points=0.5, hidden=True)
def test_dims(stable_softmax, rng):
    x = torch.from_numpy(rng.standard_normal((4, 5, 6)) * 10).to(torch.float32)
    for dim in (0, 1, 2, -1, -2, -3):
        check(stable_softmax, x, f"a (4, 5, 6) tensor along dim {dim}", dim)
    check(stable_softmax, x.transpose(0, 2), "a transposed view along dim 0", 0)
    check(stable_softmax, x[:, ::2, 1:], "a strided slice along dim 1", 1)
    check(stable_softmax, x[0, 0].expand(3, 6), "an expanded row")
    check(stable_softmax, torch.tensor(7.5), "a 0-d tensor, whose softmax is 1", 0)
    for shape in ((0,), (0, 3), (3, 0)):
        got = stable_softmax(torch.zeros(shape, dtype=torch.float16))
        fits = isinstance(got, torch.Tensor) and got.shape == shape and got.dtype == torch.float16
        assert fits, f"An empty float16 tensor of shape {shape} must come back as it is."


@test_case(name="masked, infinite and missing scores", points=0.5, hidden=True)
def test_special(stable_softmax):
    rows = [
        [-math.inf, 0.0, 1.0, -math.inf],
        [-math.inf] * 4,
        [0.0, math.nan, 1.0, 2.0],
        [math.inf, 0.0, 1.0, 2.0],
        [math.inf, -math.inf, 1.0, math.inf],
        [1.0, 2.0, 3.0, 4.0],
    ]
    for dtype in DTYPES:
        x = torch.tensor(rows, dtype=getattr(torch, dtype))
        check(stable_softmax, x, f"{dtype} rows with -inf, NaN and +inf in them")
        check(stable_softmax, x.T, f"{dtype} columns with -inf, NaN and +inf in them", 0)


@test_case(name="what was handed in stays", points=0.25, hidden=True)
def test_inputs(stable_softmax, rng):
    for dtype in (torch.float16, torch.float32):
        x = torch.from_numpy(rng.standard_normal((5, 8)) * 4).to(dtype)
        got, before = check(stable_softmax, x, f"a (5, 8) {dtype} tensor")
        assert torch.equal(x, before), f"The {dtype} input was changed in place."
        shared = got.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        assert not shared, f"The result shares memory with its {dtype} input."


@test_case(name="long rows of halves", points=0.25, hidden=True)
def test_long(stable_softmax, rng):
    equal = torch.full((1, 65_520), 3.0, dtype=torch.float16)
    check(stable_softmax, equal, "65,520 equal float16 scores: their sum is past 65504")
    rows = torch.from_numpy(rng.uniform(0, 1, (2, 20_000)))
    check(stable_softmax, rows.to(torch.float16), "float16 rows of 20,000 scores")
    check(stable_softmax, rows.to(torch.bfloat16).T, "bfloat16 columns of 20,000 scores", 0)
