"""The question whether CUDA works in a child: what it answers, and where it is shown."""

import functools
import time

import pytest
import torch

from grader import machine
from grader.commands import examination
from grader.errors import WorkerError
from grader.model import Isolation
from grader.sandbox import Worker
from grader.sandbox.inside import usage
from grader.sandbox.proof import cuda
from tests.support.processes import lives


def test_the_steps_succeed_where_the_device_works(kernel_worker: Worker) -> None:
    """By the same cells on the CPU, where Triton interprets the kernel."""
    assert cuda._prove(kernel_worker, "cpu", kernels=True) == "ok"


def test_without_a_gpu_one_sentence_says_what_failed_and_what_to_do(isolation: Isolation) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    devices = frozenset({"cpu", "cuda"})
    with Worker(isolation=isolation, libraries=("torch",), devices=devices) as worker:
        said = cuda.prove_cuda(worker, kernels=True)
    assert said.startswith("CUDA does not work inside the sandbox (")
    assert "nvidia-smi" in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("raise OSError('no driver\\nand more')", "(OSError: no driver)"),
        ("def add_tensors(device): raise ValueError", "(ValueError)"),
        ("def add_tensors(device): return 1.0", "computed 1.0 instead of 2048"),
        ("import os\nos._exit(3)", "exit status 3"),
        ("def add_tensors(device): return object()", "instead of 2048"),
        ("", "MissingNameError: add_tensors"),
    ],
)
def test_whatever_a_device_does_is_a_sentence(
    cell: str, says: str, kernel_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "ADD_TENSORS", cell)
    assert says in cuda.prove_cuda(kernel_worker, kernels=True)


def test_a_kernel_that_fails_is_told_apart(
    kernel_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda, "LAUNCH_KERNEL", cuda.LAUNCH_KERNEL.replace("2 *", "3 *"))
    said = cuda._prove(kernel_worker, "cpu", kernels=True)
    assert said.startswith("CUDA works inside the sandbox, but no kernel")
    assert "3072" in said
    assert cuda._prove(kernel_worker, "cpu", kernels=False) == "ok"


def test_a_worker_that_is_gone_is_an_error(isolation: Isolation) -> None:
    with Worker(isolation=isolation, warm=False) as worker:
        worker.wait_until_ready()
        started = worker._started.process
        below = list(usage.below(started.pid))
        started.kill()
        started.wait()
        while any(map(lives, below)):
            time.sleep(0.01)
        with pytest.raises(WorkerError):
            cuda.prove_cuda(worker, kernels=False)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that imports nothing, where it is not what is asked."""
    monkeypatch.setattr(examination, "Worker", functools.partial(Worker, warm=False))


@pytest.mark.usefixtures("quick")
def test_doctor_shows_it_below_a_gpu_and_nowhere_else(
    isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "prove_cuda", lambda *_, **__: "no CUDA in a child")
    monkeypatch.setattr(machine, "usable_gpu", lambda: None)
    monkeypatch.setattr(examination, "choose_isolation", lambda *_: isolation)
    lines: list[str] = []
    examination.examine(lines.append)
    assert not any("cuda" in line for line in lines)
    monkeypatch.setattr(machine, "usable_gpu", lambda: "A GPU")
    lines.clear()
    examination.examine(lines.append)
    gpu = next(number for number, line in enumerate(lines) if line.startswith("GPU: A GPU"))
    assert lines[gpu + 1] == "  cuda: no CUDA in a child"


@pytest.mark.usefixtures("quick")
def test_doctor_survives_a_worker_that_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object, **__: object) -> str:
        raise WorkerError("The worker ended.")

    monkeypatch.setattr(examination, "prove_cuda", gone)
    assert examination._prove_cuda(Isolation("none")) == "The worker ended."
