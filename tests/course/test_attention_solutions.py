"""How far right and wrong solutions of the attention assignment lie from the derived bound.

`GRADER_SEEDS=200 pytest tests/course/test_attention_solutions.py -s` calibrates on 200 seeds and
prints the whole table; by default one seed and some of the inputs show that nothing moved.
"""

import importlib.util
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from grader.grading import fresh_memory
from grader.sandbox.inside import instruments
from grader.testing import numerics

# Before any kernel is interpreted, whichever test comes first: see `preload`.
instruments.preload(kernels=True)

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions" / "attention"
SEEDS = range(int(os.environ.get("GRADER_SEEDS", "1")))
DTYPES = ("float16", "float32")
Attention = Callable[..., torch.Tensor]

# What is wrong with these is not a number: they are caught by what they do or compile to.
NOT_NUMERIC = {
    "decoy_before_numpy",
    "decoy_beside_a_thread",
    "global_in_the_kernel",
    "half_products",
    "hidden_sdpa",
    "no_keys_nothing_stored",  # what the memory held is the answer, to no keys alone
    "python_list_in_the_kernel",
    "result_in_float32",
    "result_laid_out_like_q",
    "scores_by_torch",
    "tf32",
    "tiles_of_eight_keys",
    "torch_fallback",
    "writes_into_q",
}

# Enough of them to trip every wrong number; all are used with more than one seed.
SOME = {
    "float16": (
        "long rows, small V",  # first: what fixed tolerances say of it is asked of some ideas
        "ragged",
        "causal, blind rows",
        "causal, two heads",
        "large scores, own scale",
        "scale 0",
        "other strides",
        "views into NaN",
        "V with a large mean",
        "very negative scores",
    ),
    "float32": ("ragged", "causal, blind rows"),
}
FAR = 4  # times the bound


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"attention_{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def solutions(kind: str) -> Iterator[tuple[str, Attention]]:
    for path in sorted((SOLUTIONS / kind).glob("*.py")):
        if "def attention(" in path.read_text(encoding="utf-8"):
            yield path.stem, module(path).attention


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    return module(SOLUTIONS / "reference.py")


def families(seed: int, dtype: str, reference: ModuleType) -> dict[str, Any]:
    draw = np.random.default_rng(seed)

    def heads(batch: int, rows: int, keys: int, d: int) -> list[torch.Tensor]:
        shapes = (batch, 1, rows, d), (batch, 1, keys, d), (batch, 1, keys, d)
        draws = (torch.from_numpy(draw.standard_normal(shape)) for shape in shapes)
        return [tensor.to(getattr(torch, dtype)) for tensor in draws]

    q, k, v = heads(1, 16, 512, 16)
    found = {
        "ragged": reference.Head(*heads(2, 20, 75, 40)),
        "causal, blind rows": reference.Head(*heads(1, 48, 33, 24), causal=True),
        "large scores, own scale": reference.Head(*heads(1, 16, 60, 32), scale=0.9),
        "long rows, small V": reference.Head(q, k, 0.02 * v),
        "scale 0": reference.Head(*heads(1, 16, 40, 16), scale=0.0),
    }
    q, k, v = heads(1, 16, 40, 16)
    q, v = (x.transpose(-2, -1).contiguous().transpose(-2, -1) for x in (q, v))
    found["other strides"] = reference.Head(q, k, v)  # which are not the same for K and V
    q, k, v = heads(1, 16, 40, 16)
    found["very negative scores"] = reference.Head(q.abs(), -k.abs(), v, scale=8.0)
    buffers = [torch.full((1, 1, 80, 40), torch.nan, dtype=x.dtype) for x in (q, k, v)]
    for buffer, x in zip(buffers, heads(1, 16, 40, 24), strict=True):
        buffer[:, :, : x.shape[2], :24] = x
    views = (b[:, :, :n, :24] for b, n in zip(buffers, (16, 40, 40), strict=True))
    found["views into NaN"] = reference.Head(*views)
    several = (x.transpose(0, 1) for x in heads(2, 20, 90, 16))
    found["causal, two heads"] = reference.Head(*several, causal=True)
    for name, (q, k, v, causal, scale) in reference.fp16_failure_cases(seed).items():
        halves = (x.to(getattr(torch, dtype)) for x in (q, k, v))
        found[name.split(",")[0]] = reference.Head(*halves, causal=causal, scale=scale)
    return found


def quietly(attention: Attention, head: Any) -> torch.Tensor:
    # What a wrong idea leaves unwritten would be what the one before it has worked out.
    place = attention.__code__.co_filename  # type: ignore[attr-defined]
    with warnings.catch_warnings(), np.errstate(all="ignore"), fresh_memory.for_test(place):
        warnings.simplefilter("ignore")
        # A copy of q: one wrong idea writes into it.
        q = torch.empty_strided(head.q.shape, head.q.stride(), dtype=head.q.dtype).copy_(head.q)
        return attention(q, head.k, head.v, causal=head.causal, scale=head.scale)


def fixed(got: torch.Tensor, right: torch.Tensor, **tolerance: float) -> str:
    """Say what a fixed tolerance says; without one, torch's own for the dtype."""
    try:
        torch.testing.assert_close(got, right.to(got.dtype), equal_nan=False, **tolerance)
    except AssertionError:
        return "no"
    return "ok"


@dataclass(frozen=True)
class Inputs:
    """One head's inputs, and what the right answer to them is."""

    dtype: str
    family: str
    head: Any
    truth: Any


def inputs(seed: int, reference: ModuleType) -> list[Inputs]:
    """Return the inputs of a seed; those of SOME, in its order, where there is only one seed."""
    found = []
    for dtype in DTYPES:
        heads = families(seed, dtype, reference)
        for family in SOME[dtype] if len(SEEDS) == 1 else heads:
            head = heads[family]
            truth = numerics.attention_truth(*head[:3], causal=head.causal, scale=head.scale)
            found.append(Inputs(dtype, family, head, truth))
    return found


def row(name: str, attention: Attention, given: Inputs) -> tuple[Any, ...]:
    got, truth = quietly(attention, given.head), given.truth
    ratio = numerics.worst_ratio(got, truth.expected, truth.bound)
    says = (
        fixed(got, truth.expected, atol=1e-2, rtol=0),
        fixed(got, truth.expected, atol=1e-3, rtol=0),
        fixed(got, truth.expected),
    )
    return (name, given.dtype, given.family, ratio, *says)


def ratios_of_right_kernels() -> dict[str, float]:
    reference = module(SOLUTIONS / "reference.py")
    kernels = [*solutions("correct"), ("reference", reference.attention)]
    worst: dict[str, float] = {}
    for seed in SEEDS:
        for given in inputs(seed, reference):
            key = f"{given.dtype} {given.family}"
            ratios = [row(name, attention, given)[3] for name, attention in kernels]
            worst[key] = max(worst.get(key, 0.0), *ratios)
    return worst


def rows_of_wrong_ideas() -> Iterator[tuple[Any, ...]]:
    """Yield a row for each idea and input; with one seed only those that show what is asked."""
    given = inputs(0, module(SOLUTIONS / "reference.py"))
    is_short = len(SEEDS) == 1
    for name, attention in solutions("wrong"):
        if is_short and name in NOT_NUMERIC:
            continue
        for one in given:
            found = row(name, attention, one)
            yield found
            if is_short and found[3] > FAR:
                break


def test_no_right_kernel_comes_near_the_bound() -> None:
    worst = ratios_of_right_kernels()
    for key, ratio in worst.items():
        print(f"{key:60} {ratio:.3f}")  # noqa: T201 - for -s
    # 200 seeds came to 0.81, in causal rows that see two or three keys; answers pass up to 2.
    assert max(worst.values()) < 0.9, max(worst, key=lambda key: worst[key])


def test_every_wrong_idea_lies_far_from_the_bound(tmp_path: Path) -> None:
    rows = list(rows_of_wrong_ideas())
    head = ("idea", "dtype", "inputs", "error / bound", "1e-2", "1e-3", "assert_close")
    lines = ["{:28} {:8} {:45} {:>13} {:5} {:5} {}".format(*head)]
    lines += [f"{n:28} {d:8} {f:45} {r:13.3g} {a:5} {b:5} {c}" for n, d, f, r, a, b, c in rows]
    table = tmp_path / "wrong_ideas.txt"
    table.write_text("\n".join(lines), encoding="utf-8")
    print(f"\n{table.read_text(encoding='utf-8')}")  # noqa: T201 - for -s
    largest = {
        name: max(item[3] for item in rows if item[0] == name)
        for name in {item[0] for item in rows} - NOT_NUMERIC
    }
    assert {name: ratio for name, ratio in largest.items() if ratio <= FAR} == {}
    # What a fixed tolerance lets through although nothing was computed.
    accepted = {item[0] for item in rows if item[2] == "long rows, small V" and item[4] == "ok"}
    assert {"zeros", "mean_of_v"} <= accepted


def test_the_naive_kernel_fails_every_failure_case(reference: ModuleType) -> None:
    for seed in range(5):
        cases = reference.fp16_failure_cases(seed)
        reference.assert_naive_fails(cases)
        for name, (q, k, v, causal, scale) in cases.items():
            truth = numerics.attention_truth(q, k, v, causal=causal, scale=scale)
            got = reference.naive_fp16_attention(q, k, v, causal=causal, scale=scale)
            assert numerics.worst_ratio(got, truth.expected, truth.bound) > 2, name


def test_a_failure_case_that_does_not_fail_is_our_fault(reference: ModuleType) -> None:
    harmless = reference.Head(*(torch.ones(1, 1, 4, 16, dtype=torch.float16) for _ in "qkv"))
    with pytest.raises(RuntimeError, match="does not fail here on: nothing special"):
        reference.assert_naive_fails({"nothing special": harmless})
