"""A class among attackers, in two orders and two grader processes: honest students fare alike.

The attackers are those of `tests/hostile/submissions`, one or more of each kind of threat that
needs nothing from the outside, as answers to the small assignment.
"""

from dataclasses import replace
from pathlib import Path

import pytest

from grader.batch import process
from grader.batch.messages import ProcessSettings
from grader.batch.pool import local_pool
from grader.course.assignments import load
from grader.reports import Report
from tests.conftest import REPOSITORY, notebook_of, submission_of, write_small_course
from tests.hostile.attacks import PRELUDE
from tests.hostile.attacks import load as load_attack
from tests.support import requirements
from tests.support.classes import SETUP, STUDENTS

ATTACKS = (
    "01_equal_to_everything",
    "07_change_after_returning",
    "08_print_a_score",
    "09_exit_in_a_function",
    "09_segfault",
    "10_forged_frame",
    "11_nested_value",
    "12_truncated_mapping",
    "19_leave_notes",
    "24_daemon",
    "25_memory_in_one_array",
    "26_fill_the_disk",
    "27_endless_function",
    "28_endless_output",
    "31_modules_beside_the_notebook",
    "51_one_buffer_many_times",
    "52_pages_in_pipes",
    "53_more_processors",
    "54_out_of_band",
    "55_files_in_a_closed_folder",
)
SUBMISSIONS = REPOSITORY / "tests" / "hostile" / "submissions"


def attacker(name: str) -> bytes:
    attack = load_attack(SUBMISSIONS / name)
    cells = ["bait = {'patience': 0.3}", PRELUDE, *attack.cells[1:]]
    after = "double = answer\ndef square(x):\n    return answer(x) * x / 2"
    return notebook_of(SETUP, *cells, after, "grader.check('q1')", "grader.check('q2')")


def write_the_class() -> dict[str, bytes]:
    """Return the notebooks by name: each of a class's students between two attackers."""
    found = {}
    for number, name in enumerate(ATTACKS):
        found[f"eve {name}"] = attacker(name)
        who, double, square, first = STUDENTS[number % len(STUDENTS)]
        cells = SETUP, first, double, "grader.check('q1')", square, "grader.check('q2')"
        found[f"{number:02} {who}"] = notebook_of(*cells)
    return found


def judge_in_both_orders(folder: str) -> list[dict[str, Report]]:
    """Judge the class with two jobs and back again; for each order, a report by name."""
    assignment = load("small", Path(folder), need_solutions=True)
    limits = replace(
        assignment.limits,
        cell_seconds=30,
        call_seconds=0.5,
        submission_seconds=90,
        memory_bytes=900 << 20,
        scratch_bytes=32 << 20,
        array_bytes=64 << 20,
    )
    settings = ProcessSettings(str(assignment.folder), 0, limits, "auto", "cpu")
    class_of = write_the_class()
    names = list(class_of)
    with local_pool(2) as pool:
        controlled = frozenset({pool.submit(process.start, settings).result().place})

        def judge(order: list[str]) -> dict[str, Report]:
            futures = {
                name: pool.submit(
                    process.grade_one, settings, submission_of(class_of[name], name), ("q1", "q2"),
                    controlled,
                )
                for name in order
            }  # fmt: skip
            return {name: future.result().report for name, future in futures.items()}

        return [judge(names), judge(names[::-1])]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Report]]:
    requirements.require("isolation")
    return judge_in_both_orders(str(write_small_course(tmp_path_factory.mktemp("course"))))


def test_every_honest_student_fares_alike_in_any_order(both: list[dict[str, Report]]) -> None:
    earned = {"right": [3, 3], "adds": [1, 3], "raises": [3, 0], "exits": [3, 0], "warns": [3, 3]}
    honest = [name for name in both[0] if not name.startswith("eve ")]
    assert len(honest) == len(ATTACKS)
    for reports in both:
        for name in honest:
            scores = [question.score for question in reports[name].questions]
            assert scores == earned[name.split()[1]], name


def test_what_an_attacker_earns_does_not_depend_on_the_order_either(
    both: list[dict[str, Report]],
) -> None:
    for name in ATTACKS:
        scores = {reports[f"eve {name}"].score for reports in both}
        assert len(scores) == 1, name
        assert "denied" in load_attack(SUBMISSIONS / name).expect or scores == {0}, name
