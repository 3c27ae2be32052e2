"""Mutants are small, valid, reachable; rewrites change the text and nothing else."""

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from grader.course.assignments import load as load_assignment
from grader.errors import AssignmentError
from grader.grading.otter_tests import load_reference
from grader.model import Assignment
from grader.verify import allowances, mutants, operators, rewrites
from grader.verify.agreement import reference_text
from grader.verify.allowances import Allowances, Explained
from grader.verify.gates import (
    Findings,
    Gate,
    KillRate,
    Verification,
)
from grader.verify.mutants import Mutant
from grader.verify.survival import GOAL, Kill, summarise
from tests.conftest import REPOSITORY


def changes(operator: operators.Operator, source: str) -> list[str]:
    """Return the source after each change that an operator makes anywhere in it."""

    def each() -> Iterator[str]:
        for node in ast.walk(ast.parse(source)):
            for target, text in operator(node):
                yield mutants._replaced(source, target, text)

    return list(each())


@pytest.mark.parametrize(
    ("operator", "source", "expected"),
    [
        (operators.dtype_changed, "y = x.to(torch.float32)", "y = x.to(torch.float16)"),
        (operators.dtype_changed, "y = x.to(torch.float32)", "y = x.to(torch.float64)"),
        (operators.conversion_dropped, "y = x.to(wide) @ z", "y = (x) @ z"),
        (operators.extremum_dropped, "m = torch.maximum(m1, m2)", "m = m1"),
        (operators.operand_dropped, "e = exp(x - x.max())", "e = exp((x))"),
        (operators.operand_dropped, "acc = acc * rescale", "acc = (acc)"),
        (operators.axis_changed, "s = e.sum(dim=-1)", "s = e.sum(dim=0)"),
        (operators.axis_changed, "s = e.sum(dim=dim)", "s = e.sum(dim=-1)"),
        (operators.bound_moved, "inside = rows < n", "inside = rows < n - 1"),
        (operators.bound_moved, "seen = ones.tril(n - m)", "seen = ones.tril(n - m + 1)"),
        (operators.choice_fixed, "p = tl.where(seen, p, 0.0)", "p = (p)"),
        (operators.choice_fixed, "t = tl.load(p, mask=inside)", "t = tl.load(p, mask=None)"),
        (operators.epsilon_added, "p = e / total", "p = (e / (total + 1e-6))"),
        (operators.nan_hidden, "p = e / total", "p = torch.nan_to_num(e / total)"),
        (operators.exponent_clamped, "e = x.exp()", "e = x.clamp(max=10).exp()"),
        (operators.statement_skipped, "l += p", "pass"),
        (operators.update_replaced, "l += p", "l = p"),
        (operators.answer_replaced, 'quiz = "d"', "quiz = 'a'"),
    ],
)
def test_an_operator_makes_the_mistake_that_it_is_named_after(
    operator: operators.Operator, source: str, expected: str
) -> None:
    assert expected in changes(operator, source)


def test_every_general_operator_is_one_of_cosmic_rays() -> None:
    from cosmic_ray.plugins import operator_names

    known = set(operator_names())
    assert {f"core/{name}" for name in operators.COSMIC_RAY} <= known


@pytest.fixture(scope="module")
def found(softmax: Assignment) -> list[Mutant]:
    return mutants.mutants_of(softmax)


def test_every_mutant_compiles_and_differs_in_one_place(found: list[Mutant]) -> None:
    assert len(found) > 100
    assert len({item.source for item in found}) == len(found)
    for item in found:
        compile(item.source, item.operator, "exec")
        assert item.before != item.after


def test_only_what_a_question_reaches_is_changed_and_never_a_signature(
    softmax: Assignment, found: list[Mutant]
) -> None:
    plain = {node.name: node for node in ast.parse(reference_text(softmax)).body
             if isinstance(node, ast.FunctionDef)}  # fmt: skip
    for item in found:
        for node in ast.parse(item.source).body:
            if isinstance(node, ast.FunctionDef):
                assert ast.dump(node.args) == ast.dump(plain[node.name].args)
                assert ast.get_docstring(node) == ast.get_docstring(plain[node.name])


def test_a_change_belongs_to_the_question_that_asks_for_the_function(found: list[Mutant]) -> None:
    owners = {item.function: item.questions for item in found}
    assert owners["analyze_softmax_safety"][0] == "q2"
    assert "q3" in owners["analyze_softmax_safety"]
    assert owners["_largest_finite_input"][0] == "q1"


def test_rewrites_change_the_text_and_not_the_values(softmax: Assignment) -> None:
    reference = load_reference(softmax)
    found = rewrites.rewritten(softmax, Allowances())
    assert len(found) >= 4
    scores = np.random.default_rng(0).standard_normal((3, 5)) * 8
    for name, source in found.items():
        names: dict[str, object] = {}
        exec(compile(source, name, "exec"), names)  # noqa: S102 - our own reference
        for function in ("analyze_softmax_safety", "softmax_with_overflow_detection"):
            expected = getattr(reference, function)(scores, "float16")
            got = names[function](scores, "float16")  # type: ignore[operator]
            assert repr(got) == repr(expected), name
        assert torch.is_tensor(got[0])


ANYBODYS = """
def total(values, rows, name):
    parts = [rows] + [name]
    label = name + "!" + str(len(parts))
    both = (1,) + (2,)
    return values.sum(axis=1), parts, label, both, values + 1, 2 * values, rows.count(name)
"""


def test_a_rewrite_keeps_texts_lists_and_arrays_of_numpy_as_they_are() -> None:
    for name, make in rewrites.REWRITES.items():
        tree = rewrites._apply(ast.parse(ANYBODYS), make(), {"total"})
        source = ast.unparse(ast.fix_missing_locations(tree))
        values = np.arange(6.0).reshape(2, 3)
        told = []
        for text in (ANYBODYS, source):
            names: dict[str, object] = {}
            exec(compile(text, name, "exec"), names)  # noqa: S102 - a function of this test
            told.append(repr(names["total"](values, ["b", "a"], "a")))  # type: ignore[operator]
        assert told[0] == told[1], name


def test_in_a_kernel_a_sum_stays_a_sum() -> None:
    kernel = "@triton.jit\ndef k(x, y):\n    return x + y.sum()"
    swapped = rewrites.REWRITES["operands in the other order"]()
    tree = rewrites._apply(ast.parse(kernel), swapped, {"k"})
    assert ast.unparse(tree).endswith("return y.sum() + x")


def test_numbers_that_staff_call_interchangeable_are_put_for_each_other() -> None:
    tiles = "other numbers in _tile_sizes"
    attention = load_assignment("attention", REPOSITORY, need_solutions=True)
    assert tiles not in rewrites.rewritten(attention, Allowances())
    source = rewrites.rewritten(attention, allowances.read(attention))[tiles]
    before = ast.parse((attention.solutions / "reference.py").read_text(encoding="utf-8"))  # type: ignore[operator]
    numbers = [
        [n.value for n in ast.walk(function(tree, "_tile_sizes")) if isinstance(n, ast.Constant)]
        for tree in (before, ast.parse(source))
    ]
    swapped = {32: 64, 64: 32}
    assert numbers[1] == [swapped.get(value, value) for value in numbers[0]]
    assert numbers[0] != numbers[1]
    assert ast.dump(function(before, "attention")) == ast.dump(
        function(ast.parse(source), "attention")
    )


def function(tree: ast.Module, name: str) -> ast.FunctionDef:
    [found] = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name]
    return found


@pytest.mark.parametrize("values", ["[64]", "[64, 64]", '["64", 32]', "64"])
def test_interchangeable_numbers_are_two_or_more(
    values: str, softmax: Assignment, tmp_path: Path
) -> None:
    (tmp_path / "verify.toml").write_text(
        f'[[interchangeable]]\nfunction = "f"\nvalues = {values}\nreason = "why not"\n',
        encoding="utf-8",
    )
    with pytest.raises(AssignmentError, match="number 1: values must be a list of two or more"):
        allowances.read(dataclasses.replace(softmax, solutions=tmp_path))


def kill_of(function: str, case: str | None) -> Kill:
    mutant = Mutant(function, "epsilon added", ("q1",), 3, "a / b", "a / (b + 1e-6)", "")
    return Kill(mutant, "q1" if case else None, case)


def test_an_accepted_survivor_counts_and_an_equivalent_one_does_not() -> None:
    kills = [kill_of("f", "first")] * 9 + [kill_of("g", None)]
    for is_equivalent, rate in ((True, 1.0), (False, 0.9)):
        entry = Explained("g", "a / b", "a / (b + *)", "why not", is_equivalent)
        findings = Findings()
        _, rates = summarise(kills, Allowances((entry,)), findings)
        assert rates[-1].rate == pytest.approx(rate)
        below = ["the kill rate is 90.0%; the goal is 98%"] if rate < GOAL else []
        assert findings.problems == below


def test_brackets_in_a_pattern_are_code() -> None:
    entry = Explained("f", "x[:, None]", "*", "…")
    assert entry.matches("f", "x[:, None]", "anything")
    assert not entry.matches("f", "x:", "anything")


def test_the_record_of_a_verification_holds_no_times() -> None:
    rates = (KillRate("q1", 9, 1, 2),)
    records = [
        Verification((Gate("wrong", "4 of them", seconds=seconds),), rates).record()
        for seconds in (0.1, 9.0)
    ]
    assert records[0] == records[1]
    assert records[0]["kill_rates"]["q1"]["rate"] == pytest.approx(0.9)
