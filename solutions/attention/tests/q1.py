import math

import torch
from otter.test_files import test_case

from grader.testing import numerics
from grader.testing.hints import hint

OK_FORMAT = False
name = "q1"
points = None

DTYPES = ("float16", "bfloat16", "float32", "float64")


def check(stable_softmax, x, what, dim=-1):
    before = x.clone()
    truth = numerics.softmax_truth(x, dim)
    dtype = str(x.dtype).removeprefix("torch.") if x.is_floating_point() else "float32"
    got = stable_softmax(x, dim=dim)
    if isinstance(got, torch.Tensor) and x.isfinite().all():
        with hint("Finite scores give NaN or inf."):
            assert got.isfinite().all(), f"{what}: NaN or inf in the result"
    numerics.assert_within_bound(
        got, truth.expected, truth.bound, what=what, inputs={"x": x.to(torch.float64)}, dtype=dtype
    )
    return got, before


@test_case(
    name="every float dtype",
    points=0.5,
    hidden=True,
    failure_message=(
        "float16, bfloat16, float32 and float64 keep their format, and the result is as "
        "near to the truth as its rounding allows. See step 1."
    ),
)
def test_dtypes(stable_softmax, rng):
    for dtype in DTYPES:
        for spread in (0.01, 1.0, 30.0, 3000.0):
            for n in (1, 7, 1000):
                x = torch.from_numpy(rng.standard_normal((3, n)) * spread)
                x = (x + spread).to(getattr(torch, dtype))
                with hint(
                    "The result has another format, or is further off than rounding in it explains."
                ):
                    check(stable_softmax, x, f"{dtype} rows of {n} scores around {spread:g}")
        # No finite score is a mask, however low.
        lowest = torch.finfo(getattr(torch, dtype)).min
        x = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.5, 1.0]], dtype=torch.float64) * lowest
        x = x.to(getattr(torch, dtype))
        with hint("Finite scores that are very negative come out as if they were masked."):
            check(stable_softmax, x, f"{dtype} rows of the lowest finite scores")


@test_case(
    name="integers and bools",
    points=0.25,
    hidden=True,
    failure_message=(
        "Integers and bools become float32 before anything is subtracted. See the docstring of q1."
    ),
)
def test_integers(stable_softmax, rng):
    unsigned = torch.tensor([[3, 250, 255], [0, 1, 2]], dtype=torch.uint8)
    with hint("Of uint8 scores the result is off, or not float32, as where a difference wraps."):
        check(stable_softmax, unsigned, "uint8 [3, 250, 255]: 3 - 255 wraps to 4 in uint8")
    signed = torch.tensor([[-128, 127, 126]], dtype=torch.int8)
    with hint("Of int8 scores the result is off, or not float32, as where a difference wraps."):
        check(stable_softmax, signed, "int8 [-128, 127, 126]: -128 - 127 wraps to 1 in int8")
    whole = torch.from_numpy(rng.integers(-1000, 1000, (4, 9)))
    with hint("Of int64 scores the result is not the softmax in float32."):
        check(stable_softmax, whole, "int64 scores")
    with hint("Of bools the result is not the softmax in float32."):
        check(stable_softmax, torch.tensor([True, False, True]), "bools")


@test_case(
    name="any dim, any strides",
    points=0.25,
    hidden=True,
    failure_message=(
        "Softmax runs along `dim`, in tensors of any shape and strides, also empty or 0-d. "
        "See the docstring of q1."
    ),
)
def test_dims(stable_softmax, rng):
    x = torch.from_numpy(rng.standard_normal((4, 5, 6)) * 10).to(torch.float32)
    for dim in (0, 1, 2, -1, -2, -3):
        with hint("The result is not the softmax along the dim that was asked for."):
            check(stable_softmax, x, f"a (4, 5, 6) tensor along dim {dim}", dim)
    with hint("A transposed view gives another answer than its numbers."):
        check(stable_softmax, x.transpose(0, 2), "a transposed view along dim 0", 0)
    with hint("A strided slice gives another answer than its numbers."):
        check(stable_softmax, x[:, ::2, 1:], "a strided slice along dim 1", 1)
    with hint("An expanded row gives another answer than its numbers."):
        check(stable_softmax, x[0, 0].expand(3, 6), "an expanded row")
    with hint("The softmax of a 0-d tensor is 1."):
        check(stable_softmax, torch.tensor(7.5), "a 0-d tensor, whose softmax is 1", 0)
    for shape in ((0,), (0, 3), (3, 0)):
        got = stable_softmax(torch.zeros(shape, dtype=torch.float16))
        fits = isinstance(got, torch.Tensor) and got.shape == shape and got.dtype == torch.float16
        with hint("An empty tensor does not come back as it is."):
            assert fits, f"An empty float16 tensor of shape {shape} must come back as it is."


@test_case(
    name="masked, infinite and missing scores",
    points=0.5,
    hidden=True,
    failure_message=(
        "-inf gets 0, a slice of only -inf gives zeros, and a slice with NaN or +inf is NaN "
        "all through. See “What the shift does not fix” in step 1."
    ),
)
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
        with hint("A row with -inf, +inf or NaN in it does not come out as the docstring says."):
            check(stable_softmax, x, f"{dtype} rows with -inf, NaN and +inf in them")
        with hint("A column with -inf, +inf or NaN in it does not come out as the docstring says."):
            check(stable_softmax, x.T, f"{dtype} columns with -inf, NaN and +inf in them", 0)


@test_case(
    name="what was handed in stays",
    points=0.25,
    hidden=True,
    failure_message="x is not changed, and the result is a new tensor. See the docstring of q1.",
)
def test_inputs(stable_softmax, rng):
    for dtype in (torch.float16, torch.float32):
        x = torch.from_numpy(rng.standard_normal((5, 8)) * 4).to(dtype)
        got, before = check(stable_softmax, x, f"a (5, 8) {dtype} tensor")
        with hint("The input was changed in place."):
            assert torch.equal(x, before), f"The {dtype} input was changed in place."
        shared = got.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        with hint("The result shares memory with its input."):
            assert not shared, f"The result shares memory with its {dtype} input."


@test_case(
    name="long rows of halves",
    points=0.25,
    hidden=True,
    failure_message=(
        "Intermediate results of half inputs are kept in float32, the sum above all. See "
        "“What the shift does not fix” in step 1."
    ),
)
def test_long(stable_softmax, rng):
    equal = torch.full((1, 65_520), 3.0, dtype=torch.float16)
    with hint("A long row of equal halves is off: its sum is not kept in float32."):
        check(stable_softmax, equal, "65,520 equal float16 scores: their sum is past 65504")
    rows = torch.from_numpy(rng.uniform(0, 1, (2, 20_000)))
    with hint("A long row of float16 is further off than a sum in float32 explains."):
        check(stable_softmax, rows.to(torch.float16), "float16 rows of 20,000 scores")
    with hint("A long column of bfloat16 is further off than a sum in float32 explains."):
        check(stable_softmax, rows.to(torch.bfloat16).T, "bfloat16 columns of 20,000 scores", 0)
