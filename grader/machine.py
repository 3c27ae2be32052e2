"""What NVIDIA's management library tells of the GPU here, without touching CUDA.

A CUDA context costs half a gigabyte of the GPU's memory and half a second, so a process that only
wants to know asks this. Where the library, the driver or a container does not tell, it is None or
empty.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

DEVICE = 0  # questions are judged on the first one


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


def name() -> str | None:
    """Return the GPU's name as its driver gives it, or None."""
    found = _ask(lambda library, device: library.nvmlDeviceGetName(device))
    return found.decode() if isinstance(found, bytes) else found


def memory_bytes() -> int | None:
    """Return how much memory the GPU has, or None."""
    found = _ask(lambda library, device: library.nvmlDeviceGetMemoryInfo(device).total)
    return None if found is None else int(found)


def memory_by_process() -> dict[int, int]:
    """Return the bytes of the GPU's memory that each process holds, as far as the driver tells.

    In a container or a virtual machine it may name no process, or give no size.
    """
    found = _ask(lambda library, device: library.nvmlDeviceGetComputeRunningProcesses(device))
    return {int(item.pid): int(item.usedGpuMemory) for item in found or () if item.usedGpuMemory}


def clock_mhz() -> int | None:
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
