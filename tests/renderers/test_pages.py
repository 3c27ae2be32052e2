"""The pages as text: what students must never see, what staff must, and how fast it goes."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

import pytest

from grader import wording
from grader.model import Question, Status
from grader.renderers import (
    feedback,
    gradescope,
    page,
    report,
)
from grader.renderers.text import feedback_name
from grader.reports import Gradebook, Outcome, Picture, QuestionReport, Report, Written
from tests.renderers.test_formats import small_book, small_report

MakeBook = Callable[..., Gradebook]
SEED = "4711"


def all_feedback(book: Gradebook) -> str:
    return "".join(text for _, text in feedback.render_all(book))


def with_error(one: Report, status: Status, message: str, *, cases: bool = False) -> Report:
    questions = tuple(
        QuestionReport(q.name, status, 0.0, q.max_score, cases=q.cases if cases else ())
        for q in one.questions
    )
    return replace(one, questions=questions, error=message)


def test_feedback_never_holds_what_is_for_staff(make_book: MakeBook) -> None:
    book = make_book(40)
    text = all_feedback(book)
    assert "STAFF-ONLY" in report.render(book)  # the control: staff do see it
    assert "STAFF-ONLY" not in text
    assert SEED not in text  # with it, hidden inputs could be computed
    assert "expected 0.307" in text  # a public case's message is for its student


def test_a_hidden_case_tells_its_name_and_a_fixed_sentence(make_book: MakeBook) -> None:
    book = make_book(1)
    one = book.reports[0]
    texts = set()
    for status in (Status.FAILED, Status.ERROR, Status.TIMEOUT, Status.KILLED):
        question = one.questions[0]
        case = replace(question.cases[1], status=status, score=0.0, message=f"leak {status} 0.125")
        altered = replace(question, status=status, cases=(question.cases[0], case))
        passed = replace(altered.cases[0], status=Status.PASSED, score=1.0)
        altered = replace(altered, cases=(passed, case))
        texts.add(feedback.render(replace(one, questions=(altered,)), book))
    # One page for all four: how it failed would be a way to tell what the hidden input was.
    (text,) = texts
    assert "large values" in text
    assert wording.HIDDEN_NOT_PASSED in text
    assert "leak" not in text


def with_cases(book: Gradebook, *cases: Outcome) -> str:
    """Return the first question's part of the page of a student with these cases."""
    question = QuestionReport.judged(book.questions[0], cases, all_or_nothing=False)
    one = replace(book.reports[0], questions=(question,))
    return feedback.render(one, book).split('aria-labelledby="part-1"')[1].split("</section>")[0]


def test_cases_that_failed_for_one_cause_are_gathered(make_book: MakeBook) -> None:
    book, hint = make_book(1), "The mask forgets N - M."
    lost = Outcome("", True, Status.FAILED, 0.0, 1.0, hint=hint)
    cases = [replace(lost, name=f"shape {n}", promise=f"Shape {n} counts.") for n in range(3)]
    other = Outcome("another", True, Status.FAILED, 0.0, 1.0, promise="Something else.")
    text = with_cases(book, cases[0], other, *cases[1:])
    assert text.count(hint) == 1
    assert "These three have one cause:" in text
    assert all(f"Shape {n} counts." in text for n in range(3))
    assert "one cause" not in with_cases(book, cases[0], other)
    public = [Outcome(f"p{n}", False, Status.ERROR, 0.0, 1.0, "NameError: torch") for n in range(2)]
    text = with_cases(book, *public)
    assert text.count("NameError: torch") == 1
    raised = "Your code raised an error.\nCell {}, line 2: store()\nIndexError: element {} of `O`"
    same = [raised.format(3, "6,400"), raised.format(3, "128")]
    public = [Outcome(f"p{n}", False, Status.ERROR, 0.0, 1.0, said) for n, said in enumerate(same)]
    text = with_cases(book, *public)
    assert "These two have one cause:" in text
    assert "element 6,400" in text
    elsewhere = replace(public[1], message=raised.format(4, "128"))
    assert "one cause" not in with_cases(book, public[0], elsewhere)
    lost = [replace(case, status=Status.FAILED) for case in public]
    assert "one cause" not in with_cases(book, *lost)  # a judgement's numbers are what it says
    silent = [Outcome(f"s{n}", True, Status.FAILED, 0.0, 1.0) for n in range(2)]
    assert "one cause" not in with_cases(book, *silent)  # nothing is known of their causes


LACKING = (wording.not_written("q2: write safety"), f"{wording.not_defined('safety')} Cell 3 ends.")


@pytest.mark.parametrize("said", LACKING, ids=["stub", "no name"])
def test_hidden_cases_join_the_public_ones_that_what_is_lacking_has_failed(
    make_book: MakeBook, said: str
) -> None:
    book = make_book(1)
    public = [Outcome(f"p{n}", False, Status.FAILED, 0.0, 1.0, said) for n in range(2)]
    hidden = [
        Outcome(f"h{n}", True, Status.FAILED, 0.0, 1.0, promise=f"Row {n} counts.")
        for n in range(2)
    ]
    text = with_cases(book, *public, *hidden)
    assert "These four have one cause:" in text
    assert text.count(said) == 1
    assert all(f"Row {n} counts." in text for n in range(2))
    assert wording.fails_every_test(wording.not_written("q2: write safety", "safety"))
    # What a public case has come past, a hidden one may have come past as well.
    right = Outcome("p1", False, Status.PASSED, 1.0, 1.0)
    assert "one cause" not in with_cases(book, public[0], right, *hidden)
    other = [replace(case, message="Another mistake.") for case in public]
    assert "These two have one cause:" in with_cases(book, *other, *hidden)


def test_code_in_a_promise_is_shown_as_code_and_nothing_else_of_it_is_markup(
    make_book: MakeBook,
) -> None:
    promise = "`op` names the <b>function</b>: `<i>`."
    case = Outcome("x", True, Status.FAILED, 0.0, 1.0, promise=promise, hint="Not `exp`.")
    text = with_cases(make_book(1), case)
    shown = "<code>op</code> names the &lt;b&gt;function&lt;/b&gt;: <code>&lt;i&gt;</code>."
    assert shown in text
    assert '<p class="hint">' in text
    assert "Not <code>exp</code>." in text


def test_a_part_of_the_points_is_said_in_points(make_book: MakeBook) -> None:
    book = make_book(1)
    right = Outcome("right", False, Status.PASSED, 3.0, 3.0)
    wrong = Outcome("wrong", False, Status.FAILED, 0.0, 1.0, "no")
    heading = with_cases(book, right, wrong).split("</header>")[0]
    assert "3 of 4" in heading
    assert "failed" not in heading
    assert "failed" in with_cases(book, replace(wrong, max_score=4.0)).split("</header>")[0]


def test_a_file_that_was_refused_says_why_and_a_fault_of_ours_does_not(
    make_book: MakeBook,
) -> None:
    book = make_book(1)
    one = book.reports[0]
    refused = with_error(one, Status.ERROR, "ada.ipynb is truncated JSON")
    assert "ada.ipynb is truncated JSON" in feedback.render(refused, book)
    ours = with_error(one, Status.UNGRADED, "solutions/softmax/reference.py raised")
    assert "reference.py" not in feedback.render(ours, book)
    assert "no fault of yours" in feedback.render(ours, book)
    assert "reference.py" in report.render(replace(book, reports=(ours,)))
    during = with_error(one, Status.KILLED, "killed while q1 read 0.125", cases=True)
    assert "0.125" not in feedback.render(during, book)


def test_feedback_says_what_is_pending_late_and_how_to_ask_for_a_regrade(
    make_book: MakeBook,
) -> None:
    book = make_book(8)
    text = feedback.render(book.reports[0], book)
    assert "6 still pending" in text
    assert "neither won nor lost" in text
    assert "handed in late" in text
    assert "handed in late" not in feedback.render(book.reports[1], book)
    assert "Asking for a regrade" in text
    assert "Ask &lt;b&gt;Eve&lt;/b&gt;" in feedback.render(
        book.reports[0], book, regrade="Ask <b>Eve</b>"
    )


def test_an_answer_that_a_person_read_shows_score_and_comment(make_book: MakeBook) -> None:
    book = make_book(1)
    *others, manual = book.reports[0].questions
    comment = "Say which traffic <b>grows</b>."
    case = Outcome("read by a person", False, Status.FAILED, 3.0, 4.0, comment)
    read = replace(manual, status=Status.FAILED, score=3.0, pending=0.0, cases=(case,))
    one = replace(book.reports[0], questions=(*others, read))
    told = "Say which traffic &lt;b&gt;grows&lt;/b&gt;."
    text = feedback.render(one, book)
    assert "read by a person: 3 of 4" in text
    assert told in text
    assert "failed" not in text.split("read by a person", 1)[1]
    staff = report.render(replace(book, reports=(one,)))
    assert staff.count(told) == 1  # beside the answer, and in no cause of failure


@pytest.mark.parametrize("status", [Status.FAILED, Status.UNGRADED])
def test_a_score_that_staff_set_is_said_to_be_set_by_hand(
    make_book: MakeBook, status: Status
) -> None:
    book = make_book(1)
    question = book.reports[0].questions[0]
    cases = tuple(
        replace(case, status=status, score=0.0, staff_message="a typo of ours")
        for case in question.cases
    )
    before = replace(question, status=status, score=0.0, pending=0.0, cases=cases)
    after = replace(before, status=Status.PASSED, score=4.0, note="set to 4 by eve: why")

    def texts(one: QuestionReport) -> tuple[str, str, str]:
        graded = replace(book.reports[0], questions=(one,))
        alone = replace(book, reports=(graded,))
        return (
            feedback.render(graded, alone),
            gradescope.render(graded, alone),
            report.render(alone),
        )

    page_before, scope_before, staff_before = texts(before)
    page_after, scope_after, staff_after = texts(after)
    assert "by hand" not in page_before
    assert "by hand" not in scope_before
    assert wording.BY_HAND in page_after
    assert f"q1, 4 points: {wording.BY_HAND}" in scope_after
    assert json.loads(scope_after)["score"] == 4.0
    assert "eve" not in page_after + scope_after
    assert "eve" in staff_after
    if status is Status.UNGRADED:
        assert "no fault of yours" in page_before
        assert "no fault of yours" not in page_after
        assert "ungraded through a fault of ours" in staff_before
        assert "ungraded through a fault of ours" not in staff_after


def test_a_question_that_counts_only_as_a_whole_is_not_said_to_be_changed(
    make_book: MakeBook,
) -> None:
    book = make_book(1)
    question = book.reports[0].questions[0]
    first, *rest = question.cases
    cases = (
        replace(first, status=Status.PASSED, score=first.max_score),
        *(replace(case, status=Status.FAILED, score=0.0) for case in rest),
    )
    whole = replace(question, status=Status.FAILED, score=0.0, cases=cases)
    text = feedback.render(replace(book.reports[0], questions=(whole,)), book)
    assert wording.NO_PART_MARKS in text
    summed = replace(whole, score=first.max_score)
    text = feedback.render(replace(book.reports[0], questions=(summed,)), book)
    assert wording.NO_PART_MARKS not in text
    assert wording.BY_HAND not in text


def test_feedback_files_are_one_a_student(make_book: MakeBook) -> None:
    book = make_book(40)
    names = [name for name, _ in feedback.render_all(book)]
    assert len({name.casefold() for name in names}) == 40
    assert names[-1] == "student0034.html"
    text = report.render(book)
    assert all(f'href="feedback/{quote(name)}"' in text for name in names)


def test_links_can_be_left_out(make_book: MakeBook) -> None:
    book = make_book(8)
    assert f"{feedback_name('student0001')}.html" in report.render(book)
    assert ".html" not in report.render(book, feedback_folder=None)


def test_pages_hold_everything_and_name_no_other_place(make_book: MakeBook) -> None:
    book = make_book(40, "none")
    for text in (report.render(book), feedback.render(book.reports[0], book)):
        assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", text)
        assert "Content-Security-Policy" in text
        assert "UNSANDBOXED" in text
        assert not re.search(r"<[^>]+\sstyle=", text)
        assert not re.search(r"<[^>]+\son\w+=(?!alert)", re.sub(r"&[a-z0-9#]+;", "", text))


def test_the_policy_allows_exactly_our_own_style_and_script() -> None:
    told = page.policy(report.STYLES, report.SCRIPTS)
    assert "default-src 'none'" in told
    assert "unsafe" not in told
    assert told.count("'sha256-") == 3


def test_the_data_inside_the_report_cannot_end_its_element(make_book: MakeBook) -> None:
    text = report.render(make_book(40))
    data = text.split('id="details"', 1)[1].split(">", 1)[1].split("</script>", 1)[0]
    assert not set(data) & set("<>&")
    document = json.loads(data)
    assert "<script>alert(1)</script>" in document["texts"]
    assert len(document["students"]) == 40


def test_a_message_is_written_once_however_many_students_have_it(make_book: MakeBook) -> None:
    data = report.render(make_book(40)).split('id="details"', 1)[1]
    assert data.count("took longer than 10 s") == 2  # hidden and public


@pytest.mark.parametrize("level", ["none", "strong"])
def test_the_report_names_isolation_and_environment(make_book: MakeBook, level: str) -> None:
    text = report.render(make_book(4, level))
    assert ("UNSANDBOXED" in text) == (level == "none")
    for said in ("read a canary", "3.11.9", "2.6.0", "Linux-6.8"):
        assert said in text


def test_an_empty_class_has_a_report(make_book: MakeBook) -> None:
    assert "0 students" in report.render(make_book(0))


def test_what_is_to_be_mended_first_is_told_once_and_first() -> None:
    first = "Cell 2 raised ModuleNotFoundError: No module named '<x>' (line 1)."
    plain = small_report("ada", Status.FAILED, 0.0)
    case = replace(plain.questions[0].cases[0], cause=first, message=wording.HIDDEN_NOT_PASSED)
    questions = (replace(plain.questions[0], cases=(case, case)),)
    text = feedback.render(replace(plain, questions=questions), small_book(plain))
    banner = text.partition("<section")[0]
    assert banner.count("No module named &#39;&lt;x&gt;&#39;") == 1
    assert wording.MEND_FIRST in banner
    assert wording.MEND_FIRST not in feedback.render(plain, small_book(plain))


def test_pictures_of_answers_are_shown_as_long_as_the_page_has_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = Written("see", (Picture("picture 1", "image/png", "AAAA"),))
    asked = Question("r1", "Why?", 1.0, kind="manual")
    book = small_book(
        *(
            replace(
                small_report(name, Status.PENDING),
                questions=(QuestionReport.waiting(asked, written=answer),),
            )
            for name in ("ada", "bob")
        )
    )
    book = replace(book, questions=(asked,))
    shown = 'src="data:image/png;base64,AAAA"'
    assert report.render(book).count(shown) == 2
    assert feedback.render(book.reports[0], book).count(shown) == 1
    monkeypatch.setattr(report, "MOST_PICTURES", 6)
    page = report.render(book)
    assert page.count(shown) == 1
    assert (
        page.count("on the student&#39;s own page") + page.count("on the student's own page") == 1
    )
