"""How long a student's function takes next to the reference, by a clock that they cannot reach.

A child reports its own times, and whoever controls a process controls its clock. So what a call is
made of is run in a process that has run no student's cell (`grader.testing.chain`), and the judge's
clock decides: it times whole chains of calls, from a request of a few numbers, among them a seed
just chosen, to a reply that commits to every entry of every call's result by a few sums a head. No
tensor crosses between the two, and the inputs of each call are drawn afresh. The judge runs the
same chain on the reference and compares the sums within `projection_bound`.

One call's time is the slope between a long chain and a short one, less what a step costs when the
function returns its input (`idle`). A long chain lasts at least `CHAIN_SECONDS`, so that some
milliseconds more or less in a request do not matter. Student and reference are timed in turn, in
alternating order, and the median of the paired ratios is the result.

What a student can still do to the time, and what that gains: nothing of theirs runs between two
calls but the operations and kernels of a call, which are the same for each. A kernel that takes
part of its work from the call before, through memory that it was not given, meets other inputs.

The scheme before this one (chains of 2 and 12 calls, tensors in the request and the reply) was
tried on an H100 and an H200: it measured the transfer. Where the reference takes 0.24 to 0.57 ms a
call, its ratio to itself came out between -15.5 and 66. The present scheme came to 0.999 and 0.977
on an H200, and to 2.000 for a kernel called twice (`python -m tests.gpu`).
"""

from .comparison import HOPELESS_RATIO, SCATTER, compare
from .credit import FULL_RATIO, NO_CREDIT_RATIO, credit, limit
from .device import attention_work, device_clock_mhz, roofline
from .measurement import Chain, Check, Pair, Setting, Timing, TimingFaultError, fresh_seed
from .pairs import CHAIN_SECONDS, FIXED_SHARE, LONGEST_SECONDS
from .projections import CONFIDENCE, projection_bound, projection_complaint

# What all measurements of one submission may take together, compilation not counted.
SUBMISSION_SECONDS = 15.0

__all__ = [
    "CHAIN_SECONDS", "CONFIDENCE", "FIXED_SHARE", "FULL_RATIO", "HOPELESS_RATIO",
    "LONGEST_SECONDS", "NO_CREDIT_RATIO", "SCATTER", "SUBMISSION_SECONDS", "Chain", "Check", "Pair",
    "Setting", "Timing", "TimingFaultError", "attention_work", "compare", "credit",
    "device_clock_mhz", "fresh_seed", "limit", "projection_bound", "projection_complaint",
    "roofline",
]  # fmt: skip
