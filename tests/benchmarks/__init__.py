"""Measure the grader against others and against its own floor: `python -m tests.benchmarks`."""
