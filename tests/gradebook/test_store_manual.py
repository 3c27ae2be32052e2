"""The sheet of manual scores: what the tool writes, what it reads back, what it refuses."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.gradebook import manual, outputs
from grader.gradebook.store import Store
from grader.model import Status
from grader.reports import Written
from tests.gradebook.test_store import (
    ASSIGNMENT,
    QUESTIONS,
    handed_in,
    question,
    report,
)

ANSWERS = {
    "ada": "Because exp overflows.",
    "bob": '=1+1 is what I would\nwrite, "really"; with commas, too.',
    "=cmd()": "",
}  # fmt: skip

Row = dict[str, str]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "grades.db") as opened:
        opened.bind(ASSIGNMENT, 0)
        opened.set_submissions(handed_in(name) for name in ANSWERS)
        for name, answer in ANSWERS.items():
            asked = question("r1", Status.PENDING, answer)
            opened.add(report(name, question("q1"), asked), QUESTIONS)
        yield opened


def sheet(store: Store) -> list[Row]:
    text = manual.render(store.gradebook())
    assert text is not None
    return list(csv.DictReader(io.StringIO(text)))


def written(rows: list[Row], delimiter: str = ",") -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def take(store: Store, text: str) -> int:
    lines = [line for line in manual.read(text, store.gradebook(), "m.csv") if line.is_new]
    store.set_manual([line.score for line in lines], "tim")
    return len(lines)


def given(store: Store) -> dict[str, tuple[Status, float]]:
    return {
        item.student: (item.questions[3].status, item.questions[3].score)
        for item in store.gradebook().reports
    }


def test_the_sheet_has_a_line_an_answer_and_no_formula(store: Store) -> None:
    rows = sheet(store)
    assert [row["student"] for row in rows] == ["'=cmd()", "ada", "bob"]
    assert rows[2]["answer"].startswith("'=1+1")
    assert all(row["score"] == "" and row["max_score"] == "4" for row in rows)


def test_scores_and_comments_come_back_as_they_were_written(store: Store) -> None:
    rows = sheet(store)
    rows[0] |= {"score": "0", "comment": "empty"}
    rows[1] |= {"score": "4"}
    rows[2] |= {"score": "2.5", "comment": "+1 for the joke"}
    assert take(store, written(rows)) == 3
    assert given(store) == {
        "=cmd()": (Status.FAILED, 0.0),
        "ada": (Status.PASSED, 4.0),
        "bob": (Status.FAILED, 2.5),
    }
    again = sheet(store)
    assert [row["score"] for row in again] == ["0", "4", "2.5"]
    assert again[2]["comment"] == "'+1 for the joke"
    assert take(store, written(again)) == 0
    assert store.gradebook().reports[2].questions[3].cases[0].message == "+1 for the joke"


def test_a_spreadsheet_with_decimal_commas_and_a_byte_order_mark_is_read(store: Store) -> None:
    rows = sheet(store)
    rows[1] |= {"score": "2,5"}
    assert take(store, "\ufeff" + written(rows, ";")) == 1
    assert given(store)["ada"] == (Status.FAILED, 2.5)


def test_an_empty_line_takes_nothing_away(store: Store) -> None:
    rows = sheet(store)
    fresh = written(rows)
    rows[1] |= {"score": "4", "comment": "fine"}
    take(store, written(rows))
    assert take(store, fresh) == 0
    assert given(store)["ada"] == (Status.PASSED, 4.0)


def test_a_comment_without_a_score_waits(store: Store) -> None:
    rows = sheet(store)
    rows[1] |= {"comment": "ask her"}
    assert take(store, written(rows)) == 1
    assert given(store)["ada"] == (Status.PENDING, 0.0)
    assert sheet(store)[1]["comment"] == "ask her"
    assert store.gradebook().reports[1].pending == 4.0


def edit(number: int, **cells: str) -> Callable[[list[Row]], None]:
    def change(rows: list[Row]) -> None:
        rows[number] |= cells

    return change


def double(rows: list[Row]) -> None:
    rows.append(dict(rows[1]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (edit(2, score="5"), "line 4: the score 5 is not within 0 and 4"),
        (edit(2, score="-1"), "line 4: the score -1 is not within"),
        (edit(2, score="nan"), "line 4: the score nan is not within"),
        (edit(2, score="good"), "line 4: the score 'good' is no number"),
        (
            edit(2, score="1", student="eve", row_id=""),
            "line 4: there is no answer of 'eve' to 'r1'",
        ),
        (
            edit(2, score="1", question="q1", row_id=""),
            "line 4: there is no answer of 'bob' to 'q1'",
        ),
        (edit(2, score="1", answer_id="a-0"), "line 4: bob has handed in another answer"),
        (edit(2, score="1", student="ada"), "line 4: it names 'ada' and 'r1', and its row_id is"),
        (edit(2, comment="x" * 5001), "line 4: the comment is longer than 5,000"),
        (double, "line 5: ada, r1 is on line 3 as well"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_nothing_is_taken(
    store: Store, change: Callable[[list[Row]], None], says: str
) -> None:
    rows = sheet(store)
    rows[1] |= {"score": "4"}
    change(rows)
    with pytest.raises(UsageError, match=rf"^Nothing of m.csv was taken, because {says}"):
        take(store, written(rows))
    assert given(store)["ada"] == (Status.PENDING, 0.0)


def test_every_wrong_line_is_named_at_once(store: Store) -> None:
    rows = sheet(store)
    for row in rows:
        row["score"] = "99"
    with pytest.raises(UsageError, match=r"line 2: .*; line 3: .*; line 4: "):
        take(store, written(rows))


def test_a_file_with_other_columns_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="lacks the columns answer_id, comment, question"):
        take(store, "student,score\nada,4\n")


def test_what_a_person_wrote_is_never_written_over(store: Store, tmp_path: Path) -> None:
    path = tmp_path / outputs.MANUAL_NAME
    assert not outputs.write(store.gradebook(), tmp_path).notes
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    rows[1]["score"] = "3"
    path.write_text(written(rows), encoding="utf-8")
    done = outputs.write(store.gradebook(), tmp_path)
    assert "has scores that are not read in yet (1 new)" in done.notes[0]
    assert path.read_text(encoding="utf-8") == written(rows)
    take(store, path.read_text(encoding="utf-8"))
    assert not outputs.write(store.gradebook(), tmp_path).notes
    path.write_text("my own notes", encoding="utf-8")
    assert outputs.write(store.gradebook(), tmp_path).notes
    assert path.read_text(encoding="utf-8") == "my own notes"


def test_no_sheet_where_no_question_needs_a_person(tmp_path: Path) -> None:
    with Store(tmp_path / "grades.db") as store:
        store.bind(replace(ASSIGNMENT, questions=QUESTIONS[:2]), 0)
        store.set_submissions([handed_in("ada")])
        outputs.write(store.gradebook(), tmp_path)
    assert not (tmp_path / outputs.MANUAL_NAME).exists()


def test_an_answer_that_was_not_found_is_said_everywhere(store: Store, tmp_path: Path) -> None:
    for notebook in ("n1", "n2"):
        lost = Written(missing="Not found: look there.", searched=notebook)
        asked = replace(question("r1", Status.PENDING), written=lost)
        store.set_submissions([replace(handed_in("ada"), sha256=notebook)])
        store.add(report("ada", question("q1"), asked, sha256=notebook), QUESTIONS)
        row = next(row for row in sheet(store) if row["student"] == "ada")
        assert row["answer"] == "(Not found: look there.)"
        told = outputs.write(store.gradebook(), tmp_path).notes
        assert any("1 written answer was not found" in note and "ada r1" in note for note in told)
        assert "Not found: look there." in (tmp_path / "report.html").read_text("utf-8")
        assert take(store, written([row | {"score": "4"}])) == 1
        assert given(store)["ada"] == (Status.PASSED, 4.0)
        # What was given for one notebook holds for no other.
        assert not any(
            "not found" in note for note in outputs.write(store.gradebook(), tmp_path).notes
        )


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Müller, Zoë", "cp1252"),
        ("Müller, Zoë", "utf-8-sig"),
        ("Müller, Zoë", "utf-16"),
        ("Łukasz Ölmann", "cp1250"),
        ("张伟 ö 😀", "gb18030"),
        ("Şule Ö", "cp1254"),
    ],
)
def test_a_sheet_comes_back_in_a_countrys_code_page(
    store: Store, tmp_path: Path, name: str, encoding: str
) -> None:
    store.set_submissions([handed_in(name)])
    store.add(report(name, question("q1"), question("r1", Status.PENDING, "so")), QUESTIONS)
    rows = sheet(store)
    row = next(row for row in rows if row["student"] == name) | {"score": "2,5", "comment": "ö"}
    path = tmp_path / "sheet.csv"
    path.write_bytes(written([row], ";").encode(encoding, "replace"))
    (line,) = manual.load(path, store.gradebook())
    assert (line.score.student, line.score.score, line.score.comment) == (name, 2.5, "ö")


def test_a_name_that_was_spoilt_is_known_by_its_row(store: Store, tmp_path: Path) -> None:
    name = "Müller, Zoë 😀"
    store.set_submissions([handed_in(name)])
    store.add(report(name, question("q1"), question("r1", Status.PENDING, "so")), QUESTIONS)
    row = next(row for row in sheet(store) if row["student"] == name)
    row |= {"student": name.encode().decode("cp1252", "replace"), "score": "0,5"}
    path = tmp_path / "sheet.csv"
    path.write_text(written([row], ";"), encoding="utf-8-sig")
    (line,) = manual.load(path, store.gradebook())
    assert (line.score.student, line.score.score) == (name, 0.5)


def test_a_code_page_that_nothing_shows_is_a_sentence(store: Store, tmp_path: Path) -> None:
    rows = sheet(store)
    rows[1] |= {"score": "2,5", "comment": "schön"}
    path = tmp_path / "sheet.csv"
    path.write_bytes(written(rows, ";").encode("cp1252", "replace"))
    with pytest.raises(UsageError, match="Save it as “CSV UTF-8” and run the same command again"):
        manual.load(path, store.gradebook())


def test_what_a_spreadsheet_opens_is_marked_as_utf_8(store: Store, tmp_path: Path) -> None:
    outputs.write(store.gradebook(), tmp_path)
    assert (tmp_path / "manual.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert (tmp_path / "grades.csv").read_bytes().startswith(b"student,")  # nothing to be spoilt
    store.set_submissions([handed_in("张伟 😀")])
    outputs.write(store.gradebook(), tmp_path)
    assert (tmp_path / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbfstudent,")
    shown = [path.name for path in (tmp_path / "feedback").iterdir()]
    assert [name for name in shown if name.startswith("张伟~")]
