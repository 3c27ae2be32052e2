"""Dask's workers as processes: the same functions run there, and GPU questions where a GPU is.

A task whose worker is lost is given to another one by the scheduler, and its report is kept once,
because only one future stands for it.
"""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from grader.batch.pool import Processes
from grader.errors import GraderError, UsageError, WorkerError

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 20
GPU = "GPU"


def connect(address: str) -> Callable[[int, str], contextlib.AbstractContextManager[Processes]]:
    """Return what opens grader processes on a cluster; UsageError where Dask is not installed."""
    try:
        import distributed  # noqa: F401 - asked for before anything is collected
    except ImportError:
        raise UsageError(
            "--cluster needs Dask; install it with `pip install 'ulp-grader[cluster]'`."
        ) from None

    @contextlib.contextmanager
    def pool(_jobs: int, device: str) -> Iterator[Processes]:
        from distributed import Client

        try:
            client = Client(  # type: ignore[no-untyped-call]
                address, timeout=CONNECT_SECONDS, set_as_default=False
            )
        except (OSError, ValueError) as problem:
            raise UsageError(
                f"No Dask scheduler answers at {address} ({problem}); "
                "start one with `dask scheduler`, and give the address that it prints."
            ) from problem
        with client:
            yield ClusterProcesses(client, address, on_gpu=device == "cuda")

    return pool


class ClusterProcesses(Processes):
    """The threads of a cluster's workers, or those workers that have the resource GPU."""

    share_cores = False

    def __init__(self, client: "Client", address: str, *, on_gpu: bool) -> None:
        self._client = client
        self._address = address
        self._on_gpu = on_gpu
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        if not workers:
            raise UsageError(
                f"The scheduler at {address} has no workers; start some with `dask worker`."
            )
        gpus = sum(int(worker["resources"].get(GPU, 0)) for worker in workers)
        self.offers_cuda = gpus > 0
        self.slots = gpus if on_gpu else sum(int(worker["nthreads"]) for worker in workers)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have some worker call a function; WorkerError where the scheduler gave it up."""
        resources = {GPU: 1} if self._on_gpu else {}
        remote = self._client.submit(fn, *args, **kwargs, pure=False, resources=resources)
        local: Future[Any] = Future()
        local.set_running_or_notify_cancel()
        remote.add_done_callback(  # type: ignore[no-untyped-call]
            lambda done: self._hand_over(done, local)
        )
        return local

    def _hand_over(self, remote: Any, local: Future[Any]) -> None:
        if remote.status == "finished":
            try:
                local.set_result(remote.result())
            except Exception as problem:  # noqa: BLE001 - its worker was lost before it was fetched
                local.set_exception(self._explain(problem))
        else:
            local.set_exception(
                self._explain(remote.exception() if remote.status == "error" else None)
            )

    def _explain(self, problem: BaseException | None) -> GraderError:
        match problem:
            case GraderError():
                return problem
            case None:
                return WorkerError(f"The scheduler at {self._address} dropped the task.")
            case _:
                return WorkerError(
                    f"The cluster at {self._address} could not judge this: "
                    f"{type(problem).__name__}: {problem}"
                )
