"""Hidden tests of the kernel's speed: eight steps from 5 times the reference's time to 1.25.

Each size is measured once a submission, for all the cases that ask for it; what could not be
measured is not tried again.
"""

import functools

import torch
from otter.test_files import test_case

from grader.testing import chain, observe, timing
from grader.testing.hints import hint

OK_FORMAT = False
name = "q4_perf"
points = None
requires = "cuda"

STEPS = 8
DTYPE = "float16"
# (B, H, N, d, causal): long enough that a call takes longer than what goes on around it, and few
# enough that each has the time for five pairs of chains.
SIZES = ((2, 16, 4096, 64, True), (2, 16, 4096, 128, False))


def measure(attention, reference, device, size, **options):
    *shape, causal = size
    inputs = {"shape": shape, "dtype": DTYPE, "device": device, "causal": causal}
    theirs = chain.prepare(attention, **inputs)
    busy = observe.busy(theirs)
    assert not busy, f"Torch's {busy} works beside the kernel."

    def check(steps, mine, right):
        _, _, length, d = shape
        bound = timing.projection_bound(right.norms, steps=steps, length=length, d=d, dtype=DTYPE)
        return timing.projection_complaint(mine, right, bound=bound)

    gpu = torch.cuda.get_device_name() if device == "cuda" else ""
    batch, heads, length, d = shape
    work = timing.attention_work(batch * heads, length, d, causal=causal)
    return timing.compare(
        theirs,
        chain.prepare(reference.attention, **inputs),
        chain.prepare(lambda q, *_, **__: q, **inputs),
        check,
        timing.Setting(
            seconds=timing.SUBMISSION_SECONDS / len(SIZES),
            floor=timing.roofline(gpu, *work),
            device_clock=timing.device_clock_mhz,
            **options,
        ),
    )


def measured_once(memory, size, measurement):
    """Return what the memory holds of a size, measured if nothing; an exception is raised again."""
    if size not in memory:
        try:
            memory[size] = measurement()
        except Exception as problem:  # noqa: BLE001 - whatever it is, it would only come again
            memory[size] = problem
    found = memory[size]
    if isinstance(found, Exception):
        raise found.with_traceback(None)
    return found


def check_step(step, attention, reference, device, memory):
    size = SIZES[step % len(SIZES)]
    measurement = functools.partial(measure, attention, reference, device, size)
    found = measured_once(memory, size, measurement)
    limit = timing.limit(step, STEPS)
    with hint("The kernel takes longer, beside the reference, than this step allows."):
        assert found.ratio <= limit, f"(B, H, N, d, causal) = {size}: {found.sentence()}."


for step in range(1, 9):
    globals()[f"test_step_{step}"] = test_case(
        name=f"speed, step {step} of 8",
        points=0.25,
        hidden=True,
        failure_message=(
            "The kernel's time beside the reference's, from 5 times as long for the first step "
            "to 1.25 for the last. See step 7."
        ),
    )(functools.partial(check_step, step))
