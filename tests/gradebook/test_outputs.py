"""What goes back to a platform, from one run to the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.gradebook import outputs
from grader.gradebook.store import Store
from grader.model import Status
from tests.gradebook.test_store import ASSIGNMENT, QUESTIONS, handed_in, question, report

HEADER = "Student,ID,SIS Login ID,Section,Small (7)\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "grades.db") as opened:
        opened.bind(ASSIGNMENT, 0)
        opened.set_submissions(handed_in(name) for name in ("ada", "bob"))
        for name in ("ada", "bob"):
            opened.add(report(name, *(question(item.name) for item in QUESTIONS)), QUESTIONS)
        yield opened


def fill(store: Store, folder: Path, ada: str, bob: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the cells that Canvas would import, and what was said."""
    template = folder / "gradebook.csv"
    people = f'"A, Ada",1,ada,S,{ada}\n"B, Bob",2,bob,S,{bob}\n'
    template.write_text(HEADER + people, encoding="utf-8")
    given = outputs.Template("canvas", template, "Small (7)")
    written = outputs.write_sheet(store.gradebook(), folder, given)
    lines = written.paths[0].read_text("utf-8").splitlines()
    return [line.rpartition(",")[2] for line in lines[1:]], written.notes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_template_is_read_as_a_spreadsheet_saved_it(
    store: Store, tmp_path: Path, encoding: str
) -> None:
    template = tmp_path / "gradebook.csv"
    template.write_text(HEADER + '"Müller, Ada",1,ada,S,\n', encoding=encoding)
    given = outputs.Template("canvas", template, "Small (7)")
    written = outputs.write_sheet(store.gradebook(), tmp_path, given)
    assert '"Müller, Ada",1,ada,S,1' in written.paths[0].read_text("utf-8")


def test_a_template_that_is_no_text_is_named(store: Store, tmp_path: Path) -> None:
    given = outputs.Template("canvas", tmp_path / "gradebook.xlsx")
    with pytest.raises(UsageError, match=r"gradebook\.xlsx cannot be read: No such file or dir"):
        outputs.write_sheet(store.gradebook(), tmp_path, given)
    given.path.write_bytes(b"PK\x03\x04\xff")
    with pytest.raises(UsageError, match="is an Excel or LibreOffice file, not a CSV file"):
        outputs.write_sheet(store.gradebook(), tmp_path, given)


def test_a_score_by_hand_stays_by_hand_and_ours_stays_ours(store: Store, tmp_path: Path) -> None:
    full = f"{sum(item.points for item in QUESTIONS):g}"
    assert fill(store, tmp_path, "", "99")[0] == [full, "99"]
    # Canvas has ours now, beside what somebody gave bob, and we have come to another score.
    store.set_submissions([handed_in("ada", "n2"), handed_in("bob", "n2")])
    for name in ("ada", "bob"):
        lost = [question(item.name, Status.FAILED) for item in QUESTIONS]
        store.add(report(name, *lost, sha256="n2"), QUESTIONS)
    for _ in range(2):  # what we copied for bob does not become ours
        cells, notes = fill(store, tmp_path, full, "99")
        assert cells == ["0", "99"]
        assert any(note.startswith("Kept") and "B, Bob 99" in note for note in notes)
        assert any(note.startswith("Changed") and f"A, Ada {full} to 0" in note for note in notes)
