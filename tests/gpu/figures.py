"""The step that measures the reference kernel, in a process: its bounds, then torch's beside it."""

from typing import Any

from grader.batch import process
from grader.batch.messages import ProcessSettings
from grader.course.assignments import load
from tests.gpu.judging import hear
from tests.gpu.rooms import Asked, Rooms
from tests.gpu.setup import ROOT, Setup, Sizes
from tests.gpu.steps import Log

SLUG = "attention"
MOST_OF_BOUND = 0.9  # a bound that the reference nearly reaches would fail right answers


def examine(setup: Setup, rooms: Rooms, log: Log) -> None:
    """Hold the reference against its bounds, several at once, then time it by itself."""
    each = [(dtype, d) for dtype in setup.sizes.dtypes for d in setup.sizes.widths]
    room = rooms.enter(load(SLUG, ROOT, need_solutions=True), "cuda", log, most=len(each))
    log.found["bounds"] = []

    def take(row: dict[str, Any]) -> None:
        log.found["bounds"].append(row)
        name = f"{row['dtype']}, d = {row['d']}"
        log.say(f"  {name}: at most {row['worst']:.3f} of its bound over {row['seeds']} seeds")
        if not row["worst"] < MOST_OF_BOUND:
            log.problem(f"{name}: {row['worst']:.3f} is not below {MOST_OF_BOUND}")

    asked = [
        Asked(
            f"the bound of {dtype}, d = {d}",
            room,
            room.pool.submit(bound, room.settings, dtype, d, setup.sizes),
            take,
        )
        for dtype, d in each
    ]
    hear(rooms, log, asked)
    log.found["bounds"].sort(key=lambda row: each.index((row["dtype"], row["d"])))
    _time_it(setup, rooms, log)


def _time_it(setup: Setup, rooms: Rooms, log: Log) -> None:
    log.found["speed"] = []
    for d in setup.sizes.widths:
        for causal in (False, True):
            room = rooms.enter(load(SLUG, ROOT, need_solutions=True), "cuda", log)
            name = f"d = {d}{', causal' if causal else ''}"
            row = rooms.ask(room, f"speed, {name}", log, speed, d, causal, setup.sizes)
            log.found["speed"].append(row)
            log.say(f"  {row['heads']} heads, N = {row['length']}, {name}: {_sentence(row)}")
            if row["ms"] <= row["floor_ms"]:
                log.problem(f"{name}: faster than the roofline's {row['floor_ms']:.4f} ms")


def _sentence(row: dict[str, Any]) -> str:
    parts = [f"{row['ms']:.3f} ms ({row['tflops']:.3g} TFLOP/s)"]
    for label, key in (("flash", "FLASH_ATTENTION"), ("cuDNN", "CUDNN_ATTENTION")):
        theirs = row[key]
        parts.append(
            f"no {label} here" if theirs is None
            else f"{theirs / row['ms']:.2f} times as fast as {label}"
        )  # fmt: skip
    return ", ".join(parts)


def bound(settings: ProcessSettings, dtype: str, d: int, sizes: Sizes) -> dict[str, Any]:
    """Return the reference's worst error as a share of its bound, worked out in this process."""
    import torch

    from tests.gpu import kernel

    engine = process.engine(settings)
    worst = kernel.worst_ratio(
        engine.suite.reference.attention, getattr(torch, dtype), d, seeds=sizes.seeds,
        rows=sizes.rows, device=engine.device_names["cuda"],
    )  # fmt: skip
    return {"dtype": dtype, "d": d, "seeds": sizes.seeds, "rows": sizes.rows, "worst": worst}


def speed(settings: ProcessSettings, d: int, causal: bool, sizes: Sizes) -> dict[str, Any]:
    """Return the reference's speed next to torch's, measured in this grader process."""
    from tests.gpu import kernel

    engine = process.engine(settings)
    return kernel.beside_torch(
        engine.suite.reference.attention, (*sizes.heads, sizes.length, d), causal=causal,
        repetitions=sizes.repetitions, flush_bytes=sizes.flush_bytes,
        device=engine.device_names["cuda"],
    )  # fmt: skip
