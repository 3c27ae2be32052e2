"""Put together what judging needs: an assignment's cases, warm workers, and what this machine is.

The batch's grader processes, `grader check`, Gradescope's container and the tests all call these.
"""

from typing import TYPE_CHECKING

from grader import machine
from grader.course import notebooks
from grader.model import Assignment, Environment, Isolation

if TYPE_CHECKING:
    from grader.grading.judge import Engine
    from grader.sandbox import Worker

CPU, GPU = frozenset({"cpu"}), frozenset({"cpu", "cuda"})


def start_worker(
    assignment: Assignment,
    isolation: Isolation | None = None,
    *,
    uses_gpu: bool = False,
    shares_core: bool = False,
) -> "Worker":
    """Start a worker that has imported what an assignment needs; it may not be ready yet.

    isolation: as it was proved here; without one the worker has the rights of this process.
    shares_core: whether this process computes in one thread, and so can share a child's processor.
    """
    from grader.sandbox import Worker

    devices = GPU if uses_gpu else CPU
    return Worker(
        imports=assignment.needs,
        libraries=assignment.libraries,
        isolation=isolation,
        devices=devices,
        files=assignment.given,
        shares_core=shares_core,
    )


def assemble(
    assignment: Assignment,
    workers: "dict[str, Worker]",
    *,
    seed: int = 0,
    where: Environment | None = None,
    on_gpu: bool = False,
    simulated: bool = False,
    gpu_fault: str = "",
) -> "Engine":
    """Return what `judge` needs beside a submission.

    workers: by what a question requires, "cpu" or "cuda"; at least one.
    where: by default this machine without its GPU. on_gpu: the reference's kernels run on the GPU,
    and else in Triton's interpreter. simulated: GPU questions are judged on the CPU, for tests.
    gpu_fault: why a GPU that is here cannot be used.
    """
    # They import torch and otter, and a worker starts meanwhile.
    from grader.grading.judge import Engine
    from grader.grading.otter_tests import CaseSuite

    suite = CaseSuite(assignment, seed=seed, interpret=simulated or not on_gpu)
    names = {"cuda": "cpu"} if simulated else {"cuda": "cuda"}
    handout = notebooks.read(assignment.notebook.read_bytes())
    for worker in workers.values():
        worker.expect((cell.number, cell.source) for cell in handout.cells if not cell.ignored)
    return Engine(suite, workers, where or machine.environment(), names, gpu_fault, handout)
