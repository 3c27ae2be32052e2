"""What a device can do at most, and how fast it runs now."""

from grader import machine

# Dense float16 tensor-core FLOP/s and bytes/s of memory, from the vendor's data sheets.
_PEAKS = {
    "H200": (989e12, 4.8e12),
    "H100": (989e12, 3.35e12),
    "A100": (312e12, 2.04e12),
    "L40": (181e12, 0.864e12),
    "L4": (121e12, 0.3e12),
    "A10": (125e12, 0.6e12),
}
_UNKNOWN_PEAK = (5e15, 20e12)


def roofline(device_name: str, flops: float, moved_bytes: float) -> float:
    """Return the seconds that no kernel on the device can beat.

    A device that is not in the table is taken to be faster than any we know.
    """
    known = (peak for name, peak in _PEAKS.items() if name in device_name)
    per_second, bytes_per_second = next(known, _UNKNOWN_PEAK)
    return max(flops / per_second, moved_bytes / bytes_per_second)


def attention_work(
    heads: int, length: int, d: int, *, causal: bool, item: int = 2
) -> tuple[float, float]:
    """Return the least FLOP and bytes of attention over (heads, length, d), in one pass."""
    products = 4.0 * heads * length * length * d * (0.5 if causal else 1.0)
    return products, 4.0 * heads * length * d * item


def device_clock_mhz() -> int | None:
    """Return the GPU's present clock in MHz, or None where the driver does not tell."""
    return machine.gpu_clock_mhz()
