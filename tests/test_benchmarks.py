"""The benchmark runs, and the README holds numbers that it printed; nothing here is timed."""

from pathlib import Path

import pandas as pd
import pytest

from tests.benchmarks import endless, ours, table, values
from tests.benchmarks.__main__ import main
from tests.benchmarks.otter_zip import Compared, Ended
from tests.benchmarks.spread import Spread, paired

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[1]


@pytest.mark.needs("isolation")
def test_one_command_measures_us_otter_and_the_floor(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--classes", "small", "--only", "throughput", "growth", "--jobs", "1"])
    page = capsys.readouterr().out
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    for words in ("the floor", "otter run", "steady state"):
        assert sum(words in row for row in rows) == 1, words
    assert any(row.startswith("| 2 |") for row in rows)
    assert "nbgrader was not measured" in page


def test_who_never_ends_is_measured_on_four_cases(tmp_path: Path) -> None:
    classroom = endless.write_class(tmp_path, *endless.CLASSES["a function that loops"])
    (question,) = classroom.assignment.questions
    assert [case.hidden for case in question.cases] == [False, True, True, True]
    assert classroom.assignment.limits.call_seconds == endless.CALL_SECONDS
    (notebook,) = classroom.folder.iterdir()
    assert "while True" in notebook.read_text()


def test_the_readme_shows_three_numbers_of_the_results() -> None:
    shown = table.block(table.README.read_text(encoding="utf-8"))
    assert shown == table.summary(table.RESULTS.read_text(encoding="utf-8"))
    assert shown.count("**") == 6


def test_the_numbers_go_between_the_markers_and_nowhere_else(tmp_path: Path) -> None:
    readme, results = tmp_path / "README.md", tmp_path / "RESULTS.md"
    page = table.RESULTS.read_text(encoding="utf-8")
    results.write_text(page)
    readme.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    assert table.refresh_readme(readme, results)
    numbers = table.summary(page)
    assert readme.read_text() == f"before\n{table.BEGIN}\n{numbers}\n{table.END}\nafter\n"
    readme.write_text("no markers\n")
    assert not table.refresh_readme(readme, results)
    assert readme.read_text() == "no markers\n"


def test_results_without_a_rival_give_no_numbers() -> None:
    page = table.RESULTS.read_text(encoding="utf-8").replace("| nbgrader autograde", "| absent")
    with pytest.raises(ValueError, match="nothing like 'nbgrader autograde"):
        table.summary(page)


def test_ratios_are_taken_run_by_run() -> None:
    # A machine that is twice as slow in the second run changes no ratio.
    assert paired([2.0, 4.0, 9.0], [1.0, 2.0, 3.0]) == Spread(2.0, 2.0, 3.0, 3)


def test_the_benchmark_names_no_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTNAME", "secret-host")
    page = table.render(table.Results(load=0.0))
    assert "cores of" in page
    assert str(ROOT) not in page
    assert "secret-host" not in page


def test_the_page_says_whether_scores_are_equal_and_what_becomes_of_hostile_notebooks() -> None:
    ends = {"loops": (Ended("ran on", 20.0), Ended("12 of 13 points; q4 failed", 3.0))}
    found = Compared(50, 5, 2, "7.0.0", 3.0, 0.5, (), ends)
    page = table.render(table.Results(load=0.0, otter=found))
    assert "equal for each question of each" in page
    assert "6.0 times" in page
    assert "| loops | ran on | 20.0 | 12 of 13 points; q4 failed | 3.0 |" in page
    other = Compared(50, 5, 2, "7.0.0", 3.0, 0.5, ("student-0007",), ends)
    assert "not equal for student-0007" in table.render(table.Results(load=0.0, otter=other))


def test_a_run_of_some_parts_is_never_written_as_the_results() -> None:
    with pytest.raises(SystemExit):
        main(["--quick", "--write", "--only", "startup"])


def test_the_values_that_are_timed_cross_as_they_are() -> None:
    pd.testing.assert_frame_equal(values.cross(values.frame(300)), values.frame(300))
    assert values.cross([f"word{n}" for n in range(300)]) == [f"word{n}" for n in range(300)]
    for what in ("a float", "a tensor of 1,000 float16", "a frame of 5 x 2"):
        value = values.VALUES[what]()
        assert type(values.cross(value)) is type(value)


@pytest.mark.parametrize(
    ("judged", "each"),
    [
        ([(0, 2), (2, 3), (2, 3), (3, 4), (3, 4)], 0.5),  # alone, then both at work
        ([(0, 4), (2, 3), (3, 4)], 0.8),  # half of the first counts
        ([(0, 1), (1, 2)], 1.0),  # never two at once
        ([(5, 8)], 3.0),
    ],
)
def test_what_one_job_judges_alone_is_no_steady_state(
    judged: list[tuple[float, float]], each: float
) -> None:
    found = ours.steady_seconds([ours.Judged(*pair) for pair in judged], jobs=2)
    assert found == pytest.approx(each)
