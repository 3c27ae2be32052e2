"""The attention assignment's GPU tier: on a real device where there is one, else simulated.

Needs torch, triton, numpy, pytest and this project only. On a bare GPU machine without otter:

    pytest -m gpu --noconftest tests/course/test_attention_gpu.py -s

Without a GPU the tier's own code is run on the CPU, with torch in the kernel's place; speed,
calibration and the comparison with torch's attention are not measured there.
"""

import dataclasses
import importlib.util
import inspect
import math
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grader.sandbox.inside import instruments
from grader.sandbox.wire.findings import Observation, Sums
from grader.testing import timing
from tests.gpu import kernel

REAL_CHAIN = instruments.chain
SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions" / "attention"
# As text, so that it is only looked at when the test is to begin.
NO_GPU = "not torch.cuda.is_available()"
on_gpu = pytest.mark.skipif(NO_GPU, reason="needs a CUDA device, and there is none here")


def load(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"attention_gpu_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Case:
    """What otter's decorator makes of a test function, for machines without otter."""

    def __init__(self, name: str, points: float, *, hidden: bool, **_told: str) -> None:
        self.name, self.points, self.hidden = name, points, hidden

    def __call__(self, function: Callable[..., None]) -> "Case":
        self.test_func = function
        return self


@pytest.fixture
def without_otter(monkeypatch: pytest.MonkeyPatch) -> None:
    package, files = types.ModuleType("otter"), types.ModuleType("otter.test_files")
    files.test_case = Case  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "otter", package)
    monkeypatch.setitem(sys.modules, "otter.test_files", files)


@dataclasses.dataclass
class Student:
    """A function with the interface that a student's has in the judge."""

    function: Callable[..., Any]
    run_chain: Callable[..., Sums] = REAL_CHAIN

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def observe(self, *args: Any, **kwargs: Any) -> Observation:
        return instruments.observe(self.function, args, kwargs)

    def record(self, *args: Any, **kwargs: Any) -> types.SimpleNamespace:
        """Return chains of this function, whatever it is made of."""
        inputs = tuple(item for item in args if not isinstance(item, torch.Tensor))

        def chain(kind: dict[str, Any], *, seed: int, steps: int) -> Sums:
            return self.run_chain(self.function, inputs, kwargs, seed=seed, steps=steps, **kind)

        return types.SimpleNamespace(operations=(), chain=chain)


@pytest.fixture(scope="module")
def reference() -> types.ModuleType:
    return load(SOLUTIONS / "reference.py")


def cases(question: str) -> Iterator[Case]:
    found = load(SOLUTIONS / "tests" / f"{question}.py")
    assert found.requires == "cuda"
    if not torch.cuda.is_available() and question == "q4_gpu":
        found.LONG = (
            ("float16", (1, 1, 64, 640, 64), True),
            ("bfloat16", (1, 1, 9, 640, 16), False),
        )
    yield from (item for item in vars(found).values() if isinstance(item, Case))


def run(
    case: Case,
    function: Callable[..., Any],
    reference: Any,
    device: str,
    seed: int,
    memory: dict[Any, Any] | None = None,
) -> None:
    offered = {
        "memory": {} if memory is None else memory,
        "attention": Student(function),
        "reference": reference,
        "device": device,
        "rng": np.random.default_rng(seed),
    }
    wanted = inspect.signature(case.test_func).parameters
    case.test_func(**{name: offered[name] for name in wanted})


def by_torch(q: Any, k: Any, v: Any, *, causal: bool = False, scale: float | None = None) -> Any:
    """Stand in for a kernel on the CPU: right, and no kernel."""
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = q.float() @ k.float().transpose(-2, -1) * scale
    if causal:
        m, n = scores.shape[-2:]
        scores = scores.masked_fill(~torch.ones(m, n, dtype=torch.bool).tril(n - m), -math.inf)
    return (torch.softmax(scores, -1).nan_to_num(0.0) @ v.float()).to(q.dtype)


@pytest.mark.usefixtures("without_otter")
def test_the_points_of_the_gpu_tier() -> None:
    assert sum(case.points for case in cases("q4_gpu")) == 5
    assert sum(case.points for case in cases("q4_perf")) == 2
    assert all(case.hidden for question in ("q4_gpu", "q4_perf") for case in cases(question))


@pytest.mark.usefixtures("without_otter")
def test_a_simulated_device_proves_the_numeric_cases(reference: types.ModuleType) -> None:
    for case in cases("q4_gpu"):
        if case.name == "a new result from a kernel":
            with pytest.raises(AssertionError, match="No Triton kernel was launched"):
                run(case, by_torch, reference, "cpu", seed=1)
        else:
            run(case, by_torch, reference, "cpu", seed=1)


@pytest.mark.usefixtures("without_otter")
def test_a_wrong_kernel_loses_on_a_simulated_device(reference: types.ModuleType) -> None:
    def zeros(q: Any, k: Any, v: Any, **_options: Any) -> Any:
        del k, v
        return torch.zeros_like(q)

    for case in cases("q4_gpu"):
        with pytest.raises(AssertionError):
            run(case, zeros, reference, "cpu", seed=2)


@pytest.mark.usefixtures("without_otter")
def test_a_device_on_which_the_naive_kernel_works_judges_nobody(
    reference: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "naive_fp16_attention", by_torch)
    [case] = [item for item in cases("q4_gpu") if "halves fail" in item.name]
    with pytest.raises(RuntimeError, match="does not fail here on"):
        run(case, by_torch, reference, "cpu", seed=3)


@dataclasses.dataclass
class Device:
    """A device on which only what is simulated takes time: so much a step, so much a call."""

    now: float = 0.0

    def clock(self) -> float:
        return self.now

    def chain(self, *args: Any, steps: int, **inputs: Any) -> Sums:
        self.now += 0.01 * steps
        return REAL_CHAIN(*args, steps=steps, **inputs)

    def taking(self, seconds: float, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            self.now += seconds
            return function(*args, **options)

        return call


@pytest.fixture
def perf(without_otter: None, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Load q4_perf with sizes that a CPU computes in no time."""
    del without_otter
    module = load(SOLUTIONS / "tests" / "q4_perf.py")
    monkeypatch.setattr(module, "SIZES", ((1, 2, 32, 16, True), (1, 2, 32, 16, False)))
    return module


def test_speed_is_judged_by_chains_of_checked_values(
    perf: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device()
    monkeypatch.setattr(instruments, "chain", device.chain)
    reference = types.SimpleNamespace(attention=device.taking(0.02, by_torch))

    def forgetful(q: Any, k: Any, v: Any, **options: Any) -> Any:
        return by_torch(q, k, 1.02 * v, **options)

    def measured(function: Callable[..., Any]) -> timing.Timing:
        student = Student(device.taking(0.03, function), device.chain)
        found: timing.Timing = perf.measure(
            student, reference, "cpu", perf.SIZES[0], clock=device.clock
        )
        return found

    found = measured(by_torch)
    assert found.ratio == pytest.approx(1.5)
    assert len(found.pairs) >= 3
    with pytest.raises(AssertionError, match="A timed answer is wrong: the sums of a chain's"):
        measured(forgetful)


def staircase(perf: types.ModuleType) -> list[Case]:
    return [item for item in vars(perf).values() if isinstance(item, Case)]


def outcomes(perf: types.ModuleType, memory: Callable[[], dict[Any, Any]]) -> list[str]:
    """Return what became of each step: "" or the exception."""
    found = []
    for case in staircase(perf):
        try:
            run(case, by_torch, None, "cpu", seed=0, memory=memory())
            found.append("")
        except Exception as problem:  # noqa: BLE001 - whatever ended it
            found.append(f"{type(problem).__name__}: {problem}")
    return found


def timing_of(ratio: float) -> timing.Timing:
    pair = timing.Pair(ratio * 3e-4, 3e-4)
    return timing.Timing((pair,), ratio, pair.student, pair.reference, 0.0, (None, None))


@pytest.mark.parametrize(
    ("ratio", "steps"), [(0.9, 8), (1.25, 8), (1.26, 7), (2.0, 6), (4.53, 1), (4.54, 0)]
)
def test_the_staircase_follows_the_credit(
    perf: types.ModuleType, monkeypatch: pytest.MonkeyPatch, ratio: float, steps: int
) -> None:
    monkeypatch.setattr(perf, "measure", lambda *_args: timing_of(ratio))
    assert [case.name for case in staircase(perf)] == [f"speed, step {i} of 8" for i in range(1, 9)]
    assert outcomes(perf, dict).count("") == steps


def test_one_measurement_a_size_serves_every_step(
    perf: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[Any] = []

    def measure(_attention: Any, _reference: Any, _device: str, size: Any) -> timing.Timing:
        sizes.append(size)
        return timing_of(2.0)

    monkeypatch.setattr(perf, "measure", measure)
    memory: dict[Any, Any] = {}
    assert outcomes(perf, lambda: memory).count("") == 6
    assert sorted(sizes) == sorted(perf.SIZES)
    assert outcomes(perf, dict).count("") == 6
    assert len(sizes) == 2 + 8  # the control: without a memory each step measures


@pytest.mark.parametrize("kind", [timing.TimingFaultError, AssertionError])
def test_what_could_not_be_measured_is_not_tried_again(
    perf: types.ModuleType, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    tries: list[Any] = []

    def measure(_attention: Any, _reference: Any, _device: str, size: Any) -> timing.Timing:
        tries.append(size)
        raise kind(f"try {len(tries)}")

    monkeypatch.setattr(perf, "measure", measure)
    memory: dict[Any, Any] = {}
    found = outcomes(perf, lambda: memory)
    assert sorted(set(found)) == [f"{kind.__name__}: try {number}" for number in (1, 2)]
    assert len(tries) == 2


@pytest.mark.gpu
@on_gpu
@pytest.mark.usefixtures("without_otter")
@pytest.mark.parametrize("question", ["q4_gpu", "q4_perf"])
def test_the_reference_earns_every_point(reference: types.ModuleType, question: str) -> None:
    memory: dict[Any, Any] = {}
    for case in cases(question):
        run(case, reference.attention, reference, "cuda", seed=0, memory=memory)


@pytest.mark.gpu
@on_gpu
@pytest.mark.usefixtures("without_otter")
@pytest.mark.parametrize(("times", "tolerance"), [(1, 0.03), (2, 0.05)])
def test_the_reference_takes_its_own_time_and_twice_is_twice(
    reference: types.ModuleType, times: int, tolerance: float
) -> None:
    perf = load(SOLUTIONS / "tests" / "q4_perf.py")

    def repeated(q: Any, k: Any, v: Any, **options: Any) -> Any:
        for _ in range(times - 1):
            reference.attention(q, k, v, **options)
        return reference.attention(q, k, v, **options)

    for size in perf.SIZES:
        started = time.perf_counter()
        found = perf.measure(Student(repeated), reference, "cuda", size)
        seconds = time.perf_counter() - started
        print(f"{size}, {times} x the reference, {seconds:.1f} s: {found.sentence()}")  # noqa: T201
        assert found.ratio == pytest.approx(times, rel=tolerance)
        assert seconds < timing.SUBMISSION_SECONDS / len(perf.SIZES) + 5  # and compilation


@pytest.mark.gpu
@on_gpu
def test_each_failure_case_fails_on_this_device(reference: types.ModuleType) -> None:
    for seed in range(20):
        reference.assert_naive_fails(reference.fp16_failure_cases(seed, "cuda"))


@pytest.mark.gpu
@on_gpu
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("d", [64, 128])
def test_the_reference_stays_below_the_bound(
    reference: types.ModuleType, dtype: torch.dtype, d: int
) -> None:
    worst = kernel.worst_ratio(reference.attention, dtype, d, seeds=20, rows=1000, device="cuda")
    print(f"{dtype}, d = {d}: at most {worst:.3f} of the bound")  # noqa: T201 - for -s
    assert worst < 0.9


@pytest.mark.gpu
@on_gpu
@pytest.mark.parametrize("d", [64, 128])
@pytest.mark.parametrize("causal", [False, True])
def test_the_reference_next_to_torchs_flash_and_cudnn_backends(
    reference: types.ModuleType, d: int, causal: bool
) -> None:
    row = kernel.beside_torch(
        reference.attention, (2, 16, 4096, d), causal=causal, repetitions=20,
        flush_bytes=256 << 20, device="cuda",
    )  # fmt: skip
    assert row["ms"] > row["floor_ms"]
    print(row)  # noqa: T201 - for -s
