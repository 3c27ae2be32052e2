"""The cells of the attention notebook that compare, draw and state sizes, run as they stand."""

import ast
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
import torch

from grader.sandbox.inside import instruments
from tests.conftest import REPOSITORY
from tests.course.test_attention_solutions import SOLUTIONS, module

# Before any kernel is interpreted, whichever test comes first: see `preload`.
instruments.preload(kernels=True)

import triton  # noqa: E402 - only now does it interpret
import triton.language as tl  # noqa: E402
from triton.runtime import interpreter  # noqa: E402
from triton.runtime.errors import InterpreterError  # noqa: E402

NOTEBOOK = REPOSITORY / "assignments" / "attention" / "attention.ipynb"
Attention = Callable[..., torch.Tensor]


@pytest.fixture(scope="module")
def cells() -> dict[str, str]:
    node = nbformat.reads(NOTEBOOK.read_text("utf-8"), as_version=4)
    return {cell.id: cell.source for cell in node.cells}


@pytest.fixture
def names(cells: dict[str, str]) -> dict[str, Any]:
    """Return what cells of the notebook find: the setup cell's imports and the helpers."""
    found: dict[str, Any] = {"device": "cpu", "INTERPRETED": True}
    setup = ast.parse(cells["setup"])
    setup.body = [n for n in setup.body if isinstance(n, ast.Import | ast.ImportFrom)]
    exec(compile(setup, "setup", "exec"), found)  # noqa: S102
    exec(cells["helpers"], found)  # noqa: S102
    return found


def solution(kind: str, name: str) -> Attention:
    found: Attention = module(SOLUTIONS / kind / f"{name}.py").attention
    return found


def as_head(attention: Attention) -> Attention:
    """Return the step before q4, from an answer to q4."""

    def masked_head(
        q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool = False
    ) -> torch.Tensor:
        return attention(q[None, None], k[None, None], v[None, None], causal=causal)[0, 0]

    return masked_head


def pointed_at(shown: str) -> list[str]:
    """Return the lines of a try cell that say where to look."""
    return [line.split("  ")[0] for line in shown.splitlines() if line.endswith("<- look here")]


@pytest.mark.filterwarnings("ignore")
def test_the_step_before_q4_has_a_cell_that_sees_each_edge(
    cells: dict[str, str], names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def seen(attention: Attention) -> list[str]:
        exec(cells["masked_head-try"], names | {"masked_head": as_head(attention)})  # noqa: S102
        return pointed_at(capsys.readouterr().out)

    assert seen(module(SOLUTIONS / "reference.py").attention) == []
    assert seen(solution("wrong", "tail_values_unmasked"))[0] == "keys that end in a tile"
    assert seen(solution("wrong", "columns_unmasked"))[0] == "a width that is no power of two"
    assert seen(solution("wrong", "causal_ignored"))[0] == "causal"
    assert seen(solution("wrong", "mask_forgets_offset"))[0] == "causal, more keys than queries"
    assert seen(solution("wrong", "masked_rows_nan")) == ["causal, queries that see nothing"]


@pytest.mark.filterwarnings("ignore")
def test_the_cell_after_q4_sees_scale_strides_and_float32_in_a_line_each(
    cells: dict[str, str], names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    right = module(SOLUTIONS / "reference.py").attention
    # The cell before defines what this one compares with.
    before = names | {"masked_head": as_head(right)}
    exec(cells["masked_head-try"], before)  # noqa: S102
    capsys.readouterr()

    def seen(attention: Attention) -> list[str]:
        exec(cells["q4-try"], before | {"attention": attention})  # noqa: S102
        return pointed_at(capsys.readouterr().out)

    def in_halves(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, **asked: Any) -> torch.Tensor:
        found: torch.Tensor = right(q.half(), k.half(), v.half(), **asked)
        return found.to(q.dtype)

    assert seen(right) == []
    assert seen(solution("wrong", "scale_argument_ignored")) == ["a scale of your own"]
    assert seen(solution("wrong", "last_stride_assumed")) == ["a permuted view, by its strides"]
    assert seen(solution("wrong", "result_laid_out_like_q")) == ["its result is contiguous"]
    assert seen(in_halves) == ["float32"]
    assert seen(solution("wrong", "tf32")) == ["its products ask for ieee"]


def test_the_text_beside_the_tiles_gives_the_sizes_that_the_code_works_out(
    cells: dict[str, str],
) -> None:
    tree = ast.parse(cells["fig-tiles"])
    tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "tile_sizes"]
    found: dict[str, Any] = {}
    exec(compile(tree, "fig-tiles", "exec"), found)  # noqa: S102
    sizes = {what: size // 1024 for what, size in found["tile_sizes"]().items()}
    assert list(sizes.values()) == [16, 8, 8, 32, 32, 1]
    told = cells["fig-tiles-words"]
    for words in (
        "`BLOCK_M` = 128, $d$ = 64: 16 KiB",
        "`BLOCK_N` = 64 keys and 8 KiB each",
        "64 float32 scores (32 KiB)",
        "(32 + 1 KiB)",
        f"{sum(sizes.values())} KiB together",
    ):
        assert words in told, words
    left = cells["fig-tiles"].split("show(")[1]
    assert "128 queries (16 KiB)" in left
    assert "64 keys" in left


@triton.jit
def _copy(X, OUT, from_, to, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    at = tl.arange(0, BLOCK)
    tl.store(OUT + to + at, tl.load(X + from_ + at))


def copied(x: torch.Tensor, out: torch.Tensor, from_: int = 0, to: int = 0) -> torch.Tensor:
    _copy[(1,)](x, out, from_, to, BLOCK=16)
    return out


def test_the_notebook_itself_stops_a_store_past_the_end(
    cells: dict[str, str],
    names: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    executor, builder = interpreter.GridExecutor, interpreter.InterpreterBuilder
    for owner, name in (
        (executor, "_init_args_hst"),
        (builder, "create_masked_load"),
        (builder, "create_masked_store"),
    ):  # as a student's own machine has them
        monkeypatch.setattr(owner, name, getattr(owner, name).__wrapped__)
    memory = torch.zeros(32)
    x = torch.ones(16)
    out = torch.frombuffer(memory.numpy().data, dtype=torch.float32, count=16)
    copied(x, out, to=4)
    assert memory[16:20].eq(1).all()  # nobody says a word
    memory.zero_()
    for _ in range(2):  # whoever runs the cell again is watched once
        exec(cells["helpers"], names)  # noqa: S102
    assert not hasattr(executor._init_args_hst.__wrapped__, "__wrapped__")
    with names["once_written"]():
        copied(x, out, to=4)
    shown = capsys.readouterr().out
    assert "IndexError: a store would write element 16 of `OUT`, whose memory holds the" in shown
    assert "elements 0 to 15: is it masked in rows and in columns" in shown
    assert "It arose in _copy, line" in shown
    assert "tl.store(OUT + to + at, tl.load(X + from_ + at))" in shown
    assert not memory.any()
    with pytest.raises(InterpreterError, match="load would read far outside of each tensor"):
        copied(x, out, from_=1 << 30)
    assert copied(x, out).eq(1).all()
