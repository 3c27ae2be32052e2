"""What a ratio to the reference's time earns."""

FULL_RATIO = 1.25
"""Up to this ratio to the reference a kernel earns full credit,"""

NO_CREDIT_RATIO = 5.0
"""from this one on none, and in between it falls evenly."""


def credit(ratio: float) -> float:
    """Return the share of the points that a ratio earns: 1 up to 1.25, 0 from 5, even between."""
    share = (NO_CREDIT_RATIO - ratio) / (NO_CREDIT_RATIO - FULL_RATIO)
    return min(max(share, 0.0), 1.0)


def limit(step: int, steps: int) -> float:
    """Return the largest ratio whose credit reaches step / steps: `credit`, as a staircase."""
    return NO_CREDIT_RATIO - (NO_CREDIT_RATIO - FULL_RATIO) * step / steps
