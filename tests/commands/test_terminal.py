"""Nothing that a student has named or printed acts on the terminal that shows it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.commands import app, checking
from grader.commands.terminal import say

COMMANDS = Path(checking.__file__).parent
ACTS = "\x1b]0;title\x07\x1b[2J\u202e\x9b31m"


def test_what_is_said_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"one{ACTS}\ntwo")
    said = capsys.readouterr().out
    assert said.splitlines()[1:] == ["two"]
    assert not set(said) & set("\x1b\x07\u202e\x9b")


def test_a_students_own_message_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = checking.CheckResult([f"q1: {ACTS}"], all_passed=False)
    monkeypatch.setattr(checking, "check_notebook", lambda *_arguments: result)
    shown = CliRunner().invoke(app.app, ["check", str(tmp_path / "x.ipynb")]).output
    assert "q1: \\x1b]0;title" in shown
    assert "\x1b" not in shown


def test_commands_write_by_that_one_function() -> None:
    """Tables and progress are rich's, whose texts are made by `shown`; all else goes through it."""
    texts = {path.name: path.read_text("utf-8") for path in COMMANDS.glob("*.py")}
    assert [name for name, text in texts.items() if "typer.echo(" in text] == ["terminal.py"]
    assert not [name for name, text in texts.items() if "sys.stdout" in text]
