import math
import warnings
from unittest import mock

import numpy as np
import torch
from otter.test_files import test_case
from torch.utils._python_dispatch import TorchDispatchMode

OK_FORMAT = False
name = "q4"
points = None

# What torch may do while the kernel works: make room, copy, and look at memory in another way.
HARMLESS = """
    empty empty_like empty_strided empty_permuted new_empty new_empty_strided zeros zeros_like
    new_zeros ones full full_like new_full fill zero copy _to_copy clone contiguous view
    _unsafe_view reshape _reshape_alias expand alias transpose t permute slice select squeeze
    unsqueeze as_strided detach set resize lift_fresh unbind split cat stack constant_pad_nd
""".split()  # noqa: SIM905 - forty quoted names would be harder to read


def heads(shape, dtype, seed, device):
    batch, head, queries, keys, d = shape
    draw = torch.Generator().manual_seed(seed)
    shapes = [(batch, head, queries, d), (batch, head, keys, d), (batch, head, keys, d)]
    return [torch.randn(sizes, generator=draw).to(device or "cpu", dtype) for sizes in shapes]


def exact(q, k, v, causal=False, scale=None, offset=None):
    q, k, v = q.double(), k.double(), v.double()
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    scores = q @ k.transpose(-2, -1) * scale
    if causal:
        queries, keys = scores.shape[-2:]
        seen = torch.ones(queries, keys, dtype=torch.bool, device=q.device).tril(
            keys - queries if offset is None else offset
        )
        scores = scores.masked_fill(~seen, -math.inf)
    return torch.softmax(scores, dim=-1).nan_to_num(0.0) @ v


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


def known_mistake(got, q, k, v, causal, scale):
    """Return what it says that the answer is that of a known mistake, else None."""
    mistakes = {
        "it is zero everywhere, as if nothing was stored or no key was visited": torch.zeros_like(
            v[..., :1, :]
        ),
        "it is the plain mean of V: the scores make no difference": v.double().mean(
            -2, keepdim=True
        ),
        "the scores are not scaled": exact(q, k, v, causal, scale=1.0),
        "the causal mask is not as asked": exact(q, k, v, not causal, scale),
    }
    if scale is not None:
        ignored = "`scale` is not used, which takes the place of 1 / sqrt(d)"
        mistakes[ignored] = exact(q, k, v, causal)
    else:
        padded = max(16, 2 ** math.ceil(math.log2(q.shape[-1])))
        of_padding = exact(q, k, v, causal, scale=padded**-0.5)
        mistakes["the scale is that of the padded width, not of d"] = of_padding
    blind = max(q.shape[-2] - k.shape[-2], 0)
    if causal:
        mistakes |= wrong_masks(q, k, v, scale)
    else:
        mistakes |= wrong_walks(q, k, v, scale)
    # Where a mistake makes no difference, being near to what it gives says nothing.
    off = (got.double() - exact(q, k, v, causal, scale)).abs().max()
    for sentence, answer in mistakes.items():
        wrong = answer.double().expand_as(got)
        near = (got.double() - wrong).abs().max() < off / 5
        if near and torch.allclose(got.double(), wrong, rtol=1e-2, atol=2e-3):
            return sentence
    if causal and got[..., :blind, :].any():
        return f"the first {blind} queries see no key, and so get zeros"
    if off < 1e-3 * v.abs().max():
        return (
            "all of it is nearly right, and further off than rounding explains: scores, m, l and "
            "acc are float32, and the weights are rounded to the dtype of V, not below"
        )
    return None


def wrong_masks(q, k, v, scale):
    """Return the answers of causal masks that are not as asked."""
    queries, keys = q.shape[-2], k.shape[-2]
    rule = "query i sees key j where j <= i + (N - M)"
    shifted = {
        f"the mask shows one key too many: {rule}": keys - queries + 1,
        f"the mask hides one key too many: {rule}": keys - queries - 1,
    }
    if queries != keys:
        shifted = {f"the mask forgets N - M: {rule}": 0} | shifted
    found = {why: exact(q, k, v, True, scale, offset) for why, offset in shifted.items()}
    for block in (16, 32, 64, 128):
        if queries <= block < keys:
            early = (
                f"it is the answer of the first {block} keys alone: the loop ends at the last key "
                "that a query of the tile sees, which is i + (N - M)"
            )
            part = k[..., :block, :], v[..., :block, :]
            found[early] = exact(q, *part, True, scale, keys - queries)
    return found


def wrong_walks(q, k, v, scale):
    """Return the answers of walks over tiles of keys that go wrong."""
    wide = q.double(), k.double(), v.double()
    factor, keys = q.shape[-1] ** -0.5 if scale is None else scale, k.shape[-2]
    found = {}
    for block in (16, 32, 64, 128):
        seen = f"(seen with tiles of {block} keys)"
        if keys > block:
            for keep_sum, part in ((False, "accumulator"), (True, "sum")):
                answer = without_rescale(*wide, block, factor, keep_sum=keep_sum)
                sentence = f"the {part} is not rescaled when the running maximum rises"
                found[f"{sentence} {seen}"] = answer
            alone = "it is the answer of the {} tile of keys alone: {} " + seen
            last = (keys - 1) // block * block
            for which, advice, part in (
                ("first", "the loop goes on, and `start` moves both addresses", [0, block]),
                ("last", "m, l and acc are carried from turn to turn", [last, keys]),
            ):
                tile = slice(*part)
                answer = exact(q, k[..., tile, :], v[..., tile, :], scale=factor)
                found[alone.format(which, advice)] = answer
        if keys % block:
            longer = (torch.nn.functional.pad(x, (0, 0, 0, -keys % block)) for x in (k, v))
            answer = exact(q, *longer, scale=factor)
            found[f"keys that do not exist take part with a score of 0 {seen}"] = answer
    return found


def where_it_lies(wrong, lost, causal):
    """Return what it says that only some heads or queries are wrong, else None.

    lost: which entries are NaN or inf; of a load without its mask all of a head is.
    """
    heads = wrong.flatten(0, 1).flatten(1).any(1)
    if len(heads) > 1 and not heads[0] and heads[1:].all() and not lost.flatten(0, 1)[1:].all():
        return (
            "the first head is right, and no other: the grid has a program for each tile of each "
            "of the B * H heads, which starts at its own batch entry and head"
        )
    rows = wrong.flatten(0, 1).transpose(0, 1).flatten(1).any(1)
    first = int(rows.nonzero()[0])
    if not causal and first and first % 16 == 0 and rows[first:].all():
        return (
            f"from query {first} on all are wrong, and none before: the number of programs is "
            "rounded up (triton.cdiv), so that the last queries have one as well"
        )
    return None


def quietly(function, *args, **kwargs):
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


def check(attention, q, k, v, asked, causal=False, scale=None):
    before = q.clone()
    got = quietly(attention, q, k, v, causal=causal, scale=scale)
    assert torch.equal(q, before), f"{asked} changed q: the result needs memory of its own."
    check_value(got, q, k, v, asked, causal, scale)


def check_value(got, q, k, v, asked, causal=False, scale=None):
    assert isinstance(got, torch.Tensor), f"{asked} returned a {type(got).__name__}, not a tensor."
    assert got.shape == q.shape, f"{asked} has shape {tuple(got.shape)}, not {tuple(q.shape)}."
    assert got.dtype == q.dtype, f"{asked} is {got.dtype}, not the inputs' {q.dtype}."
    right = exact(q, k, v, causal, scale)
    # Rounding the weights and the result once each, and float32 sums: see Step 3.
    u = 2.0**-11 if q.dtype == torch.float16 else 2.0**-24
    tolerance = (2 * u + 1e-5) * exact(q, k, v.abs(), causal, scale) + u * right.abs()
    wrong, lost = ~((got.double() - right).abs() <= 2 * tolerance), ~got.isfinite()
    if not wrong.any():
        return
    where = where_it_lies(wrong, lost, causal)
    if lost.any():
        blind = max(q.shape[-2] - k.shape[-2], 0) if causal else 0
        hint = "look at the masks of your loads and of your scores, and whether all was stored"
        if blind and not wrong[..., blind:, :].any():
            hint = f"the first {blind} queries see no key: -inf minus -inf and 0 / 0 are NaN there"
        raise AssertionError(
            f"{asked} holds {int(lost.sum())} NaN or inf, the first at "
            f"{lost.nonzero()[0].tolist()}: {where or hint}."
        )
    index = wrong.nonzero()[0].tolist()
    entry, number = float(got[tuple(index)]), float(right[tuple(index)])
    hint = "see that each program visits all of its keys, with their values, and hides others"
    raise AssertionError(
        f"{asked} is {entry:.6g} at {index} where {number:.6g} is right, and wrong in "
        f"{int(wrong.sum())} of {wrong.numel()} entries: "
        f"{known_mistake(got, q, k, v, causal, scale) or where or hint}."
    )


@test_case(name="128 queries and keys in float16", points=0.5, hidden=False)
def test_whole_tiles(attention, device):
    q, k, v = heads((1, 2, 128, 128, 64), torch.float16, 1, device)
    check(attention, q, k, v, "attention of (1, 2, 128, 64) in float16")
    q, k, v = heads((1, 1, 272, 16, 16), torch.float16, 10, device)
    check(attention, q, k, v, "attention of 272 queries, more than one program has, and 16 keys")
    asked = "attention of scores past 100 (is the maximum subtracted, are scores kept in float32?)"
    check(attention, 40 * q[:, :, :64], k, v, asked)
    asked = "attention of scores around -100 (does the running maximum start at -inf?)"
    check(attention, 10 * q[:, :, :16].abs(), -4 * k.abs(), v, asked)


@test_case(name="100 queries and keys, causal", points=0.5, hidden=False)
def test_ragged_tiles(attention, device):
    q, k, v = heads((1, 1, 100, 100, 64), torch.float16, 2, device)
    check(attention, q, k, v, "attention(causal=True) of (1, 1, 100, 64)", causal=True)


@test_case(name="float32", points=0.25, hidden=False)
def test_float32(attention, device):
    q, k, v = heads((1, 1, 64, 64, 64), torch.float32, 3, device)
    check(attention, q, k, v, "attention of (1, 1, 64, 64) in float32")


@test_case(name="the scale that is asked for", points=0.25, hidden=False)
def test_scale(attention, device):
    q, k, v = heads((1, 1, 16, 32, 16), torch.float16, 11, device)
    check(attention, q, k, v, "attention(scale=0.6) of (1, 1, 16, 16) and 32 keys", scale=0.6)


@test_case(name="torch only makes room", points=0.5, hidden=False)
def test_kernel(attention, device):
    q, k, v = heads((1, 1, 32, 32, 16), torch.float16, 4, device)
    names = []

    class Log(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            names.append(func.name())
            return func(*args, **(kwargs or {}))

    if hasattr(attention, "observe"):
        seen = quietly(attention.observe, q, k, v)
        names, got = list(seen.operations), seen.value
    else:
        with Log():
            got = quietly(attention, q, k, v)
    torch_names = [name.removeprefix("aten::") for name in names if name.startswith("aten::")]
    busy = [name for name in torch_names if name.split(".")[0].rstrip("_") not in HARMLESS]
    assert not busy, f"attention calls torch's {busy[0]}: the kernel has to do that work."
    check_value(got, q, k, v, "attention of (1, 1, 32, 16), by its kernel alone,")


@test_case(name="a width that is no power of two", points=0.25, hidden=False)
def test_width(attention, device):
    q, k, v = heads((2, 1, 20, 36, 80), torch.float16, 5, device)
    asked = "attention of (2, 1, 20, 80) and 36 keys: d = 80 needs a padded tile and a mask"
    check(attention, q, k, v, asked)


@test_case(name="causal, with more queries than keys", points=0.25, hidden=False)
def test_blind_queries(attention, device):
    q, k, v = heads((1, 1, 24, 16, 16), torch.float16, 6, device)
    asked = "attention(causal=True) of 24 queries and 16 keys, of which the first 8 see none,"
    check(attention, q, k, v, asked, causal=True)
    q, k, v = heads((1, 1, 16, 150, 16), torch.float16, 7, device)
    asked = "attention(causal=True) of 16 queries and 150 keys, of which the last sees all,"
    check(attention, q, k, v, asked, causal=True)


@test_case(name="keys and values among NaN", points=0.25, hidden=False)
def test_among_nan(attention, device):
    # Two heads: behind the keys of the first lies NaN up to those of the second.
    q, *others = heads((1, 2, 16, 20, 16), torch.float16, 8, device)
    inside = []
    for tensor in others:
        buffer = torch.full((1, 2, 64, 32), math.nan, dtype=tensor.dtype, device=tensor.device)
        buffer[:, :, :20, :16] = tensor
        inside.append(buffer[:, :, :20, :16])
    asked = "attention of views into buffers of NaN (mask the loads of K and of V: 0 * NaN is NaN)"
    check(attention, q, *inside, asked)
    asked = "attention of k in one layout and v in another (each has strides of its own)"
    check(attention, q, inside[0], others[1], asked)


def sides_of_dots(attention, *given):
    """Return the smallest side of the tiles that tl.dot multiplies; None without a tl.dot."""
    from triton.runtime import interpreter

    sides = []
    multiply = interpreter.InterpreterBuilder.create_dot

    def noted(builder, a, b, *rest):
        sides.extend((*a.data.shape[-2:], *b.data.shape[-2:]))
        return multiply(builder, a, b, *rest)

    with mock.patch.object(interpreter.InterpreterBuilder, "create_dot", noted):
        quietly(attention, *given)
    return min(sides, default=None)


@test_case(name="tiles that a GPU can multiply", points=0.25, hidden=False)
def test_sides(attention, device):
    q, k, v = heads((1, 1, 5, 7, 8), torch.float16, 9, device)
    asked = "attention of (1, 1, 5, 8) and 7 keys"
    advice = "a GPU's tl.dot needs sides of 16 at least, which the interpreter does not tell"
    if hasattr(attention, "compile_kernels"):  # where it is graded: compiled, for an A100
        made = quietly(attention.compile_kernels, q, k, v, targets=("sm_80",))
        assert made.findings, "attention launches no Triton kernel."
        check_value(made.seen.value, q, k, v, f"{asked} by its kernel alone,")
        for one in made.findings:
            assert "hapes should have" not in (one.error or ""), (
                f"{one.kernel} does not compile: {advice}."
            )
    elif device is None or device == "cpu":
        check(attention, q, k, v, asked)
        least = sides_of_dots(attention, q, k, v)
        assert least is None or least >= 16, (
            f"tl.dot multiplies a tile with a side of {least}: {advice}."
        )
