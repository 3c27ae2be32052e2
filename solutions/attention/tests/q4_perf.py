"""Hidden tests of the kernel's speed: eight steps from 5 times the reference's time to 1.25.

Each case measures for itself, on one of four sizes, so credit falls evenly from 1.25 to 5 and no
measurement outlives the case that made it.
"""

import torch
from otter.test_files import test_case

from grader import numerics, timing
from grader.sandbox import instruments

OK_FORMAT = False
name = "q4_perf"
points = None
requires = "cuda"

STEPS = 8
# (B, H, N, d, causal): only sizes that are large enough to time.
SIZES = ((2, 16, 2048, 64, False), (2, 16, 2048, 128, True), (2, 16, 4096, 64, True))
SIZES += ((2, 16, 4096, 128, False),)


def draws(size, seed, device):
    batch, head, length, d, _ = size
    draw = torch.Generator(device=device).manual_seed(seed)
    shape = (batch, head, length, d)
    kind = {"generator": draw, "device": device, "dtype": torch.float16}
    return [torch.randn(shape, **kind) for _ in "qkv"]


def checker(size, device):
    """Compare the ends of two chains on one head of each batch entry.

    Both may be off by twice the bound, and what the student's chain was off before came through
    the last step's query: an eighth of that, and of what it was off before.
    """

    def check(seed, student, reference):
        _, k, v = draws(size, seed, device)
        for b in range(size[0]):
            truth = numerics.attention_truth(
                reference["query"][b, 1], k[b, 1], v[b, 1], causal=size[4]
            )
            right = reference["value"][b, 1].double()
            mine = student["value"][b, 1].to(right.device)
            found = numerics.diagnose(mine, right, truth.bound, factor=6.0)
            if found:
                return numerics.explain_mismatch(found, f"the end of a chain, head [{b}, 1]")
        return ""

    return check


def measure(attention, reference, device, size, seed, **options):
    batch, head, length, d, causal = size
    cache = 0
    if device == "cuda":
        cache = 2 * getattr(torch.cuda.get_device_properties(0), "L2_cache_size", 64 << 20)

    def run_student(seed, steps):
        given = draws(size, seed, device)
        return attention.chain(*given, steps=steps, flush_bytes=cache, causal=causal)

    def run_reference(seed, steps):
        given = draws(size, seed, device)
        keywords = {"causal": causal}
        return instruments.chain(reference.attention, given, keywords, steps, cache)

    gpu = torch.cuda.get_device_name() if device == "cuda" else ""
    work = timing.attention_work(batch * head, length, d, causal=causal)
    return timing.compare(
        run_student,
        run_reference,
        checker(size, device),
        floor=timing.roofline(gpu, *work),
        seed=seed,
        device_clock=timing.device_clock_mhz,
        **options,
    )


def check_step(attention, reference, rng, device, step):
    size = SIZES[step % len(SIZES)]
    found = measure(attention, reference, device, size, int(rng.integers(2**31)))
    limit = timing.limit(step, STEPS)
    assert found.ratio <= limit, f"(B, H, N, d, causal) = {size}: {found.sentence()}."


@test_case(name="speed, step 1 of 8", points=0.25, hidden=True)
def test_step_1(attention, reference, rng, device):
    check_step(attention, reference, rng, device, 1)


@test_case(name="speed, step 2 of 8", points=0.25, hidden=True)
def test_step_2(attention, reference, rng, device):
    check_step(attention, reference, rng, device, 2)


@test_case(name="speed, step 3 of 8", points=0.25, hidden=True)
def test_step_3(attention, reference, rng, device):
    check_step(attention, reference, rng, device, 3)


@test_case(name="speed, step 4 of 8", points=0.25, hidden=True)
def test_step_4(attention, reference, rng, device):
    check_step(attention, reference, rng, device, 4)


@test_case(name="speed, step 5 of 8", points=0.25, hidden=True)
def test_step_5(attention, reference, rng, device):
    check_step(attention, reference, rng, device, 5)


@test_case(name="speed, step 6 of 8", points=0.25, hidden=True)
def test_step_6(attention, reference, rng, device):
    check_step(attention, reference, rng, device, 6)


@test_case(name="speed, step 7 of 8", points=0.25, hidden=True)
def test_step_7(attention, reference, rng, device):
    check_step(attention, reference, rng, device, 7)


@test_case(name="speed, step 8 of 8", points=0.25, hidden=True)
def test_step_8(attention, reference, rng, device):
    check_step(attention, reference, rng, device, 8)
