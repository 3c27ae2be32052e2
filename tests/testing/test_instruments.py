"""What the judge learns about a call of its own, the reference's, beside the value."""

import contextlib
import importlib
import importlib.util
import runpy
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from grader.sandbox.inside import compilation, instruments
from grader.sandbox.wire.findings import Finding

# Before any kernel is interpreted, whichever test comes first: see `preload`.
instruments.preload(kernels=True)

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions" / "attention"
HEAD = torch.linspace(-1, 1, 32 * 16).reshape(1, 1, 32, 16)
Attention = Callable[..., torch.Tensor]


def load(name: str) -> ModuleType:
    path = SOLUTIONS / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"instrumented_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def attention() -> Attention:
    return load("reference").attention


def operations(function: Callable[..., Any], *args: Any) -> tuple[str, ...]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return instruments.observe(function, args, {}).operations


def compiled(function: Callable[..., Any], dtype: torch.dtype, *targets: str) -> list[Finding]:
    x = HEAD.to(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return instruments.compile_kernels(function, (x, x, x), {"causal": True}, targets)


def test_torch_operations_are_logged_in_order() -> None:
    seen = instruments.observe(lambda x: torch.exp(x).sum(), (torch.ones(3),), {})
    assert seen.operations == ("aten::exp", "aten::sum")
    assert float(seen.value) == pytest.approx(3 * np.e)


def test_a_kernel_that_does_the_work_leaves_no_trace_of_torch(attention: Attention) -> None:
    seen = operations(attention, HEAD, HEAD, HEAD)
    assert "triton::_attention_kernel" in seen
    names = {name.split(".")[0] for name in seen if not name.startswith("triton::")}
    assert names <= {"aten::empty", "aten::new_empty", "aten::set_", "aten::copy_"}


def test_no_compilation_reads_all_of_triton(
    attention: Attention, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would, to find what the same Triton has made before: each has a folder of its own."""
    cache, asked = importlib.import_module("triton.runtime.cache"), []
    monkeypatch.setattr(cache, "triton_key", lambda: asked.append("key") or "key")
    hashed = types.SimpleNamespace(hash=str)
    cache.get_cache_key(hashed, hashed, hashed, {})
    assert asked == ["key"]  # a compilation would ask for it
    [found] = compiled(attention, torch.float16, "sm_80")
    assert not found.error
    assert asked == ["key"]


def test_a_failing_call_leaves_torch_and_triton_as_they_were() -> None:
    with pytest.raises(ZeroDivisionError):
        instruments.observe(lambda: 1 // 0, (), {})
    assert operations(torch.exp, torch.ones(1)) == ("aten::exp",)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_the_reference_compiles_without_a_gpu(attention: Attention, dtype: torch.dtype) -> None:
    found = compiled(attention, dtype, "sm_80", "sm_90")
    assert [item.target for item in found] == ["sm_80", "sm_90"]
    for item in found:
        assert item.error is None
        assert item.kernel == "_attention_kernel"
        assert not item.tf32
        assert not item.f16_accumulate
        assert item.shared_bytes > 0 or dtype == torch.float32


def test_a_kernel_still_runs_after_it_was_compiled(attention: Attention) -> None:
    before = attention(HEAD, HEAD, HEAD)
    compiled(attention, torch.float16, "sm_80")
    assert torch.equal(attention(HEAD, HEAD, HEAD), before)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("python_list_in_the_kernel", ""),
        ("global_in_the_kernel", "LN2"),
        ("torch_fallback", "matmul"),
    ],
)
def test_what_the_interpreter_forgives_does_not_compile(wrong: str, words: str) -> None:
    found = compiled(load(f"wrong/{wrong}").attention, torch.float16, "sm_80")
    assert found[0].fault == "kernel"
    assert words in str(found[0].error)
    assert "\n" not in str(found[0].error)


def test_reduced_precision_shows_in_what_is_compiled() -> None:
    [tf32] = compiled(load("wrong/tf32").attention, torch.float32, "sm_80")
    assert (tf32.tf32, tf32.f16_accumulate) == (True, False)
    [half] = compiled(load("wrong/half_products").attention, torch.float16, "sm_80")
    assert (half.tf32, half.f16_accumulate) == (False, True)


KERNEL = """
import torch, triton
import triton.language as tl

@triton.jit
def multiply(x, y, out, N: tl.constexpr, KIND: tl.constexpr):
    at = tl.arange(0, N)[:, None] * N + tl.arange(0, N)[None, :]
    tl.store(out + at, tl.dot(tl.load(x + at), tl.load(y + at), out_dtype=KIND).to(tl.float16))

def product(x, y, kind):
    out = torch.empty_like(x)
    multiply[(1,)](x, y, out, N=x.shape[0], KIND=kind)
    return out
"""


@contextlib.contextmanager
def whole_compiler(stage: str) -> Iterator[None]:
    """Let the compiler go on to PTX, as if nobody stopped it."""
    assert stage == "make_ptx"
    backend = importlib.import_module("triton.backends.nvidia.compiler").CUDABackend
    original = backend.make_ptx

    def to_its_end(self: Any, module: Any, metadata: Any, *rest: Any, **more: Any) -> None:
        text = original(self, module, metadata, *rest, **more)
        assert ".visible .entry multiply" in text
        raise compilation._EnoughError(text, metadata["shared"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "make_ptx", to_its_end)
        yield


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_stopping_before_ptx_tells_the_same(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kernels.py"  # Triton reads a kernel's text where Python looks for it
    path.write_text(KERNEL, encoding="utf-8")
    space = runpy.run_path(str(path))
    x = torch.ones(64, 64, dtype=torch.float16)
    given = space["product"], (x, x, getattr(space["tl"], kind)), {}
    found = instruments.compile_kernels(*given)
    assert [one.f16_accumulate for one in found] == [kind == "float16"] * 2
    assert all(one.shared_bytes for one in found)
    monkeypatch.setattr(compilation, "_stopped_at", whole_compiler)
    assert instruments.compile_kernels(*given) == found


def test_a_compiler_of_other_stages_is_no_fault_of_a_kernel(
    attention: Attention, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = importlib.import_module("triton.compiler")
    monkeypatch.setattr(compiler, "compile", lambda *_args, **_kwargs: object())
    [found] = compiled(attention, torch.float16, "sm_80")
    assert found.fault == "tool"


def test_a_call_without_kernels_has_nothing_to_compile() -> None:
    assert instruments.compile_kernels(torch.exp, (torch.ones(1),), {}) == []
    with pytest.raises(TypeError):
        instruments.compile_kernels(torch.exp, (), {})
