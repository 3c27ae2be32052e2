"""The table that every assignment must hold: who loses what, and which case each mistake trips.

A solution is judged on the questions that its definitions reach; on the others it is the reference.
A wrong one of a single question is judged until it has lost something, which decides what it loses,
or by the one case that is there for its mistake; `grader verify` judges every case of each. What a
wrong one should keep is judged to its end.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.batch.messages import ProcessSettings
from grader.batch.pool import local_pool
from grader.course import notebooks
from grader.course.assignments import available, load
from grader.model import Assignment, Status
from grader.reports import Report
from grader.verify.runner import Candidate, Runner, losses, lost_questions, outcomes
from tests.conftest import REPOSITORY
from tests.support import requirements, sharing

pytestmark = pytest.mark.long

# Wrong solutions judged to their end: for cases that no other trips first, and for what students
# are told of a mistake by a case that is not the first to notice it.
TO_THEIR_END: dict[str, set[str]] = {
    "softmax": set(),
    "attention": {"zeros", "online_merge_adds", "tail_values_unmasked"},
}
# What passes much else first, in seconds or many children: the case that is there for its mistake.
BY_ITS_CASE: dict[str, dict[str, set[str]]] = {
    "softmax": {},
    "attention": {
        "100 queries and keys, causal": {
            "causal_ignored", "dropped_tail", "mask_one_key_short", "mask_one_key_wide",
            "mask_upside_down",
        },
        "the scale that is asked for": {"scale_argument_ignored"},
        "torch only makes room": {"hidden_sdpa", "scores_by_torch", "torch_fallback"},
        "a width that is no power of two": {
            "batch_forgotten", "columns_unmasked", "scale_of_the_padding",
        },
        "causal, with more queries than keys": {
            "mask_forgets_offset", "masked_by_a_large_number", "masked_rows_nan",
        },
        "keys and values among NaN": {"strides_assumed"},
        "tiles that a GPU can multiply": {"tiles_of_eight_keys"},
        "views of other layouts": {"last_stride_assumed"},
        "where halves fail": {"half_accumulator"},
        "what must not matter": {"scale_zero_is_none"},
        "a new result, and the inputs stay": {"result_laid_out_like_q"},
        "the kernel does the work": {"mask_counts_through_the_heads"},
        "compiled for a GPU": {
            "global_in_the_kernel", "half_products", "python_list_in_the_kernel", "tf32",
        },
        "the input stays as it is": {"softmax_in_place", "softmax_in_place_where_it_can"},
        "what was handed in stays": {"softmax_in_place_of_matrices"},
        "states handed in stay": {"online_in_place_of_many_rows"},
        "the inputs stay as they are": {"forward_in_place"},
    },
}  # fmt: skip
EXPECT = re.compile(r"#\s*expect:\s*(?P<here>[\w\s]*?)\s*(?:gpu:\s*(?P<gpu>[\w\s]*))?$")


@dataclass(frozen=True)
class Table:
    """An assignment and the reports on each of its solution files, by "correct/x" or "wrong/x"."""

    assignment: Assignment
    reports: dict[str, Report]
    expected: dict[str, frozenset[str]]


def expectation(path: Path) -> frozenset[str]:
    """Return the questions that a wrong solution says that it loses on a machine without a GPU."""
    found = EXPECT.match(path.read_text(encoding="utf-8").splitlines()[0])
    assert found, f"{path} must begin with `# expect: …`"
    return frozenset(found["here"].split())


Definitions = dict[str, set[str]]  # what each mentions, by name


def defined(source: str) -> Definitions:
    """Return what each top-level definition of a module mentions."""
    found: Definitions = {}
    for node in ast.parse(source).body:
        met = [one for one in ast.walk(node) if isinstance(one, ast.Name)]
        names = {node.name} if isinstance(node, ast.FunctionDef | ast.ClassDef) else set()
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.If | ast.Try):
            names = {one.id for one in met if type(one.ctx) is ast.Store}
        for name in names:
            found.setdefault(name, set()).update(one.id for one in met)
    return found


def touched(assignment: Assignment, reference: Definitions, solution: str) -> tuple[str, ...]:
    """Return the questions whose answer a solution changes; the others answer as the reference."""
    theirs = defined(solution)
    uses = reference | theirs
    found = []
    for question in assignment.questions:
        reached: set[str] = set()
        waiting = list(question.names)
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting.extend(uses.get(name, ()))
        if reached & theirs.keys():
            found.append(question.name)
    return tuple(found)


def cases_of(assignment: Assignment, questions: set[str]) -> frozenset[str]:
    asked = [question for question in assignment.questions if question.name in questions]
    return frozenset(case.name for question in asked for case in question.cases)


def judge_solutions(slug: str) -> Table:
    requirements.require("isolation")
    assignment = load(slug, REPOSITORY, need_solutions=True)
    solutions = assignment.solutions
    assert solutions is not None
    names = [name for question in assignment.questions for name in question.names]
    reference = (solutions / "reference.py").read_text(encoding="utf-8")
    right = notebooks.fill(assignment.notebook.read_bytes(), reference, names, "reference.py")
    contents = {"reference": right, "stubs": assignment.notebook.read_bytes()}
    expected: dict[str, frozenset[str]] = {}
    # The lesson's own cells are run for two; what they draw and try decides nobody's points.
    short = notebooks.essential(right, names)
    everything = tuple(question.name for question in assignment.questions)
    asked = {"reference": everything, "stubs": everything}
    known = defined(reference)
    decided: set[str] = set()  # by the first loss
    for path in sorted(solutions.glob("correct/*.py")) + sorted(solutions.glob("wrong/*.py")):
        label = f"{path.parent.name}/{path.stem}"
        text = path.read_text(encoding="utf-8")
        contents[label] = notebooks.fill(short, text, names, label)
        asked[label] = touched(assignment, known, text)
        if path.parent.name == "wrong":
            expected[label] = expectation(path)
            if len(asked[label]) == 1 and path.stem not in TO_THEIR_END[slug]:
                decided.add(label)
    cases: dict[str, frozenset[str]] = {}
    for case, files in BY_ITS_CASE[slug].items():
        for label in (f"wrong/{name}" for name in files):
            kept = set(asked[label]) - expected[label]
            cases[label] = cases_of(assignment, kept) | {case}
    candidates = [
        Candidate(label, content, asked[label], cases.get(label), until_loss=label in decided)
        for label, content in contents.items()
    ]
    settings = ProcessSettings(str(assignment.folder), 0, assignment.limits, "auto", "cpu")
    with local_pool(sharing.jobs()) as pool:
        # The reference is one of the notebooks: no control is needed to see what it comes to.
        reports = Runner(settings, pool).judge(candidates)
    return Table(assignment, dict(zip(contents, reports, strict=True)), expected)


@pytest.fixture(scope="module", params=available(REPOSITORY), ids="@{}".format)
def table(request: pytest.FixtureRequest) -> Table:
    return judge_solutions(request.param)


def lost(report: Report) -> set[str]:
    """Return the questions with a case that was seen to be lost: one not asked for is none."""
    return lost_questions(report)


def test_the_reference_has_full_marks(table: Table) -> None:
    report = table.reports["reference"]
    assert report.score + report.pending == table.assignment.points
    assert report.status is Status.PENDING


def test_empty_stubs_earn_nothing_from_a_machine(table: Table) -> None:
    assert table.reports["stubs"].score == 0


def test_every_correct_solution_has_full_marks(table: Table) -> None:
    labels = [label for label in table.reports if label.startswith("correct/")]
    assert len(labels) >= 5
    judged = {label: {c.status for _, c in outcomes(table.reports[label])} for label in labels}
    assert judged == {label: {Status.PASSED} for label in labels}
    assert {label: lost(table.reports[label]) for label in labels} == {x: set() for x in labels}


def test_every_wrong_solution_loses_exactly_what_it_says(table: Table) -> None:
    assert len(table.expected) >= 30
    found = {label: lost(table.reports[label]) for label in table.expected}
    assert found == {label: set(names) for label, names in table.expected.items()}


def test_no_outcome_is_the_fault_of_the_tests(table: Table) -> None:
    ungraded = [
        (label, question.name, case.name, case.staff_message)
        for label, report in table.reports.items()
        for question in report.questions
        for case in question.cases
        if case.status is Status.UNGRADED
    ]
    assert ungraded == []


def test_every_case_is_tripped_by_a_wrong_solution(table: Table) -> None:
    tripped = {
        (question, case.name)
        for label in table.expected
        for question, case in losses(table.reports[label])
    }
    judged_here = {
        (question.name, case.name)
        for question in table.assignment.questions
        for case in question.cases
        if question.requires is None
    }
    assert judged_here - tripped == set()


# What the text warns of is caught by a check, which names it.
WARNED = {
    "softmax": {
        "q2_down_the_columns": "sum over the last axis",
        "q2_at_the_limit_is_over_it": "the last that float16 holds",
        "q2_compares_before_converting": "compare after converting",
        "q3_in_place": "work on a copy",
    },
    "attention": {
        "softmax_last_dim_only": "along dim",
        "softmax_in_place": "work on a copy",
        "online_in_place": "return new tensors",
        "forward_in_place": "work on copies",
        "columns_unmasked": "d = 80 needs a padded tile and a mask",
        "tail_values_unmasked": "mask the loads of K and of V",
        "mask_forgets_offset": "N - M",
        "masked_rows_nan": "-inf minus -inf and 0 / 0 are NaN there",
        "mask_one_key_short": "hides one key too many",
        "mask_one_key_wide": "shows one key too many",
        "scale_of_the_padding": "that of the padded width",
        "masked_by_a_large_number": "see no key, and so get zeros",
        "no_maximum": "is the maximum subtracted",
        "tiles_of_eight_keys": "sides of 16",
        "batch_forgotten": "(2, 1, 20, 80)",
        "softmax_half_sum": "keep the sum there",
        "forward_half_all_through": "keep scores and weights in float32",
        "forward_scale_ignored": "takes the place of 1 / sqrt(d)",
        "scale_argument_ignored": "`scale` is not used",
        "half_scores": "are scores kept in float32",
        "tile_by_torch": "tile_scores calls torch's mm",
        "row_by_torch": "row_logsumexp calls torch's logsumexp",
        "head_by_torch": "head_attention calls torch's mm",
        "head_loop_to_queries": "does the loop end at N",
        "head_no_rescale": "is not multiplied by exp(old m - new m)",
        "head_one_program": "does the grid have M / 64 programs",
        "row_no_rescale": "times exp(old m - new m)",
        "loop_ends_at_the_tile": "of which the last sees all",
        "maximum_starts_at_zero": "does the running maximum start at -inf",
        "values_by_the_strides_of_keys": "each has strides of its own",
        "weights_always_half": "further off than rounding explains",
        "tiled_maximum_from_zero": "m starts at -inf",
    },
}


def test_a_check_names_each_mistake_that_the_text_warns_of(table: Table) -> None:
    silent = {
        name: words
        for name, words in WARNED[table.assignment.slug].items()
        if not any(words in message for message in public_losses(table.reports[f"wrong/{name}"]))
    }
    assert silent == {}, "no public case says so, or none that is judged: see TO_THEIR_END"


def public_losses(report: Report) -> list[str]:
    """Return what a student reads of each public case that was lost."""
    return [
        case.message
        for question in report.questions
        for case in question.cases
        if not case.hidden and case.status not in {Status.PASSED, Status.PENDING}
    ]


def test_a_failed_public_case_always_says_something(table: Table) -> None:
    for report in table.reports.values():
        for question in report.questions:
            for case in question.cases:
                if case.status is not Status.PASSED:
                    assert len(case.message) > 10, (report.student, question.name, case.name)


# The lesson that the softmax assignment grew from, typed in as it stands.


def test_the_lessons_own_functions_lose_what_they_must(table: Table) -> None:
    if table.assignment.slug != "softmax":
        return
    report = table.reports["wrong/the_lesson_as_it_stands"]
    assert {"q1", "q2", "q3", "q5"} <= lost(report)
    for question in report.questions:
        if question.name in {"q1", "q2", "q3", "q5"}:
            public = [c for c in question.cases if not c.hidden and c.status is not Status.PASSED]
            assert public, f"{question.name}: no public case shows the student an input"
    # For each point lost to a hidden case: what was promised, and where to read it again.
    for question in report.questions:
        for case in question.cases:
            if case.hidden and case.score < case.max_score and case.status is not Status.PENDING:
                assert case.promise in case.message
                assert re.search(r"[Ss]ee .*(step \d|q\d|docstring)", case.promise), case.promise
