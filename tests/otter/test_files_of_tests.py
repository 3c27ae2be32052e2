"""What a test writes is there for the student's code; what is withheld is not, whatever it does."""

from pathlib import Path

from grader.submissions.autograders import load
from tests.conftest import notebook_of, submission_of
from tests.otter.conftest import Room

TEST = """from otter.test_files import test_case
OK_FORMAT = False
name = "q1"
points = 2

@test_case()
def test_reads_what_is_written(read):
    with open("data.csv", "w") as file:
        file.write("other")
    assert read("data.csv") == "other"

@test_case(hidden=True)
def test_keeps_what_is_withheld(read, listed):
    with open("answers.txt", "a") as file:
        file.write("!")
    assert read("data.csv") in {"first", "other"}
    assert "data.csv" in listed() and len(listed()) == 1
    assert open("answers.txt").read() == "42!"
"""
ANSWER = """import os

def read(path):
    with open(path) as file:
        return file.read()

def listed():
    return os.listdir()
"""


def test_a_withheld_file_is_not_handed_over_by_a_test_that_writes_to_it(
    room: Room, tmp_path: Path
) -> None:
    folder = tmp_path / "hw"
    for name, text in (
        ("tests/q1.py", TEST), ("otter_config.json", "{}"), ("files/data.csv", "first"),
        ("files/answers.txt", "42"),
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    loaded = load(str(folder))
    assert [name for name, _ in loaded.withheld] == ["answers.txt"]
    report = room.judge(loaded, submission_of(notebook_of(ANSWER)))
    assert report.score == 2, [case.staff_message for case in report.questions[0].cases]
