"""Facts about this machine: its cores, its GPU, and the versions that decide a score.

A CUDA context costs half a gigabyte of the GPU's memory and half a second, so what is asked of the
GPU is asked of NVIDIA's management library, without CUDA, wherever that can tell. Where the
library, the driver or a container does not tell, the answer is None or empty.
"""

import contextlib
import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from grader import __version__
from grader.model import Environment

DEVICE = 0  # questions are judged on the first one


@contextlib.contextmanager
def management_library() -> Iterator[None]:
    """Keep the library open for a while: it counts who does, and only the first has to wait."""
    with contextlib.ExitStack() as undo:
        with contextlib.suppress(ImportError):
            import pynvml

            with contextlib.suppress(pynvml.NVMLError):
                pynvml.nvmlInit()
                undo.callback(_close, pynvml)
        yield


def _close(library: Any) -> None:
    with contextlib.suppress(library.NVMLError):
        library.nvmlShutdown()


def _ask(question: Callable[[Any, Any], Any]) -> Any:
    """Return what a function of the library and the device answers, or None for no answer."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        try:
            return question(pynvml, pynvml.nvmlDeviceGetHandleByIndex(DEVICE))
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return None


def usable_cores() -> int:
    """Return how many cores this process may use, which a cluster's job may have limited."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def environment(gpu: str | None = None) -> Environment:
    """Return the versions that decide a score here, with the GPU's name where one is used."""
    return Environment(
        grader=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        numpy=_version("numpy"),
        torch=_version("torch"),
        triton=_version("triton"),
        driver=driver_version() if gpu else None,
        gpu=gpu,
    )


def _version(package: str) -> str | None:
    from importlib import metadata  # which no worker's start should wait for

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def without_bytecode(packages: Iterable[str]) -> list[Path]:
    """Return the folders of those packages that Python compiles anew whenever it imports them.

    As images are built that leave bytecode out, and do not let it be written either.
    """
    found = (find_spec(name) for name in packages)
    return [
        Path(spec.origin).parent
        for spec in found
        if spec is not None and spec.origin and spec.cached and not Path(spec.cached).exists()
    ]


def may_have_gpu() -> bool:
    """Say at once, without torch, whether this machine can have a GPU at all."""
    if platform.system() != "Linux":
        return True
    # NVIDIA's driver, Windows's below a Linux guest, and AMD's
    return any(Path("/dev", device).exists() for device in ("nvidiactl", "dxg", "kfd"))


def usable_gpu() -> str | None:
    """Return the name of the GPU that torch can use here, or None; it imports torch."""
    import torch

    if not torch.cuda.is_available():
        return None
    return gpu_name() or torch.cuda.get_device_name()


def gpu_name() -> str | None:
    """Return the GPU's name as its driver gives it, or None."""
    found = _ask(lambda library, device: library.nvmlDeviceGetName(device))
    return found.decode() if isinstance(found, bytes) else found


def gpu_memory_bytes() -> int | None:
    """Return how much memory the GPU has, or None."""
    found = _ask(lambda library, device: library.nvmlDeviceGetMemoryInfo(device).total)
    return None if found is None else int(found)


def gpu_memory_by_process() -> dict[int, int]:
    """Return the bytes of the GPU's memory that each process holds, as far as the driver tells.

    In a container or a virtual machine it may name no process, or give no size.
    """
    found = _ask(lambda library, device: library.nvmlDeviceGetComputeRunningProcesses(device))
    return {int(item.pid): int(item.usedGpuMemory) for item in found or () if item.usedGpuMemory}


def gpu_clock_mhz() -> int | None:
    """Return the present clock of the GPU's multiprocessors in MHz, or None."""
    found = _ask(
        lambda library, device: library.nvmlDeviceGetClockInfo(device, library.NVML_CLOCK_SM)
    )
    return None if found is None else int(found)


def driver_version() -> str | None:
    """Return the NVIDIA driver's version as its kernel module states it, or None."""
    try:
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"\b\d+\.\d+(?:\.\d+)?\b", text)
    return found[0] if found else None
