"""Standard attackers: what a careless test gives away for nothing, verify names."""

from pathlib import Path

import numpy as np
import pytest

from grader.batch.messages import ProcessSettings
from grader.batch.pool import local_pool
from grader.course import scaffold
from grader.course.assignments import load
from grader.errors import AssignmentError
from grader.verify import allowances, attackers, trivial
from grader.verify.gates import Findings
from grader.verify.runner import Runner

CARELESS = '''
"""Hidden tests that a busy author might write: each cares for one thing and forgets another."""

import numpy as np
from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = None


@test_case(name="only a refusal", points=0.25, hidden=True, failure_message="See q1.")
def test_refusal(mean_of_squares):
    try:
        mean_of_squares([])
    except ValueError:
        return
    raise AssertionError("expected a ValueError")


@test_case(name="only that the input stays", points=0.25, hidden=True, failure_message="See q1.")
def test_input(mean_of_squares):
    values = [3.0, 4.0]
    mean_of_squares(values)
    assert values == [3.0, 4.0]


@test_case(name="only that some number comes", points=0.25, hidden=True, failure_message="See q1.")
def test_number(mean_of_squares):
    assert isinstance(mean_of_squares([3.0, 4.0]), float)


@test_case(name="all of them, by map", points=0.25, hidden=True, failure_message="See q1.")
def test_map(mean_of_squares):
    assert all(map(lambda x: mean_of_squares([x]) == x * x, [1.0, 2.0, 3.0]))


@test_case(name="a slice of a table", points=0.125, hidden=True, failure_message="See q1.")
def test_slice(mean_of_squares):
    table = np.array([[3.0, 4.0, 12.5], [1.0, 1.0, 1.0]])
    for row in table:
        assert mean_of_squares(row[:2]) == row[2]


@test_case(name="close to what is right", points=0.125, hidden=True, failure_message="See q1.")
def test_close(mean_of_squares):
    assert np.allclose(mean_of_squares([1.0, 7.0]), 25.0)


@test_case(name="no difference", points=0.125, hidden=True, failure_message="See q1.")
def test_difference(mean_of_squares):
    if mean_of_squares([1.0, 7.0]) != 25.0:
        raise AssertionError("expected 25")


@test_case(name="two numbers, once more", points=0.125, hidden=True, failure_message="See q1.")
def test_again(mean_of_squares):
    assert mean_of_squares([3.0, 4.0]) == 12.5
'''
ALLOWED = """
[[earns]]
attacker = "None"
question = "q1"
points = 0.25
reason = "For the test's sake."

[[earns]]
attacker = "always ValueError"
question = "r1"
points = 1
reason = "Nobody can earn this by a machine."
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Findings]:
    """Return what the gate says of a careless assignment, of which one fault is allowed."""
    course = tmp_path_factory.mktemp("careless")
    scaffold.write("sums", course)
    solutions = course / "solutions" / "sums"
    (solutions / "tests" / "q1.py").write_text(CARELESS)
    (solutions / "verify.toml").write_text(ALLOWED)
    assignment = load("sums", course, need_solutions=True)
    settings = ProcessSettings(str(assignment.folder), 0, assignment.limits, "none", device="auto")
    findings = Findings()
    with local_pool(1) as executor:
        summary = attackers.earn_nothing(
            assignment, Runner(settings, executor), allowances.read(assignment), findings
        )
    return summary, findings


EARNED = {
    "zeros, and zeros into the arguments": {"only that some number comes"},
    "None": {"only that the input stays"},
    "always ValueError": {"only a refusal"},
    "the first argument": {"only that the input stays"},
    "inf everywhere": {"only that the input stays", "only that some number comes"},
    "masked everywhere": {"only that the input stays"},
    "an array of nothing": {"close to what is right"},
    "a table of the public cases": {"two numbers, once more"},
}


def test_each_attacker_is_named_with_what_it_earns(found: tuple[str, Findings]) -> None:
    summary, findings = found
    assert summary.startswith("12 standard attackers earn: ")
    for name in (*attackers.ATTACKERS, attackers.TABLE):
        assert f"{name} " in summary
    for name, cases in EARNED.items():
        said = [text for text in findings.problems if text.startswith(f"{name} earns ")]
        if name == "None":
            assert said == []  # verify.toml allows it
        else:
            assert len(said) == 1
            assert all(repr(case) in said[0] for case in cases), said


def test_what_is_safe_whoever_wrote_it_earns_nothing(found: tuple[str, Findings]) -> None:
    """Exceptions are no end of an iterator, and a slice brings nothing of the array around it."""
    said = "\n".join(found[1].problems)
    assert "by map" not in said
    assert "slice of a table" not in said
    assert "no difference" not in said  # a masked number differs from any other


def test_an_allowance_that_nobody_needs_is_named(found: tuple[str, Findings]) -> None:
    assert "verify.toml lets 'always ValueError' earn 1 points of r1" in found[1].problems[-1]


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ('attacker = "None"\nquestion = "q1"\npoints = 1', "needs attacker, points, question"),
        ('attacker = "None"\nquestion = "q1"\npoints = "1"\nreason = "x"', "a number above 0"),
        ('attacker = "None"\nquestion = "q1"\npoints = 0\nreason = "x"', "a number above 0"),
    ],
)
def test_an_allowance_that_is_not_complete_is_refused(
    tmp_path: Path, entry: str, says: str
) -> None:
    scaffold.write("sums", tmp_path)
    (tmp_path / "solutions/sums/verify.toml").write_text(f"[[earns]]\n{entry}\n")
    with pytest.raises(AssignmentError, match=says):
        allowances.read(load("sums", tmp_path, need_solutions=True))


def test_an_attack_borrows_nothing_but_a_form() -> None:
    def reference(x: list[float], n: int) -> dict[str, object]:
        if n < 0:
            raise ValueError(n)
        x.append(1.0)
        return {"name": "a", "numbers": (1.5, n), "fine": True, "list": [x[0]]}

    given = [3.0, 4.0]
    filled = trivial.attacked(reference, trivial.infinities)
    inf = float("inf")
    assert filled(given, 2) == {"name": None, "numbers": (inf, 0), "fine": False, "list": [inf]}
    assert given == [3.0, 4.0]
    assert filled(given, -2) is None
    zeros = trivial.attacked(reference, trivial.zeros_in_place)
    assert zeros(given, 2)["numbers"] == (0.0, 0)
    assert given == [0, 0]
    assert trivial.attacked(3.5, trivial.value_error) is None
    assert trivial.attacked(3.5, trivial.infinities) == inf
    empty = trivial.attacked(np.full_like, trivial.nothing_in_it)
    assert (empty(np.ones(3), 4) == 4).all()
    hidden = trivial.attacked(np.full_like, trivial.masked)
    assert hidden(np.ones(3), 4).mask.tolist() == [True] * 3
