import warnings

import numpy as np
import torch
from otter.test_files import test_case

from grader.testing import compiled, numerics, observe
from grader.testing.hints import hint

OK_FORMAT = False
name = "q4"
points = None

SHARED_LIMIT = {"sm_80": 166_912, "sm_90": 232_448}
# Beside a kernel that does the rest, these cost the case on the kernel's work, and no other.
LIGHT = frozenset({"add", "div", "mul", "neg", "sub"})


def heads(rng, batch, head, queries, keys, d, dtype="float16"):
    shapes = [(batch, head, queries, d), (batch, head, keys, d), (batch, head, keys, d)]
    draws = [torch.from_numpy(rng.standard_normal(shape)) for shape in shapes]
    return [tensor.to(getattr(torch, dtype)) for tensor in draws]


def quietly(function, *args, **kwargs):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


def check(attention, q, k, v, what, *, causal=False, scale=None):
    seen = quietly(observe.observe, attention, q, k, v, causal=causal, scale=scale)
    check_work(seen, what, light=LIGHT)
    check_value(seen, q, k, v, what, causal=causal, scale=scale)


def check_plain(attention, rng, n=16):
    """Check what has nothing to do with a case, so that the case's own hints are true."""
    with hint("One small head without a mask comes out wrong already: see the public tests first."):
        check(attention, *heads(rng, 1, 1, n, n, 16), "one small head without a mask")


def check_work(seen, what, *, light=frozenset()):
    """Check that a kernel was launched, and that torch does no mathematics but what is light."""
    with hint("No Triton kernel was launched."):
        assert any(entry.startswith("triton::") for entry in seen.operations), (
            f"{what}: no Triton kernel was launched."
        )
    busy = observe.busy(seen, light)
    with hint("A torch operation does mathematics beside the kernel."):
        assert not busy, f"{what}: torch's {busy} works beside the kernel."


def check_value(seen, q, k, v, what, *, causal=False, scale=None):
    """Check the value that the kernels gave, and name the mistake that gives just that."""
    truth = numerics.attention_truth(q, k, v, causal=causal, scale=scale)
    dtype = str(q.dtype).removeprefix("torch.")
    blind = max(q.shape[-2] - k.shape[-2], 0)
    if causal and isinstance(seen.value, torch.Tensor) and seen.value.shape == q.shape:
        with hint("A query that sees no key does not get zeros."):
            assert not seen.value[..., :blind, :].any(), f"{what}: {blind} queries see no key."
    try:
        numerics.assert_within_bound(
            seen.value, truth.expected, truth.bound, what=what, dtype=dtype
        )
    except AssertionError as error:
        guess = named_mistake(seen.value, truth, q, k, v, causal, scale)
        elsewhere = (
            " A tensor takes part that neither torch nor a kernel made in this call (NumPy's, "
            "another thread's, or an earlier call's)."
            if seen.outside and not guess
            else ""
        )
        raise AssertionError(f"{error}{guess}{elsewhere}") from None


def named_mistake(got, truth, q, k, v, causal, scale):
    """Name the mistake that gives just this answer, where there is one that we know."""
    if not isinstance(got, torch.Tensor) or (got.shape, got.dtype) != (q.shape, q.dtype):
        return ""
    if got.isnan().any():
        return (
            " NaN comes from a load that is not masked (0 * NaN is NaN), from -inf - -inf, or from "
            "a place of the result that no program writes."
        )
    wide = q.double(), k.double(), v.double()
    used = q.shape[-1] ** -0.5 if scale is None else scale

    def otherwise(**changes):
        return numerics.attention_oracle(*wide, **{"causal": causal, "scale": used} | changes)

    candidates = {
        "nothing was stored, or no key was visited: it is zero everywhere": torch.zeros_like(
            truth.expected
        ),
        "it is the mean of V: the scores make no difference": wide[2].mean(-2, True).expand_as(got),
        "the scores are scaled twice": otherwise(scale=used * q.shape[-1] ** -0.5),
        "the scores are not scaled": otherwise(scale=1.0),
        "the causal flag is taken the other way round": otherwise(causal=not causal),
    }
    candidates |= masks(*wide, used) if causal else tiles(*wide, used)
    name = numerics.recognise(got, candidates, truth.bound)
    return f" It looks as if {name}." if name else ""


def masks(q, k, v, scale):
    """Give the answers of causal masks that are not as asked."""
    queries, keys = q.shape[-2], k.shape[-2]

    def shifted(offset):
        seen = torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries + offset)
        scores = (q @ k.transpose(-2, -1) * scale).masked_fill(~seen, -torch.inf)
        return torch.softmax(scores, -1).nan_to_num(0.0) @ v

    return {
        "the mask is one key too wide": shifted(1),
        "the mask is one key too narrow": shifted(-1),
        "the mask forgets N - M": shifted(queries - keys),
    }


def tiles(q, k, v, scale):
    """Give the answers of walks over tiles of keys that go wrong."""
    keys, found = k.shape[-2], {}
    for block in (16, 32, 64, 128):
        size = f"(tiles of {block} keys)"
        if keys > block:
            for keep_sum, part in ((False, "accumulator"), (True, "sum")):
                sentence = f"the {part} is not rescaled when the running maximum rises {size}"
                found[sentence] = without_rescale(q, k, v, block, scale, keep_sum=keep_sum)
        whole = keys // block * block
        if 0 < whole < keys:
            part = q, k[..., :whole, :], v[..., :whole, :]
            found[f"the ragged tail of the keys is dropped {size}"] = numerics.attention_oracle(
                *part, scale=scale
            )
        if keys % block:
            part = (torch.nn.functional.pad(x, (0, 0, 0, -keys % block)) for x in (k, v))
            found[f"keys past the end take part with a score of 0 {size}"] = (
                numerics.attention_oracle(q, *part, scale=scale)
            )
    return found


def without_rescale(q, k, v, block, scale, *, keep_sum):
    """Walk over tiles of keys like a kernel that forgets to rescale: float64, no mask."""
    scores = (q @ k.transpose(-2, -1) * scale).split(block, dim=-1)
    top, total, acc = torch.full_like(q[..., :1], -torch.inf), 0.0, 0.0
    for part, values in zip(scores, v.split(block, dim=-2), strict=True):
        new_top = torch.maximum(top, part.amax(-1, keepdim=True))
        exps, factor = torch.exp(part - new_top), torch.exp(top - new_top)
        total = total * (1.0 if keep_sum else factor) + exps.sum(-1, keepdim=True)
        acc = acc * (factor if keep_sum else 1.0) + exps @ values
        top = new_top
    return acc / total


@test_case(
    name="many shapes",
    points=0.5,
    hidden=True,
    failure_message=(
        "Any B, H, M, N and d: tails of tiles are masked, d need be no power of two, and without "
        "keys every query gets 0. See “Masks” and the text of q4 in step 6."
    ),
)
def test_shapes(attention, rng):
    for shape in (
        (1, 1, 1, 1, 1),
        (1, 1, 1, 1, 16),
        (1, 2, 33, 127, 64),
        (1, 1, 17, 257, 80),
        (1, 1, 65, 100, 40),
    ):
        with hint("For some shape the answer is not within rounding of the right one."):
            check(attention, *heads(rng, *shape), f"(B, H, M, N, d) = {shape}")
    q, k, v = heads(rng, 1, 2, 20, 0, 16)
    got = quietly(observe.observe, attention, q, k, v).value
    with hint("Without keys (N = 0) a query sees nothing, and so gets zeros."):
        zeros = isinstance(got, torch.Tensor) and got.shape == q.shape and not got.any()
        assert zeros, "(B, H, M, N, d) = (1, 2, 20, 0, 16): the answer is not zeros"


@test_case(
    name="causal, however many keys",
    points=0.5,
    hidden=True,
    failure_message=(
        "Query i sees key j only where j <= i + (N - M), in every tile, also where M and N "
        "differ. See “Causality” in step 6."
    ),
)
def test_causal(attention, rng):
    check_plain(attention, rng)
    # With 64 rows a tile, the last two need the mask where M - N or a step more seems to spare it.
    for shape in (
        (1, 1, 96, 32, 64),
        (1, 1, 33, 120, 32),
        (1, 1, 40, 40, 16),
        (1, 1, 160, 96, 16),
        (1, 1, 40, 102, 16),
    ):
        what = f"causal, (B, H, M, N, d) = {shape}"
        with hint(
            "Keys are hidden that count, or seen that do not, as where a mask forgets N - M."
        ):
            check(attention, *heads(rng, *shape), what, causal=True)


@test_case(
    name="views of other layouts",
    points=0.25,
    hidden=True,
    failure_message=(
        "Any strides: each tensor is read by its own, the last one included. See the "
        "docstring of q4."
    ),
)
def test_views(attention, rng):
    check_plain(attention, rng)
    by_token = heads(rng, 2, 20, 2, 2, 32)
    q, k, v = (tensor.transpose(1, 2) for tensor in (by_token[0], *heads(rng, 2, 25, 2, 2, 32)[:2]))
    v = v[:, :, : k.shape[2]]
    with hint("Tensors whose strides are others than those of a new one give another answer."):
        check(attention, q, k, v, "heads as a (B, M, H, d) tensor holds them")
    wide_q, wide_k, wide_v = heads(rng, 1, 1, 24, 24, 64)
    by_column = wide_v[..., :32].transpose(-2, -1).contiguous().transpose(-2, -1)
    part = (wide_q[..., ::2], wide_k[..., 1::2], by_column)
    with hint("A tensor whose last stride is not 1 gives another answer than its numbers."):
        check(attention, *part, "every other column, and values laid out by column")


@test_case(
    name="what lies behind the keys",
    points=0.25,
    hidden=True,
    failure_message=(
        "What lies between or behind a tensor's elements in memory is never used: every "
        "load is masked, V's too. See “Masks” in step 6."
    ),
)
def test_nan_buffers(attention, rng):
    check_plain(attention, rng, n=128)  # whole tiles, which need no mask
    for causal, shape in (
        (False, (1, 2, 40, 50, 40)),
        (True, (1, 1, 30, 75, 24)),
        (False, (1, 1, 20, 70, 40)),
    ):
        inside = []
        for tensor in heads(rng, *shape):
            rows, cols = tensor.shape[-2:]
            buffer = torch.full((*shape[:2], rows + 70, cols + 44), torch.nan, dtype=tensor.dtype)
            view = buffer[:, :, 3 : rows + 3, 2 : cols + 2]
            view.copy_(tensor)
            inside.append(view)
        what = f"views into buffers of NaN, of which nothing may be used, {shape}"
        seen = quietly(observe.observe, attention, *inside, causal=causal)
        check_work(seen, what, light=LIGHT)
        is_nan = isinstance(seen.value, torch.Tensor) and bool(seen.value.isnan().any())
        with hint(
            "What lies behind a tensor is used: a load of K or V, or of columns, lacks its mask."
        ):
            assert not is_nan, f"{what}: the answer holds NaN."
        with hint(
            "No NaN came in, and the answer is off: a score that must not count does, or one that "
            "must does not."
        ):
            check_value(seen, *inside, what, causal=causal)


@test_case(
    name="where halves fail",
    points=0.5,
    hidden=True,
    failure_message=(
        "Scores, running maximum, running sum and accumulator are float32, and no -inf "
        "meets another in a subtraction. See steps 2 and 3."
    ),
)
def test_failure_cases(attention, reference, rng):
    cases = reference.fp16_failure_cases(int(rng.integers(2**31)))
    for what, (q, k, v, causal, scale) in cases.items():
        if "see no key" in what:
            with hint("A query that sees no key does not get zeros."):
                check(attention, q, k, v, what, causal=causal, scale=scale)
        elif "negative" in what:
            with hint(
                "Very negative scores come out wrong, as where the running maximum starts at 0."
            ):
                check(attention, q, k, v, what, causal=causal, scale=scale)
        else:
            with hint("Inputs that are finite in float32 come out as inf, NaN or far off."):
                check(attention, q, k, v, what, causal=causal, scale=scale)
    # Tile after tile lies so far below the first that only its maximum can be kept.
    q, k = torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 160, 16)
    q[..., 0], k[..., 0] = 1.0, torch.linspace(60, -60, 160)
    _, _, v = heads(rng, 1, 1, 1, 160, 16)
    with hint("Keys far below the maximum so far spoil the sum or the accumulator."):
        check(attention, q.half(), k.half(), v, "scores that fall along the row", scale=1.0)


@test_case(
    name="what must not matter",
    points=0.25,
    hidden=True,
    failure_message=(
        "The order of the keys does not matter, a shift and a scale of V go through, and "
        "`scale` may be 0 or negative. See the docstring of q4."
    ),
)
def test_relations(attention, rng):
    check_plain(attention, rng)
    q, k, v = heads(rng, 1, 1, 32, 60, 32)
    q = 3 * q  # scores up to 25: rounded to float16 they would be off by 0.008
    truth = numerics.attention_truth(q, k, v, scale=0.4)
    order = torch.from_numpy(rng.permutation(60))
    shuffled = k[..., order, :].contiguous(), v[..., order, :].contiguous()
    got = quietly(attention, q, *shuffled, scale=0.4)
    what = "large scores, keys and values in another order"
    with hint(
        "The answer depends on the order of the keys, or large scores are rounded to halves."
    ):
        numerics.assert_within_bound(got, truth.expected, truth.bound, what=what)
    moved = (2 * v + 3).to(v.dtype)
    with hint("With a negative scale, or a V with a large mean, the answer is off."):
        check(attention, q, k, moved, "V moved to 2 V + 3, scale = -0.2", scale=-0.2)
    with hint("With scale = 0 the answer is not the mean of the values: 0 is a scale too."):
        check(attention, q, k, v, "scale = 0", scale=0.0)
    q, k, v = heads(rng, 1, 1, 20, 40, 48, "float32")
    with hint(
        "With float32 inputs and a causal mask the answer is off: where the causal cases are "
        "right, by products or sums that are not float32."
    ):
        check(attention, q, k, 30 * v, "float32, V of spread 30", causal=True)


@test_case(
    name="a new result, and the inputs stay",
    points=0.25,
    hidden=True,
    failure_message=(
        "The result is a new contiguous tensor, and q, k and v are not changed. See the "
        "docstring of q4."
    ),
)
def test_memory(attention, rng):
    check_plain(attention, rng)
    given = heads(rng, 1, 2, 20, 36, 16)
    given[0] = given[0].transpose(-2, -1).contiguous().transpose(-2, -1)
    before = [tensor.clone() for tensor in given]
    what = "a query tensor whose last stride is not 1"
    truth = numerics.attention_truth(*given)
    got = quietly(attention, *given)
    with hint("A query tensor whose last stride is not 1 gives another answer than its numbers."):
        numerics.assert_within_bound(got, truth.expected, truth.bound, what=what)
    for letter, tensor, old in zip("qkv", given, before, strict=True):
        with hint("An input was changed in place."):
            assert torch.equal(tensor, old), f"{letter} was changed in place."
        shared = got.untyped_storage().data_ptr() == tensor.untyped_storage().data_ptr()
        with hint("The result shares memory with an input."):
            assert not shared, f"The result shares memory with {letter}."
    with hint("The result is not contiguous, as where empty_like copies the strides of q."):
        assert got.is_contiguous(), f"The result is not contiguous: its strides are {got.stride()}."


@test_case(
    name="the kernel does the work",
    points=0.25,
    hidden=True,
    failure_message=(
        "The kernel does the mathematics; torch only allocates, copies and views beside it. "
        "See the docstring of q4."
    ),
)
def test_kernel(attention, rng):
    for dtype in ("float16", "float32"):
        q, k, v = heads(rng, 1, 2, 32, 32, 16, dtype)
        seen = quietly(observe.observe, attention, q, k, v, causal=True)
        check_work(seen, f"{dtype}, one tile")
        with hint("What the kernel gives by itself, on one small tile, is not the right answer."):
            check_value(seen, q, k, v, f"{dtype}, one tile", causal=True)


@test_case(
    name="compiled for a GPU",
    points=0.25,
    hidden=True,
    failure_message=(
        "The kernel compiles for real GPUs: sides of at least 16 in tl.dot, float32 sums, "
        "IEEE products of float32, and tiles that fit. See “What the interpreter does not "
        "tell you” in step 5."
    ),
)
def test_compiles(attention, rng):
    for dtype, d, targets in (("float16", 8, ("sm_80", "sm_90")), ("float32", 64, ("sm_80",))):
        given = heads(rng, 1, 1, 64, 64, d, dtype)
        causal = dtype == "float16"
        made = quietly(compiled.compile_kernels, attention, *given, targets=targets, causal=causal)
        check_work(made.seen, f"{dtype}, d = {d}", light=LIGHT)
        with hint("What the kernel gives is not right, so nobody has looked how it compiles."):
            check_value(made.seen, *given, f"{dtype}, d = {d}", causal=causal)
        found = made.findings
        if any(item.fault == "tool" for item in found):
            raise RuntimeError(f"Cannot compile offline: {found[0].error}")
        for item in found:
            where = f"{item.kernel} for {item.target} and {dtype}"
            with hint("A kernel does not compile for a GPU: tl.dot needs sides of 16 at least."):
                assert "hapes should have" not in (item.error or ""), f"{where}: {item.error}"
            with hint("A kernel does not compile for a GPU, which the interpreter does not tell."):
                assert not item.error, f"{where} does not compile: {item.error}"
            with hint("Products of halves are added up in float16."):
                assert not item.f16_accumulate, f"{where} adds up products in float16."
            with hint("Products of float32 are rounded to TF32: they need input_precision='ieee'."):
                assert not (item.tf32 and dtype == "float32"), f"{where} rounds products to TF32."
        # A kernel too large for the smaller GPU may still run on the larger one.
        spare = [SHARED_LIMIT[item.target] - item.shared_bytes for item in found]
        with hint("The tiles need more shared memory than a GPU has."):
            assert max(spare) >= 0, f"The kernel needs {-max(spare)} bytes more than a GPU shares."
