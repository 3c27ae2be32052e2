"""What runs inside Gradescope's container: judge one submission, keep what is judged so far.

`python -m grader.release.container /autograder` reads `submission/` and `submission_metadata.json`
and writes `results/results.json` anew after each question, so that the global timeout takes only
what it interrupts.
"""

import json
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader import wording
from grader.batch import process
from grader.batch.messages import ProcessSettings
from grader.course.assignments import load
from grader.errors import GraderError, UsageError
from grader.grading import control
from grader.model import Assignment, Submission
from grader.renderers import gradescope
from grader.reports import Gradebook, QuestionReport, Report
from grader.submissions.collection import collect

DEFAULT_ROOT = "/autograder"


def main(arguments: Sequence[str]) -> int:
    """Judge the submission under a root folder; the exit status is 1 where nothing was judged."""
    root = Path(arguments[0] if arguments else DEFAULT_ROOT)
    target = root / "results" / "results.json"
    try:
        _judge(root, target)
    except GraderError as problem:
        return _ungraded(target, str(problem))
    except Exception as problem:  # noqa: BLE001 - whatever it is, it is not the student's fault
        traceback.print_exc()
        return _ungraded(target, f"{type(problem).__name__}: {problem}")
    return 0


def _ungraded(target: Path, reason: str) -> int:
    """Write results without a score: Gradescope shows staff that they must look, and no zero."""
    sys.stderr.write(f"grader: {reason}\n")  # which Gradescope shows to staff only
    _write(target, {"output": wording.UNGRADED, "output_format": "text",
                    "stdout_visibility": "hidden", "tests": []})  # fmt: skip
    return 1


def _judge(root: Path, target: Path) -> None:
    from grader.grading.judge import Request

    folders = sorted((root / "source" / "course" / "assignments").glob("*/assignment.toml"))
    if len(folders) != 1:
        raise UsageError(f"{root / 'source'} holds {len(folders)} assignments; release it again.")
    assignment = load(str(folders[0].parent), need_solutions=True)
    visibility = assignment.hidden_visibility
    submission = _submission(root, assignment)
    settings = ProcessSettings(
        str(assignment.folder), 0, assignment.limits, isolation="auto", device="auto"
    )
    facts = process.start(settings)
    code = tuple(question.name for question in assignment.questions if question.kind == "code")
    found = process.control(settings, code)
    for cause in found.causes:  # Gradescope shows this to staff only
        sys.stderr.write(f"grader: ungraded for everybody: {cause}\n")
    done: dict[str, QuestionReport] = {}

    def keep(report: Report, *, is_final: bool) -> None:
        book = Gradebook(
            assignment.slug, assignment.title, assignment.sha256, 0, facts.isolation,
            facts.environment, assignment.questions, (report,),
        )  # fmt: skip
        text = gradescope.render(report, book, hidden_visibility=visibility, is_final=is_final)
        _write(target, json.loads(text))

    def keep_so_far(question: QuestionReport | None) -> None:
        if question is not None:
            done[question.name] = control.settle_question(question, found)
        questions = [
            done.get(q.name) or QuestionReport.waiting(q, note=wording.NOT_JUDGED_YET)
            for q in assignment.questions
        ]
        report = Report.of(
            submission, questions, seed=0, assignment_sha256=assignment.sha256,
            isolation=facts.isolation, environment=facts.environment, limits=assignment.limits,
        )  # fmt: skip
        keep(report, is_final=False)

    keep_so_far(None)
    request = Request(submission, on_question=keep_so_far)
    keep(control.settle(process.judge_once_more(settings, request), found), is_final=True)


def _submission(root: Path, assignment: Assignment) -> Submission:
    """Return what was handed in; what is no notebook becomes a submission with a problem."""
    student = _student(root / "submission_metadata.json")
    try:
        found = collect([root / "submission"], layout="single", limits=assignment.limits,
                        assignment=assignment)  # fmt: skip
    except UsageError:
        problem = wording.nothing_handed_in(assignment.notebook.name)
        return Submission(student, "submission", b"", "", problem=problem)
    return replace(found.submissions[0], student=student)


def _student(path: Path) -> str:
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        return str(data["users"][0]["email"])
    except (OSError, ValueError, LookupError, TypeError):
        return "submission"


def _write(target: Path, document: dict[str, Any]) -> None:
    """Replace the results whole, so that whoever reads them never sees half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".part")
    temporary.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    temporary.replace(target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
