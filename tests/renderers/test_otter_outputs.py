"""What an otter configuration changes in the outputs: totals, and who sees what on Gradescope."""

import csv
import io
import itertools
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from grader.model import OtterRules, Question, Status, TestCase
from grader.renderers import canvas, final_grades, grades_csv, gradescope
from grader.renderers.sheets import fill
from grader.reports import Gradebook, Outcome, QuestionReport
from tests.renderers.test_formats import small_book, small_report
from tests.renderers.test_sheets import canvas_report, export

CASES = (TestCase("q1 - 1", 1.0, hidden=False), TestCase("q1 - 2", 3.0, hidden=True))
FLAGS = ("show_hidden", "show_all_public", "force_public_test_summary", "show_stdout")


def book_of(rules: OtterRules, *, hidden: bool) -> Gradebook:
    cases = CASES if hidden else CASES[:1]
    question = Question("q1", "q1", sum(case.points for case in cases), cases=cases)
    found = tuple(
        Outcome(case.name, case.hidden, Status.PASSED, case.points, case.points) for case in cases
    )
    item = QuestionReport.judged(question, found, all_or_nothing=False)
    report = replace(small_report("ada", Status.PASSED, 4.0), questions=(item,))
    return replace(small_book(report), questions=(question,), otter=rules)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what otter imports
@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("flags", list(itertools.product([True, False], repeat=len(FLAGS))))
def test_gradescope_shows_students_what_otter_would(flags: tuple[bool, ...], hidden: bool) -> None:
    from otter.test_files import GradingResults

    given = dict(zip(FLAGS, flags, strict=True))
    book = book_of(OtterRules(**given), hidden=hidden)  # type: ignore[arg-type]
    ours = json.loads(gradescope.render(book.reports[0], book))
    results = GradingResults([])
    results.results = {"q1": SimpleNamespace(score=4.0, possible=4.0, name="q1",
                                             all_public=not hidden, passed_all_public=True,
                                             summary=lambda **_: "")}  # fmt: skip
    settings = SimpleNamespace(warn_missing_pdf=False, points_possible=None, score_threshold=None,
                               **given)  # fmt: skip
    theirs = results.to_gradescope_dict(settings)
    seen = {test["name"]: test["visibility"] for test in theirs["tests"]}
    # Otter shows a question as a whole, and public cases by a summary of them.
    public = "visible" if "Public Tests" in seen else seen["q1"]
    shown = {test["name"]: test["visibility"] for test in ours["tests"]}
    assert shown["q1: q1 - 1"] == public
    assert shown.get("q1: q1 - 2") == (seen["q1"] if hidden else None)
    stdout = "after_published" if given["show_stdout"] else "hidden"
    assert ours["stdout_visibility"] == theirs.get("stdout_visibility", "hidden") == stdout


def test_our_own_assignments_know_nothing_of_it() -> None:
    book = replace(book_of(OtterRules(), hidden=True), otter=None)
    shown = json.loads(gradescope.render(book.reports[0], book))["tests"]
    assert [test["visibility"] for test in shown] == ["visible", "after_published"]
    assert "total" not in grades_csv.render(book)


def test_what_counts_in_the_end_goes_to_the_platforms() -> None:
    rules = OtterRules(points_possible=8.0)
    report = canvas_report(1200, 3.0)
    book = replace(small_book(report), otter=rules)
    total = book.total(report)
    assert total == pytest.approx(8 * 3.0 / report.max_score)
    text = export().replace("4.00", "8.00")
    filled = fill(book, canvas.target(book, text))
    row = next(row for row in csv.DictReader(io.StringIO(filled.text)) if row["ID"] == "1200")
    assert float(row["Softmax (2)"]) == pytest.approx(total)
    assert not [note for note in filled.notes if "points, the assignment" in note]
    assert json.loads(gradescope.render(report, book))["score"] == pytest.approx(total)


def test_what_is_ungraded_has_no_total() -> None:
    report = small_report("ada", Status.UNGRADED, 0.0)
    book = replace(small_book(report), otter=OtterRules(score_threshold=0.0))
    row = next(csv.DictReader(io.StringIO(grades_csv.render(book))))
    assert (row["score"], row["total"]) == ("", "")
    last = final_grades.render(book).splitlines()[-1]
    assert last.endswith(",,,Ungraded through no fault of the student; see report.html")
    assert "score" not in json.loads(gradescope.render(report, book))


def test_files_of_one_name_are_told_apart_in_final_grades() -> None:
    reports = [replace(small_report(name, Status.PASSED, 4.0), path=f"{name}/hw.ipynb")
               for name in ("ada", "bob")]  # fmt: skip
    book = replace(small_book(*reports), otter=OtterRules())
    files = [line.partition(",")[0] for line in final_grades.render(book).splitlines()]
    assert files == ["file", "points-per-question", "ada/hw.ipynb", "bob/hw.ipynb"]


def test_no_cell_of_final_grades_is_computed() -> None:
    report = replace(small_report("ada", Status.ERROR, 0.0), path="=cmd|x.ipynb", error="=1+1\n2")
    book = replace(small_book(report), otter=OtterRules(stamps=("A STAMP",)))
    row = next(itertools.islice(csv.reader(io.StringIO(final_grades.render(book))), 2, None))
    assert row[0] == "'=cmd|x.ipynb"
    assert row[-1] == "'=1+1\\n2; A STAMP"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what otter imports
def test_final_grades_are_what_otter_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    containers = SimpleNamespace(docker=None)  # which otter starts, and here nobody does
    monkeypatch.setitem(sys.modules, "python_on_whales", containers)
    from otter.grade.utils import merge_scores_to_df
    from otter.test_files import GradingResults

    scores = {"zoe": (2.0, 0.0), "ada": (3.0, 4.0), "bob": (0.5, 1.0)}
    points = {"q10": 3.0, "q2": 4.0}
    theirs, ours = [], []
    for name, earned in scores.items():
        found = dict(zip(points, earned, strict=True))
        results = GradingResults([])
        results.file = f"{name}.ipynb"
        results.results = {
            question: SimpleNamespace(
                score=score, possible=points[question], name=question,
                to_dict=lambda s=score, q=question: {"score": s, "possible": points[q]},
            )
            for question, score in found.items()
        }  # fmt: skip
        theirs.append(results)
        items = tuple(
            QuestionReport(question, Status.FAILED, score, points[question])
            for question, score in found.items()
        )
        ours.append(replace(small_report(name, Status.FAILED, 0.0), questions=items))
    questions = tuple(Question(name, "", worth) for name, worth in points.items())
    book = replace(small_book(*ours), questions=questions, otter=OtterRules())
    theirs_as_text = merge_scores_to_df(theirs).to_csv(index=False)
    assert values(final_grades.render(book)) == values(theirs_as_text)


def values(text: str) -> list[list[float | str]]:
    return [[value(cell) for cell in row] for row in csv.reader(io.StringIO(text))]


def value(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell
