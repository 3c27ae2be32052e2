"""Hidden tests of the kernel on a GPU: numerics, and the FP16 failure cases."""

import torch
from otter.test_files import test_case

from grader.testing import numerics, observe
from grader.testing.hints import hint

OK_FORMAT = False
name = "q4_gpu"
points = None
requires = "cuda"

DTYPES = ("float16", "bfloat16", "float32")
LONG = (
    ("float16", (1, 2, 1024, 1024, 64), False),
    ("float16", (1, 2, 1024, 1024, 128), True),
    ("bfloat16", (1, 1, 1024, 4096, 128), False),
    ("float16", (1, 1, 4096, 4096, 64), True),
    ("float32", (1, 1, 300, 4096, 128), False),
)


def heads(rng, device, batch, head, queries, keys, d, dtype):
    draw = torch.Generator().manual_seed(int(rng.integers(2**31)))
    shapes = [(batch, head, queries, d), (batch, head, keys, d), (batch, head, keys, d)]
    return [
        torch.randn(shape, generator=draw).to(device, getattr(torch, dtype)) for shape in shapes
    ]


def check(attention, q, k, v, what, *, causal=False, scale=None):
    got = attention(q, k, v, causal=causal, scale=scale)
    check_value(got, q, k, v, what, causal=causal, scale=scale)
    return got


def check_value(got, q, k, v, what, *, causal=False, scale=None):
    dtype = str(q.dtype).removeprefix("torch.")
    assert isinstance(got, torch.Tensor), f"{what}: a {type(got).__name__} came, not a tensor."
    assert got.shape == q.shape, f"{what}: the shape is {tuple(got.shape)}, not {tuple(q.shape)}."
    # A head at a time: float64 scores of all heads together may not fit.
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            parts = q[b, h], k[b, h], v[b, h]
            truth = numerics.attention_truth(*parts, causal=causal, scale=scale)
            head = f"{what}, head [{b}, {h}]"
            mine = got[b, h].to(truth.expected.device)
            numerics.assert_within_bound(mine, truth.expected, truth.bound, what=head, dtype=dtype)


@test_case(
    name="the shapes of q4 in three dtypes",
    points=1.0,
    hidden=True,
    failure_message="What q4 asks for, on a GPU, in float16, bfloat16 and float32. See q4_gpu.",
)
def test_shapes(attention, rng, device):
    for dtype in DTYPES:
        for shape in (
            (1, 1, 1, 1, 16),
            (1, 2, 127, 127, 64),
            (1, 1, 33, 257, 80),
            (2, 1, 64, 100, 40),
        ):
            given = heads(rng, device, *shape, dtype)
            with hint(
                "For some shape and format the answer is not within rounding of the right one."
            ):
                check(attention, *given, f"{dtype}, (B, H, M, N, d) = {shape}")
    q, k, v = heads(rng, device, 1, 1, 32, 60, 32, "float16")
    with hint("Large scores are rounded to halves on the way."):
        check(attention, 3 * q, k, v, "large scores", scale=0.4)
    with hint("With scale = 0 the answer is not the mean of the values."):
        check(attention, q, k, v, "scale = 0", scale=0.0)


@test_case(
    name="long rows",
    points=1.5,
    hidden=True,
    failure_message="Rows of thousands of keys, as accurate as short ones. See q4_gpu.",
)
def test_long(attention, rng, device):
    for dtype, shape, causal in LONG:
        given = heads(rng, device, *shape, dtype)
        with hint("On long rows the answer is further off than rounding explains."):
            check(attention, *given, f"{dtype}, (B, H, M, N, d) = {shape}", causal=causal)


@test_case(
    name="where halves fail on this GPU",
    points=1.0,
    hidden=True,
    failure_message=(
        "Inputs with which naive half attention fails on this very GPU. See “How float16 "
        "attention fails” in step 3."
    ),
)
def test_failure_cases(attention, reference, rng, device):
    cases = reference.fp16_failure_cases(int(rng.integers(2**31)), device)
    reference.assert_naive_fails(cases)
    for what, (q, k, v, causal, scale) in cases.items():
        with hint("Inputs that are finite in float32 come out as inf, NaN or far off."):
            check(attention, q, k, v, what, causal=causal, scale=scale)


@test_case(
    name="causal, however many keys",
    points=0.5,
    hidden=True,
    failure_message="Query i sees key j only where j <= i + (N - M), on a GPU too. See q4_gpu.",
)
def test_causal(attention, rng, device):
    for dtype in DTYPES:
        for shape in ((1, 1, 96, 32, 64), (1, 2, 200, 333, 48)):
            what = f"{dtype}, causal, (B, H, M, N, d) = {shape}"
            with hint(
                "Keys are hidden that count, or seen that do not, as where a mask forgets N - M."
            ):
                check(attention, *heads(rng, device, *shape, dtype), what, causal=True)


@test_case(
    name="what lies behind the keys",
    points=0.5,
    hidden=True,
    failure_message=(
        "What lies between or behind a tensor's elements is never used. See “Masks” in step 6."
    ),
)
def test_nan_buffers(attention, rng, device):
    for dtype in DTYPES:
        inside = []
        for tensor in heads(rng, device, 1, 2, 40, 50, 40, dtype):
            rows, cols = tensor.shape[-2:]
            shape = (1, 2, rows + 200, cols + 100)
            buffer = torch.full(shape, torch.nan, dtype=tensor.dtype, device=device)
            view = buffer[:, :, 3 : rows + 3, 2 : cols + 2]
            view.copy_(tensor)
            inside.append(view)
        with hint(
            "What lies behind a tensor is used: a load of K or V, or of columns, lacks its mask."
        ):
            check(attention, *inside, f"{dtype} views into buffers of NaN")


@test_case(
    name="a new result from a kernel",
    points=0.5,
    hidden=True,
    failure_message="A new contiguous result, made by a kernel and nothing else. See q4_gpu.",
)
def test_kernel(attention, rng, device):
    given = heads(rng, device, 1, 2, 64, 64, 64, "float16")
    given[0] = given[0].transpose(-2, -1).contiguous().transpose(-2, -1)
    before = [tensor.clone() for tensor in given]
    got = check(attention, *given, "a query tensor whose last stride is not 1", causal=True)
    assert got.is_contiguous(), f"The result is not contiguous: its strides are {got.stride()}."
    for letter, tensor, old in zip("qkv", given, before, strict=True):
        assert torch.equal(tensor, old), f"{letter} was changed in place."
    seen = observe.observe(attention, *given, causal=True)
    launched = [entry for entry in seen.operations if entry.startswith("triton::")]
    assert launched, "No Triton kernel was launched."
    busy = observe.busy(seen)
    assert not busy, f"Torch's {busy} works beside the kernel."
    check_value(seen.value, *given, "the kernel by itself", causal=True)
