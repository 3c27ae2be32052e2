"""What verifying comes to: one gate a line, with what it found where it fails."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from grader.model import Assignment

MAX_PROBLEMS = 20


@dataclass(slots=True)
class Findings:
    """Collects a gate's problems and notes while it is being tried."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Gate:
    """One thing that must hold before an assignment is released."""

    name: str
    summary: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # worth reading, and no reason to refuse
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.problems

    def lines(self) -> list[str]:
        """Return the gate's line, then its problems and notes, the first ones in full."""
        mark = "✓" if self.passed else "✗"
        first = f"{mark} {self.name:<10} {self.summary} ({self.seconds:.1f} s)"
        shown = [*self.problems[:MAX_PROBLEMS]]
        if len(self.problems) > MAX_PROBLEMS:
            shown.append(f"… and {len(self.problems) - MAX_PROBLEMS} more")
        rest = [*shown, *self.notes]
        return [first, *(f"    {line}" for text in rest for line in text.splitlines())]


@dataclass(frozen=True, slots=True)
class KillRate:
    """How many mutants of one question's reference its tests noticed."""

    question: str
    killed: int
    survived: int
    equivalent: int

    @property
    def rate(self) -> float:
        judged = self.killed + self.survived
        return self.killed / judged if judged else 1.0


@dataclass(frozen=True, slots=True)
class Verification:
    """Every gate in the order in which it was tried, and the kill rate of each question."""

    gates: tuple[Gate, ...]
    kill_rates: tuple[KillRate, ...] = ()
    points: tuple[str, ...] = ()  # a table, one line a question
    complete: bool = True  # every mutant and every seed, or a sample

    @property
    def passed(self) -> bool:
        return all(gate.passed for gate in self.gates)

    @property
    def failing(self) -> tuple[Gate, ...]:
        return tuple(gate for gate in self.gates if not gate.passed)

    def record(self) -> dict[str, Any]:
        """Return what a release's manifest keeps: nothing that differs from run to run."""
        return {
            "complete": self.complete,
            "gates": {
                gate.name: "passed" if gate.passed else list(gate.problems) for gate in self.gates
            },
            "kill_rates": {
                rate.question: {
                    "killed": rate.killed,
                    "survived": rate.survived,
                    "equivalent": rate.equivalent,
                    "rate": round(rate.rate, 4),
                }
                for rate in self.kill_rates
            },
        }


class Run:
    """One verification: tries gate after gate, and tells as it goes."""

    def __init__(self, assignment: Assignment, on_gate: Callable[[Gate], None]) -> None:
        self.assignment = assignment
        self.gates: list[Gate] = []
        self._on_gate = on_gate

    def gate(self, name: str, attempt: Callable[[Findings], str]) -> None:
        """Try one gate and keep what it found."""
        findings, started = Findings(), time.monotonic()
        summary = attempt(findings)
        seconds = time.monotonic() - started
        gate = Gate(name, summary, tuple(findings.problems), tuple(findings.notes), seconds)
        self.gates.append(gate)
        self._on_gate(gate)

    @property
    def failed(self) -> bool:
        return any(not gate.passed for gate in self.gates)
