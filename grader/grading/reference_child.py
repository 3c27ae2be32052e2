"""The reference in one case: judged in a child of its own, where a student has just been judged.

Two questions about a student's case need it. Which arguments does a right answer change in place?
And does a right answer pass here and now, where a student's could not be judged?
"""

from dataclasses import dataclass

from grader.course import notebooks
from grader.course.assignments import reference_path
from grader.errors import AssignmentError
from grader.grading import missing_values
from grader.grading.control import TRIES, solved
from grader.grading.otter_tests import CaseSuite
from grader.grading.replay import Phases, Replay, Script
from grader.model import Limits
from grader.sandbox import ChildEnded, Worker
from grader.sandbox.handover import Place


class _AnyPlace(frozenset[Place]):
    def __contains__(self, _place: object) -> bool:
        return True

    def __ge__(self, _other: object) -> bool:
        return True


ANY: frozenset[Place] = _AnyPlace()


@dataclass(frozen=True, slots=True)
class Site:
    """Where a case is judged: a worker, the device's name for tests, and the limits."""

    worker: Worker
    device: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a case with the reference: whether it passed, and what its calls changed.

    leaves_out: what a case that passes is in doubt for, as it leaves out elements.
    """

    passed: bool
    changes: frozenset[Place]
    leaves_out: frozenset[str] = frozenset()


class ReferenceChild:
    """The reference notebook of an assignment, asked about single cases."""

    def __init__(self, suite: CaseSuite) -> None:
        self._suite = suite
        self._notebook: notebooks.Notebook | None = None
        self._changes: dict[tuple[str, str, str], frozenset[Place]] = {}

    @property
    def is_there(self) -> bool:
        """Whether there is a reference that can be asked."""
        return self._solved() is not None

    def knows(self, question: str, case: str, site: Site) -> bool:
        """Say whether `changes` would take no child of the worker's."""
        return (question, case, site.device) in self._changes

    def changes(self, question: str, case: str, site: Site) -> frozenset[Place] | None:
        """Return the arguments that a right answer changes in place, worked out once.

        Any may be where there is no reference. None where it does not pass here and now, so that
        nobody knows; the next one to ask has it tried again.
        """
        key = question, case, site.device
        for _ in range(TRIES):
            if key not in self._changes:
                found = self.run(question, case, site)
                if found is None:
                    self._changes[key] = ANY
                elif found.passed:
                    self._changes[key] = found.changes
        return self._changes.get(key)

    def run(self, question: str, case: str, site: Site) -> Found | None:
        """Judge one case with the reference now; None where there is no reference."""
        notebook = self._solved()
        if notebook is None:
            return None
        skipped = self._suite.assignment.ignored_cells | {""}
        replay = Replay(Script(notebook, 0, skipped), site.worker, site.limits, Phases())
        try:
            replay.run_to(notebook.check_position(question))
            session = replay.session
            with (
                self._suite.seeds(question, case) as seeds,
                session.case(seeds=seeds, asks=self._suite.asks) as changes,
                self._suite.in_folder(question, case, session, changes),
            ):
                names = self._suite.names_in(session, site.device, {})
                verdict = self._suite.run(question, case, names)
            passed = verdict.passed and not changes.refusals and session.ended is None
        except ChildEnded:
            return Found(passed=False, changes=frozenset())
        finally:
            replay.end_child()
        doubts = missing_values.DOUBTS.intersection(changes.doubts)
        return Found(passed, frozenset(changes.made), doubts)

    def _solved(self) -> notebooks.Notebook | None:
        assignment = self._suite.assignment
        if self._notebook is None and reference_path(assignment.solutions) is not None:
            try:
                self._notebook = notebooks.read(solved(assignment), assignment.limits)
            except (AssignmentError, notebooks.NotebookUnreadableError):
                return None  # the control says so to staff
        return self._notebook
