"""The softmax assignment's GPU question with the reference in the student's place.

Needs torch, numpy, pytest and this project only. Without a GPU the same cases run on the CPU, which
proves the tests and not the device.
"""

import inspect
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch  # noqa: F401 - for the condition below, which is text

from tests.course.test_attention_gpu import Case, load

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions" / "softmax"


@pytest.fixture
def cases(monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    package, files = types.ModuleType("otter"), types.ModuleType("otter.test_files")
    files.test_case = Case  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "otter", package)
    monkeypatch.setitem(sys.modules, "otter.test_files", files)
    module = load(SOLUTIONS / "tests" / "q3_gpu.py")
    return [item for item in vars(module).values() if isinstance(item, Case)]


def run_all(cases: list[Case], device: str) -> None:
    reference = load(SOLUTIONS / "reference.py")
    assert cases
    for case in cases:
        given = {"reference": reference, "device": device, "rng": np.random.default_rng(0)}
        names = inspect.signature(case.test_func).parameters
        case.test_func(**{n: given.get(n) or getattr(reference, n) for n in names})


def test_the_cases_of_q3_gpu_hold_for_the_reference(cases: list[Case]) -> None:
    run_all(cases, "cpu")


@pytest.mark.gpu
@pytest.mark.skipif("not torch.cuda.is_available()", reason="needs a CUDA device: none here")
def test_the_cases_of_q3_gpu_hold_for_the_reference_on_a_gpu(cases: list[Case]) -> None:
    run_all(cases, "cuda")
