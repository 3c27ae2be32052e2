"""The logic of timing, with a simulated clock and device: nothing here touches a GPU."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader import timing
from grader.sandbox import instruments


@dataclass
class Machine:
    """A clock that only moves when a chain runs on the machine."""

    now: float = 0.0
    log: list[str] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def chain(
        self, name: str, call: float, overhead: float, value: Callable[[int], Any] = int
    ) -> timing.Chain:
        def run(seed: int, steps: int) -> Any:
            self.log.append(name)
            self.now += overhead + call * steps
            return value(seed)

        return run


def agree(_seed: int, student: Any, reference: Any) -> str:
    return "" if student == reference else f"{student} is not {reference}"


def test_the_ratio_is_free_of_what_a_call_to_another_process_costs() -> None:
    machine = Machine()
    student = machine.chain("student", call=3e-3, overhead=0.9)
    reference = machine.chain("reference", call=2e-3, overhead=1e-4)
    found = timing.compare(student, reference, agree, floor=0.0, clock=machine.clock)
    assert found.ratio == pytest.approx(1.5)
    assert found.student == pytest.approx(3e-3)


def test_pairs_are_interleaved_in_alternating_order() -> None:
    machine = Machine()
    chains = [machine.chain(name, 1e-3, 0.0) for name in ("student", "reference")]
    timing.compare(*chains, agree, floor=0.0, pairs=2, clock=machine.clock)
    warm_up, pairs = machine.log[:2], machine.log[2:]
    assert warm_up == ["reference", "student"]
    assert pairs == ["student"] * 2 + ["reference"] * 4 + ["student"] * 2


def test_one_disturbed_pair_does_not_move_the_median() -> None:
    machine = Machine()
    calls = {"n": 0}

    def student(seed: int, steps: int) -> int:
        calls["n"] += 1
        machine.now += 1e-3 * steps * (40 if calls["n"] == 5 else 1)
        return seed

    reference = machine.chain("reference", 1e-3, 0.0)
    found = timing.compare(student, reference, agree, floor=0.0, clock=machine.clock)
    assert max(pair.ratio for pair in found.pairs) > 10
    assert found.ratio == pytest.approx(1.0)


def test_each_timed_value_is_checked() -> None:
    machine = Machine()
    student = machine.chain("student", 1e-3, 0.0, value=lambda seed: seed if seed != 4 else -1)
    reference = machine.chain("reference", 1e-3, 0.0)
    with pytest.raises(AssertionError, match="-1 is not 4"):
        timing.compare(student, reference, agree, floor=0.0, clock=machine.clock)


def test_a_time_under_the_roofline_is_a_fault_and_not_a_record() -> None:
    machine = Machine()
    student = machine.chain("student", 1e-6, 0.1)
    reference = machine.chain("reference", 1e-3, 0.0)
    with pytest.raises(timing.TimingFaultError, match="under the roofline"):
        timing.compare(student, reference, agree, floor=5e-4, clock=machine.clock)


def test_a_reference_that_takes_no_time_is_a_fault() -> None:
    machine = Machine()
    chains = machine.chain("student", 1e-3, 0.0), machine.chain("reference", 0.0, 1.0)
    with pytest.raises(timing.TimingFaultError, match="no longer"):
        timing.compare(*chains, agree, floor=0.0, clock=machine.clock)


def test_the_clocks_of_the_device_are_recorded() -> None:
    machine = Machine()
    chains = [machine.chain(name, 1e-3, 0.0) for name in ("student", "reference")]
    readings = iter([1980, 1755])
    found = timing.compare(
        *chains, agree, floor=0.0, clock=machine.clock, device_clock=lambda: next(readings)
    )
    assert found.clocks == (1980, 1755)
    assert "1980/1755 MHz" in found.sentence()


@given(st.floats(0.1, 20.0))
def test_credit_falls_evenly_and_the_staircase_follows_it(ratio: float) -> None:
    share = timing.credit(ratio)
    assert 0.0 <= share <= 1.0
    steps = sum(ratio <= timing.limit(step, 8) for step in range(1, 9))
    assert steps / 8 == pytest.approx(share, abs=1 / 8)
    assert share == (1.0 if ratio <= 1.25 else 0.0 if ratio >= 5 else pytest.approx(share))


def test_a_known_device_has_a_roofline_and_an_unknown_one_a_lower_floor() -> None:
    work = timing.attention_work(32, 4096, 128, causal=False)
    known = timing.roofline("NVIDIA H100 80GB HBM3", *work)
    assert known == pytest.approx(4 * 32 * 4096**2 * 128 / 989e12)
    assert 0 < timing.roofline("a GPU of next year", *work) < known


def test_a_chain_makes_each_input_from_the_last_result() -> None:
    seen = []

    def double(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        seen.append(q.clone())
        return 2 * q + k

    q, k = torch.ones(3), torch.zeros(3)
    found = instruments.chain(double, (q, k), {}, steps=3, flush_bytes=64)
    assert [float(x[0]) for x in seen] == [1.0, 1.25, 1.3125]
    assert torch.equal(found["value"], 2 * found["query"])
    assert 0 < found["device_seconds"] <= found["seconds"]
    assert torch.equal(q, torch.ones(3))
