"""A kernel is proved where no cell ran: whoever forges what is told of a call gains nothing."""

import time

import pytest

from grader.course.assignments import load
from grader.grading.names import SessionNames
from grader.grading.otter_tests import CaseSuite
from grader.model import Limits
from grader.sandbox import Session, Worker
from tests.conftest import REPOSITORY

HONEST = (REPOSITORY / "solutions/attention/correct/small_tiles.py").read_text(encoding="utf-8")
BY_TORCH = """
import math, torch

def attention(q, k, v, *, causal=False, scale=None):
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = q.float() @ k.float().transpose(-2, -1) * scale
    if causal:
        rows, columns = scores.shape[-2:]
        seen = torch.ones(rows, columns, dtype=torch.bool).tril(columns - rows)
        scores = scores.masked_fill(~seen, -math.inf)
    return (torch.softmax(scores, -1).nan_to_num(0.0) @ v.float()).to(q.dtype).contiguous()
"""
# What the process tells of a call: a kernel copies, and copies the answer.
FORGERY = """
from sandbox.inside import child
from sandbox.wire.kernels import Function, Given, KernelLaunch, Named, Operation, Ref, Tape

COPY = '''def copy(X, OUT, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(OUT + at, tl.load(X + at, mask=at < n), mask=at < n)
'''

def forged(function, args, kwargs):
    answer = function(*args, **kwargs)
    steps = [
        Given(0),
        Operation("aten::empty_like", [Ref(3)], {}),
        KernelLaunch("copy", [1], [Ref(3), Ref(4), answer.numel()], {"BLOCK": 4096}),
    ]
    names = {"tl": Named("module", "triton.language")}
    return Tape(3, [Function("copy", COPY)], names, steps, Ref(4)), [answer]

child.record = forged
"""
CASES = (
    "torch only makes room", "tiles that a GPU can multiply", "the kernel does the work",
    "compiled for a GPU",
)  # fmt: skip


@pytest.fixture(scope="module")
def suite() -> CaseSuite:
    return CaseSuite(load("attention", REPOSITORY, need_solutions=True), seed=0)


def passed(kernel_worker: Worker, suite: CaseSuite, *cells: str) -> list[str]:
    """Return which of the cases a notebook of these cells passes."""
    limits = Limits.from_mapping({"call_seconds": 60, "cell_seconds": 60})
    with kernel_worker.session(limits, deadline=time.monotonic() + 600) as session:
        for number, cell in enumerate(cells, 1):
            failure = session.run_cell(cell, number).failure
            assert failure is None, failure
        return [case for case in CASES if _passes(session, suite, case)]


def _passes(session: Session, suite: CaseSuite, case: str) -> bool:
    with session.case():
        return suite.run("q4", case, SessionNames(session, "cpu", {})).passed


def test_an_honest_kernel_passes(kernel_worker: Worker, suite: CaseSuite) -> None:
    assert passed(kernel_worker, suite, HONEST) == list(CASES)


def test_a_forged_account_of_a_call_earns_what_the_call_earns(
    kernel_worker: Worker, suite: CaseSuite
) -> None:
    assert (
        passed(kernel_worker, suite, BY_TORCH)
        == passed(kernel_worker, suite, BY_TORCH, FORGERY)
        == []
    )


def test_the_forgery_would_pass_if_its_process_were_shown_the_tests_own_numbers(
    kernel_worker: Worker, suite: CaseSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what keeps an answer out of the account is that nobody could work it out."""
    monkeypatch.setattr("grader.sandbox.proxies.decoys", lambda value: value)
    assert passed(kernel_worker, suite, BY_TORCH, FORGERY) == list(CASES)
