"""An author's mistake in `rubric.toml` is one sentence: the file, what is wrong, what to do."""

from pathlib import Path

import pytest

from grader.course import scaffold
from grader.course.assignments import load
from grader.errors import AssignmentError
from grader.gradebook import rubric_file
from grader.gradebook.rubrics import RubricItem
from grader.model import Question
from grader.verify import allowances, rubric
from grader.verify.gates import Findings
from tests.support.commands import run

QUESTIONS = (Question("q1", "", 2.0), Question("r1", "", 2.0, kind="manual"))
SOUND = """# Points for why.
[r1]
reference = "Because of rounding."

[[r1.items]]
name = "why"
points = 1.5
comment = "Says why."

[[r1.items]]
name = "number"
points = 0.5
comment = "Names the number."
"""
MISTAKES = {
    "syntax": ("points = 1.5", "points = = 1.5", "is no valid TOML: ", "line 7"),
    "cut off": ('"Names the number."', '"Names', "is no valid TOML: ", "Correct it there."),
    "a table twice": ("[[r1.items]]", "[r1]\n[[r1.items]]", "is no valid TOML: ", "r1"),
    "unknown question": ("[r1]", "[r9]\n[r1]", "'r9', which is no question that", "use r1."),
    "question of code": ("[r1]", "[q1]\n[r1]", "'q1', which is no question that", "use r1."),
    "no table": ("# Points", "r2 = 3\n# Points", "'r2'", "use r1."),
    "table of another name": ("[[r1.items]]", "[[r1.item]]", "unknown key 'item'", "use reference"),
    "criterion twice": ('"number"', '"why"', "items 1 and 2 are both named 'why'", "rename one"),
    "points as text": ("0.5", '"0.5"', "item 2 needs points, a number", "write it."),
    "points as a truth": ("0.5", "true", "item 2 needs points, a number", "write it."),
    "points without end": ("0.5", "inf", "item 2 needs points, a number", "write it."),
    "points beyond measure": ("0.5", "1" + 400 * "0", "item 2 needs points, a number", "write it."),
    "no points": ("points = 0.5", "", "item 2 needs points, a number", "write it."),
    "key misspelt": ("points = 0.5", "point = 0.5", "item 2 has an unknown key 'point'", "points"),
    "comment as a number": ('"Says why."', "3", "item 1 needs a comment, text", "write it."),
    "empty comment": ('"Says why."', '" "', "item 1 needs a comment, text", "write it."),
    "name as a number": ('"why"', "1", "item 1 has a name that is no text", "leave it out."),
    "reference as a list": ('"Because of rounding."', "[1]", "reference must be text", "quotes."),
}  # fmt: skip


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence_with_the_file_and_the_next_step(
    tmp_path: Path, name: str
) -> None:
    old, new, said, step = MISTAKES[name]
    assert old in SOUND
    path = written(tmp_path / "rubric.toml", SOUND.replace(old, new, 1))
    with pytest.raises(AssignmentError) as caught:
        rubric_file.read(path, QUESTIONS)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)
    assert step in str(caught.value)
    assert "\n" not in str(caught.value)


def test_items_that_are_no_list_of_tables_are_named(tmp_path: Path) -> None:
    one = SOUND[: SOUND.rindex("[[")].replace("[[r1.items]]", "[r1.items]")
    with pytest.raises(AssignmentError, match=r"items must be tables; begin each with \[\[r1"):
        rubric_file.read(written(tmp_path / "rubric.toml", one), QUESTIONS)
    text = '[r1]\nitems = [{points = 2, comment = "All."}, 3]\n'
    with pytest.raises(AssignmentError, match=r"r1: item 2 must be a table with points"):
        rubric_file.read(written(tmp_path / "rubric.toml", text), QUESTIONS)
    with pytest.raises(AssignmentError, match=r"r1 must be a table; begin it with \[r1\]"):
        rubric_file.read(written(tmp_path / "rubric.toml", "r1 = 3\n"), QUESTIONS)


def test_a_name_that_was_left_out_is_none_that_another_has(tmp_path: Path) -> None:
    text = SOUND.replace('name = "number"\n', "").replace('"why"', '"item-2"')
    with pytest.raises(AssignmentError, match="items 1 and 2 are both named 'item-2'"):
        rubric_file.read(written(tmp_path / "rubric.toml", text), QUESTIONS)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_in_another_encoding_is_named_with_its_line(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "rubric.toml"
    path.write_bytes(SOUND.replace("Says", "Erklärt").encode(encoding))
    line = {"latin-1": 8, "utf-16": 1}[encoding]
    with pytest.raises(AssignmentError, match=f"line {line} is not in UTF-8; save the file in"):
        rubric_file.read(path, QUESTIONS)
    path.unlink()
    path.mkdir()
    with pytest.raises(AssignmentError, match=r"rubric\.toml cannot be read: Is a directory"):
        rubric_file.read(path, QUESTIONS)


def test_a_sound_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    items = (RubricItem("why", 1.5, "Says why."), RubricItem("number", 0.5, "Names the number."))
    for start in ("", "\ufeff"):
        path = written(tmp_path / "rubric.toml", start + SOUND)
        stated = rubric_file.read(path, QUESTIONS)
        assert stated == {"r1": rubric_file.Rubric(items, "Because of rounding.")}
        assert list(rubric_file.doubts(path, QUESTIONS, stated)) == []
    assert rubric_file.read(tmp_path / "none.toml", QUESTIONS) == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0.5", "0.25", "its items come to 1.75 points together, and the question is worth 2"),
        ("0.5", "-0.5", "its items come to 1.5 points together"),
        ("1.5", "2.5", "item 1 gives 2.5 points, and the question is worth 2; lower it"),
        ("Names the number.", "Says why.", "items 1 and 2 say the same"),
    ],
)
def test_points_that_do_not_add_up_are_said_and_do_not_keep_a_class_from_being_read(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = written(tmp_path / "rubric.toml", SOUND.replace(old, new))
    (doubt,) = rubric_file.doubts(path, QUESTIONS, rubric_file.read(path, QUESTIONS))
    assert doubt.startswith(f"{path}: r1: ")
    assert said in doubt


@pytest.mark.parametrize(
    "points", ["2, 1, 0", "1.2, 0.8, -3", "0.1, 0.2, 1.7", "2, 2, 2"],
)  # fmt: skip
def test_items_with_which_all_points_can_be_had_add_up(tmp_path: Path, points: str) -> None:
    items = "".join(
        f'[[r1.items]]\npoints = {one}\ncomment = "{place}"\n'
        for place, one in enumerate(points.split(", "))
    )
    path = written(tmp_path / "rubric.toml", items)
    stated = rubric_file.read(path, QUESTIONS)
    assert list(rubric_file.doubts(path, QUESTIONS, stated)) == []


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with the assignment that `grader new` writes, and a written answer in it."""
    root = tmp_path_factory.mktemp("course")
    scaffold.write("sums", root)
    return root


def test_verify_has_a_gate_that_reads_it(course: Path) -> None:
    path = course / "solutions/sums/rubric.toml"
    found = Findings()
    assignment = load("sums", course, need_solutions=True)
    assert "plain rubric" in rubric.is_usable(assignment, found)
    written(path, "[q9]\n")
    try:
        rubric.is_usable(assignment, found)
    finally:
        path.unlink()
    (said,) = found.problems
    assert said.startswith(f"{path} has a rubric for 'q9'")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[[shared]\n", "is no valid TOML: "),
        ('[[shared]]\ntext = "\xe4"\n'.encode("latin-1"), "line 2 is not in UTF-8; save"),
        (b"shared = 3\n", r"shared must be tables; begin each with \[\[shared\]\]"),
        (b"shared = [3]\n", r"shared must be tables; begin each with \[\[shared\]\]"),
        (b"[shared]\ntext = 3\n", r"shared must be tables; begin each with \[\[shared\]\]"),
    ],
)
def test_what_verifying_must_not_complain_about_is_read_as_carefully(
    course: Path, content: bytes, said: str
) -> None:
    path = course / "solutions/sums/verify.toml"
    before = path.read_bytes() if path.exists() else b""
    path.write_bytes(content)
    try:
        with pytest.raises(AssignmentError, match=said):
            allowances.read(load("sums", course, need_solutions=True))
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize("command", ["verify", "release"])
def test_the_commands_say_it(course: Path, tmp_path: Path, command: str) -> None:
    settings = course / "assignments/sums/assignment.toml"
    before = settings.read_bytes()
    settings.write_bytes(before + b"# \xe4\n")
    line = before.count(b"\n") + 1
    more = ["-o", str(tmp_path / "dist")] if command == "release" else []
    try:
        done = run(command, "sums", "--course", str(course), *more)
    finally:
        settings.write_bytes(before)
    assert done.returncode == 2
    assert f"assignment.toml, line {line} is not in UTF-8; save the file" in done.stderr
