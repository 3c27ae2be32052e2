"""Asks in a child whether CUDA works there, before any student needs it.

A machine may have a GPU, and a sandbox in which its driver does not start: only a child of the
same kind as a student's can tell.
"""

import time

from grader.errors import GraderError
from grader.model import Limits
from grader.sandbox import Session
from grader.sandbox.failures import ChildEnded, StudentError
from grader.sandbox.worker import Worker

OK = "ok"
SECONDS = 60.0  # a driver's first start, and a kernel's first compilation, on a busy machine
LIMITS = Limits(cell_seconds=SECONDS, call_seconds=SECONDS, submission_seconds=3 * SECONDS)

# Cells; each defines what is then called with a device, and gives 2048.
ADD_TENSORS = """
import torch

def add_tensors(device):
    if device == "cuda":
        torch.cuda.init()
    ones = torch.ones(1024, device=device)
    return float((ones + ones).sum())
"""
LAUNCH_KERNEL = """
import torch
import triton
import triton.language as tl

@triton.jit
def double(source, target, BLOCK: tl.constexpr):
    places = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(target + places, 2 * tl.load(source + places))

def launch_kernel(device):
    source = torch.ones(1024, device=device)
    target = torch.zeros_like(source)
    double[(8,)](source, target, BLOCK=128)
    return float(target.sum())
"""
RIGHT = 2048.0


def prove_cuda(worker: Worker, *, kernels: bool) -> str:
    """Return "ok", or one sentence that says what failed in a child, and the next step.

    kernels: also launch a kernel of Triton's. WorkerError where the worker itself is gone.
    """
    return _prove(worker, "cuda", kernels=kernels)


def _prove(worker: Worker, device: str, *, kernels: bool) -> str:
    deadline = time.monotonic() + LIMITS.submission_seconds
    with worker.session(LIMITS, deadline=deadline) as session:
        problem = _problem(session, ADD_TENSORS, "add_tensors", device)
        if problem:
            return (
                f"CUDA does not work inside the sandbox ({problem}); see whether `nvidia-smi` "
                "works here, and whether the container was started with its GPUs "
                "(docker run --gpus all)."
            )
        problem = _problem(session, LAUNCH_KERNEL, "launch_kernel", device) if kernels else ""
        if problem:
            return (
                f"CUDA works inside the sandbox, but no kernel of Triton's does ({problem}); see "
                "whether gcc is installed, and whether torch, triton and the driver fit together."
            )
    return OK


def _problem(session: Session, cell: str, name: str, device: str) -> str:
    """Return what went wrong in one step, as the child or its end told it, or ""."""
    try:
        failure = session.run_cell(cell, 1).failure
        if failure is not None:
            return _line(failure.type_name, failure.message)
        got = session.value(name)(device)
    except GraderError:
        raise
    except StudentError as error:
        return _line(error.failure.type_name, error.failure.message)
    except ChildEnded as ended:
        return ended.reason
    except Exception as error:  # noqa: BLE001 - what the child answered is no value of ours
        return _line(type(error).__name__, str(error))
    return "" if got == RIGHT else f"it computed {got!r:.40} instead of {RIGHT:g}"


def _line(kind: str, message: str) -> str:
    first = next((line.strip() for line in message.splitlines() if line.strip()), "")
    return f"{kind}: {first}"[:200].removesuffix(": ")
