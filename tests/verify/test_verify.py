"""Verify refuses what would hurt: each gate is shown the fault that it exists for.

That a new assignment passes all of them is in test_readme_instructor.
"""

import base64
import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest

from grader.batch.messages import ProcessSettings
from grader.batch.pool import local_pool
from grader.course import notebooks, scaffold
from grader.course.assignments import load
from grader.errors import AssignmentError, UsageError
from grader.model import Assignment
from grader.verify import (
    Settings,
    Verification,
    agreement,
    allowances,
    leaks,
    no_leaks,
    plain,
    promises,
    scores,
    texts,
    verify,
)
from grader.verify.gates import Findings
from grader.verify.runner import Runner
from tests.conftest import edit_cells

pytestmark = pytest.mark.long

FAST = Settings(jobs=1, isolation="none", seeds=3, alarm_seeds=6)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with the assignment that `grader new` writes."""
    scaffold.write("sums", tmp_path)
    return tmp_path


def sums(course: Path) -> Assignment:
    return load("sums", course, need_solutions=True)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def verify_without_jupyter(assignment: Assignment) -> Verification:
    """Try every gate but the one that starts a kernel, which has nothing to do with the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain, "runs_in_jupyter", lambda _assignment, _found: "not run")
        return verify(assignment, FAST)


def problems(found: Verification, gate: str) -> str:
    return "\n".join(next(item for item in found.gates if item.name == gate).problems)


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with local_pool(1) as pool:
        yield pool


def wrong_problems(assignment: Assignment, executor: Executor) -> str:
    """Try the gate that judges wrong solutions, in a process that others have used before."""
    settings = ProcessSettings(str(assignment.folder), 0, assignment.limits, "none", device="auto")
    found = Findings()
    wrong = scores.variants(assignment, "wrong")
    scores.wrong_lose_exactly(assignment, Runner(settings, executor), wrong, found)
    return "\n".join(found.problems)


def test_wrong_solutions_lose_what_they_say_as_long_as_no_case_is_missing(
    course: Path, executor: Executor
) -> None:
    assert wrong_problems(sums(course), executor) == ""


@pytest.mark.parametrize(
    ("case", "named"),
    [
        ("many numbers", "always_two"),
        ("numbers of a narrow format", "keeps_the_format"),
        ("no numbers", "nan_for_nothing"),
    ],
)
def test_deleting_a_hidden_case_names_what_now_survives(
    course: Path, executor: Executor, case: str, named: str
) -> None:
    """The points of the deleted case go to another one, or loading would refuse already."""
    path = course / "solutions" / "sums" / "tests" / "q1.py"
    text = path.read_text(encoding="utf-8")
    parts = text.split("@test_case(")
    kept = [part for part in parts if f'name="{case}"' not in part]
    assert len(kept) == len(parts) - 1
    points = float(
        next(p for p in parts if f'name="{case}"' in p).split("points=")[1].split(",")[0]
    )
    left = next(part for part in kept if "points=" in part)
    before = left.split("points=")[1].split(",")[0]
    kept[kept.index(left)] = left.replace(f"points={before}", f"points={float(before) + points}")
    path.write_text("@test_case(".join(kept), encoding="utf-8")
    found = wrong_problems(sums(course), executor)
    assert f"wrong/{named}.py should lose q1; it loses nothing" in found


def test_a_hidden_case_without_a_promise_or_with_a_made_up_hint_is_named(course: Path) -> None:
    found = Findings()
    promises.are_stated(sums(course), found)
    assert found.problems == []
    tests = course / "solutions/sums/tests/q1.py"
    promise = "failure_message="
    text = tests.read_text("utf-8")
    assert text.count(promise) == 3
    text = text.replace(promise, "success_message=", 1)
    text = text.replace('hint("A square', 'hint(f"{got} squared')
    tests.write_text(text, "utf-8")
    promises.are_stated(sums(course), found)
    missing, made_up = found.problems
    assert "'many numbers': a hidden case needs failure_message" in missing
    assert "sums/tests/q1.py, line " in made_up
    assert "no value of an input can travel in it" in made_up
    toml = course / "assignments/sums/assignment.toml"
    toml.write_text(f'feedback = "name"\n{toml.read_text("utf-8")}', "utf-8")
    silent = Findings()
    assert "names of hidden cases" in promises.are_stated(sums(course), silent)
    assert silent.problems == []


def test_inputs_that_no_seed_decides_are_named(course: Path) -> None:
    tests = course / "solutions/sums/tests/q1.py"
    edit(tests, "rng.standard_normal(50)", "np.random.default_rng().standard_normal(50)")
    findings = Findings()
    promises.are_stated(sums(course), findings)
    (said,) = findings.problems
    assert said.startswith("sums/tests/q1.py, line 24: default_rng() gives other inputs each time")
    edit(tests, "default_rng()", "default_rng(7)")
    findings = Findings()
    promises.are_stated(sums(course), findings)
    assert findings.problems == []


@pytest.mark.parametrize(
    ("old", "new"), [("| `q1` | 2 |", "| `q1` | 5 |"), ("squares (2 points)", "squares (5 points)")]
)
def test_points_that_the_notebook_tells_otherwise_are_named(
    course: Path, old: str, new: str
) -> None:
    findings = Findings()
    agreement.points_add_up(sums(course), findings)
    assert findings.problems == []
    edit(course / "assignments/sums/sums.ipynb", old, new)
    agreement.points_add_up(sums(course), findings)
    (said,) = findings.problems
    assert said.startswith("the notebook gives q1 5 points, assignment.toml 2: ")


def test_a_solution_that_defines_nothing_asked_for_is_named(course: Path) -> None:
    path = course / "solutions" / "sums" / "wrong" / "misspelled.py"
    path.write_text("# expect: q1\ndef mean_of_sqares(x):\n    return 0\n", encoding="utf-8")
    with pytest.raises(AssignmentError, match=r"misspelled\.py defines none of mean_of_squares"):
        scores.variants(sums(course), "wrong")


def test_what_is_hidden_is_named_since_it_is_not_handed_out(course: Path) -> None:
    folder = course / "assignments/sums"
    (folder / "data" / ".cache").mkdir(parents=True)
    (folder / ".git" / "objects").mkdir(parents=True)
    found = Findings()
    no_leaks(sums(course), allowances.read(sums(course)), found)
    assert [note.split(" is ")[0] for note in found.notes] == [".git", "data/.cache"]
    assert found.problems == []


def test_a_reference_that_fails_stops_what_builds_on_it(course: Path) -> None:
    edit(course / "solutions/sums/reference.py", "x * x", "x * x + 1e-3")
    edit(course / "solutions/sums/tests/q1.py", "reference.mean_of_squares(values)", "0.0")
    found = verify_without_jupyter(sums(course))
    assert "the reference loses q1, 'two numbers' failed" in problems(found, "reference")
    assert found.gates[-1].name == "reference"


EQUIVALENT = """[[equivalent]]
function = "mean_of_squares"
before = "x = np.asarray(values, dtype=np.float64)"
after = "x = np.asarray(values, dtype=np.float32)"
reason = "For the test's sake."
"""
STALE = EQUIVALENT.replace("float32", "float16")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Verification:
    """A course with three faults, verified once: too lenient, too strict, a reason for nothing."""
    course = tmp_path_factory.mktemp("faulty")
    scaffold.write("sums", course)
    edit(course / "solutions/sums/tests/q1.py", "atol=0", "atol=1e-6")
    (course / "solutions/sums/correct/rounded.py").write_text(
        "def mean_of_squares(values):\n"
        "    return round(sum(v * v for v in values) / len(values), 3)\n"
    )
    (course / "solutions/sums/verify.toml").write_text(STALE)
    return verify_without_jupyter(sums(course))


def test_a_right_answer_that_is_punished_is_named(faulty: Verification) -> None:
    said = problems(faulty, "correct")
    assert "correct/rounded.py loses q1, 'many numbers' failed" in said


def test_a_mutant_that_survives_is_shown_as_a_diff(faulty: Verification) -> None:
    said = problems(faulty, "mutants")
    assert "survives: q1, mean_of_squares, line 12 (dtype changed)" in said
    assert "- x = np.asarray(values, dtype=np.float64)" in said
    assert "+ x = np.asarray(values, dtype=np.float32)" in said


def test_a_reason_for_no_survivor_is_named(faulty: Verification) -> None:
    said = problems(faulty, "mutants")
    assert "explains a survivor of mean_of_squares that is none" in said


def test_a_survivor_with_a_reason_is_left_alone(course: Path) -> None:
    edit(course / "solutions/sums/tests/q1.py", "atol=0", "atol=1e-6")
    (course / "solutions/sums/verify.toml").write_text(EQUIVALENT)
    assert problems(verify_without_jupyter(sums(course)), "mutants") == ""


def test_an_allowance_without_a_reason_is_refused(course: Path) -> None:
    (course / "solutions/sums/verify.toml").write_text('[[shared]]\ntext = "3"\nreason = " "\n')
    with pytest.raises(AssignmentError, match="needs reason, text"):
        allowances.read(sums(course))


# The gates that run nothing.


def stubs(assignment: Assignment) -> list[str]:
    findings = Findings()
    agreement.stubs_agree(assignment, findings)
    return findings.problems


def test_a_stub_that_says_something_else_is_named(course: Path) -> None:
    edit(course / "assignments/sums/sums.ipynb", "in float64.\\n", "in float32.\\n")
    assert stubs(sums(course)) == ["mean_of_squares: stub and reference have different docstrings"]
    edit(course / "assignments/sums/sums.ipynb", "list[float]", "list[int]")
    assert "the stub's signature is (values: list[int]) -> float" in stubs(sums(course))[0]


def test_a_notebook_with_outputs_or_without_checks_is_named(course: Path) -> None:
    path = course / "assignments/sums/sums.ipynb"

    def dirty(cells: list[dict[str, Any]]) -> None:
        setup = next(cell for cell in cells if cell["id"] == "setup")
        setup["execution_count"] = 3
        cells[:] = [cell for cell in cells if cell["id"] not in {"q1-check", "r1-answer"}]

    path.write_bytes(edit_cells(path.read_bytes(), dirty))
    findings = Findings()
    agreement.notebook_is_clean(sums(course), findings)
    assert findings.problems == [
        "cell setup has outputs or an execution count",
        'q1 has public tests, and no cell says grader.check("q1")',
        "r1 is read by a person, and no cell has the id r1-answer",
    ]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def draw():\n    shade = 1\n\n\ndraw()", []),
        (
            "import math\nshade = 1",
            ["code cell 3 has the tag otter_ignore, and cell 5 reads shade"],
        ),
        ("%matplotlib inline", []),
        ('grader.check("q1")', ["holds a stub or a check"]),
        ("def mean_of_squares(values):\n    return 0.0", ["holds a stub or a check"]),
    ],
)
def test_a_cell_that_is_not_run_and_is_needed_is_named(
    source: str, found: list[str], course: Path
) -> None:
    path = course / "assignments/sums/sums.ipynb"

    def ignored(cells: list[dict[str, Any]]) -> None:
        setup = next(cell for cell in cells if cell["id"] == "setup")
        tagged = {"metadata": {"tags": ["otter_ignore"]}}
        figure = {**setup, **tagged, "id": "figure", "source": source}
        own = {**setup, "id": "own", "source": "shade = 2\nprint(shade)"}
        reader = {**setup, "id": "reader", "source": "print(shade)"}
        cells[:] = [reader | {"id": "before"}, own, figure, own | {"id": "own2"}, reader, *cells]

    path.write_bytes(edit_cells(path.read_bytes(), ignored))
    findings = Findings()
    agreement.notebook_is_clean(sums(course), findings)
    assert len(findings.problems) == len(found)
    for problem, words in zip(findings.problems, found, strict=True):
        assert words in problem


# Leaks: whatever is hidden, and wherever it is put.

Place = Callable[[dict[str, Any], str], None]


def in_source(data: dict[str, Any], text: str) -> None:
    data["cells"][0]["source"] = f"{text}\n"


def in_metadata(data: dict[str, Any], text: str) -> None:
    data["metadata"]["authors"] = [{"name": text}]


def in_cell_metadata(data: dict[str, Any], text: str) -> None:
    data["cells"][1]["metadata"] = {"note": text}


def in_output(data: dict[str, Any], text: str) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": [text]}
    next(c for c in data["cells"] if c["cell_type"] == "code")["outputs"] = [output]


def in_compressed_output(data: dict[str, Any], text: str) -> None:
    packed = base64.b64encode(gzip.compress(text.encode() * 3, mtime=0)).decode()
    output = {"output_type": "display_data", "metadata": {}, "data": {"image/png": packed}}
    next(c for c in data["cells"] if c["cell_type"] == "code")["outputs"] = [output]


SOFTMAX_SECRETS = {
    "a hidden value": ("the answer is 15.9921875", "expected value 15.9921875"),
    "a reference line": (
        "    sum_overflow_rows = int((exp.sum(dim=-1).isinf() & ~infinite).sum())",
        "of reference.py",
    ),
    "a hidden test's line": ("rows = np.round(rng.standard_normal((15, 16)) * 8) / 8",
                             "of hidden tests/q2.py"),
    "a hidden case": ('"names that mean nothing here"', "the name of q1's hidden case"),
    "a quiz answer": ("quiz_why_scale='d'", "the answer to quiz_why_scale"),
}  # fmt: skip


def leaks_with(assignment: Assignment, place: Place, text: str) -> list[str]:
    data = json.loads(assignment.notebook.read_bytes())
    place(data, text)
    secrets = leaks.secrets_of(assignment, allowances.read(assignment))
    places = texts.of_bytes("softmax.ipynb", notebooks.dump(data))
    return [str(leak) for leak in leaks.search(places, secrets)]


@pytest.mark.parametrize("secret", list(SOFTMAX_SECRETS)[1:])
@pytest.mark.parametrize(
    ("place", "named"),
    [
        (in_source, "cell title"),
        (in_metadata, "its metadata authors name"),
        (in_cell_metadata, "cell what-counts, its metadata note"),
        (in_output, "outputs text"),
        (in_compressed_output, "base64 text 1!gzip"),
    ],
)
def test_what_is_hidden_is_found_wherever_it_is_pasted(
    softmax: Assignment, secret: str, place: Place, named: str
) -> None:
    text, what = SOFTMAX_SECRETS[secret]
    found = leaks_with(softmax, place, text)
    assert any(what in leak and named in leak for leak in found), found


def test_an_answer_left_in_its_stub_as_a_comment_is_found(course: Path) -> None:
    left = "# return float(np.mean(x * x))\\n    raise NotImplementedError("
    edit(course / "assignments/sums/sums.ipynb", "raise NotImplementedError(", left)
    secrets = leaks.secrets_of(sums(course), allowances.read(sums(course)))
    (leak,) = leaks.search(texts.of_folder(sums(course).folder), secrets)
    assert "reference.py" in str(leak)


def test_an_expected_number_is_found_in_any_spelling(course: Path) -> None:
    edit(course / "solutions/sums/tests/q1.py", "90_000.0", "90_601.25")
    edit(course / "assignments/sums/sums.ipynb", "About 10 minutes.", "The answer is 9.060125e4.")
    findings = Findings()
    secrets = leaks.secrets_of(sums(course), allowances.read(sums(course)))
    findings.problems.extend(
        str(leak) for leak in leaks.search(texts.of_folder(sums(course).folder), secrets)
    )
    said = "sums.ipynb, cell title holds the expected value 90_601.25"
    lines = (course / "solutions/sums/tests/q1.py").read_text(encoding="utf-8").splitlines()
    (number,) = [n for n, line in enumerate(lines, 1) if "90_601.25" in line]
    assert findings.problems == [f"{said}, from line {number} of hidden tests/q1.py"]


@pytest.mark.parametrize("slug", ["softmax", "attention"])
def test_nothing_of_our_own_solutions_is_in_what_students_get(slug: str, repository: Path) -> None:
    assignment = load(slug, repository, need_solutions=True)
    secrets = leaks.secrets_of(assignment, allowances.read(assignment))
    assert len(secrets.lines) > 50
    assert list(leaks.search(texts.of_folder(assignment.folder), secrets)) == []


def test_a_solution_in_a_zip_beside_the_notebook_is_found(course: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "data"), "zip", course / "solutions" / "sums")
    shutil.move(archive, course / "assignments" / "sums" / "data.zip")
    secrets = leaks.secrets_of(sums(course), allowances.read(sums(course)))
    found = [str(leak) for leak in leaks.search(texts.of_folder(sums(course).folder), secrets)]
    assert any(leak.startswith("data.zip!reference.py, line ") for leak in found), found


# New assignments.


@pytest.mark.parametrize("slug", ["Sums", "../up", "", "a b"])
def test_a_slug_that_is_none_is_refused(slug: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no slug"):
        scaffold.write(slug, tmp_path)


def test_nothing_is_overwritten(course: Path) -> None:
    with pytest.raises(UsageError, match="already there"):
        scaffold.write("sums", course)
