"""Runs a command, and is the one place that catches `GraderError`.

Nothing is imported here before the process that will take the longest has been started.
"""

import os
import sys
from collections.abc import Sequence

from grader.errors import GraderError

DEMANDED = frozenset({"-o", "--out"})
NEEDLESS = frozenset({"--help", "--dry-run", "--cluster"})


def main() -> None:
    """Run a command; a fault of ours is one sentence and an exit status."""
    try:
        if _will_grade(sys.argv[1:]):
            _run_with_a_process_ahead()
        else:
            _run()
    except GraderError as error:
        if os.environ.get("GRADER_DEBUG"):
            raise
        _say(f"grader: {error}")
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        _say("grader: stopped. What was graded is kept; run the same command to go on.")
        sys.exit(130)


def _run() -> None:
    from grader.commands.app import app

    app()


def _run_with_a_process_ahead() -> None:
    from grader.batch import ahead

    with ahead.started():
        _run()


def _will_grade(arguments: Sequence[str]) -> bool:
    """Say whether a command line looks as if it needed a grader process on this machine.

    A wrong guess costs time and nothing else.
    """
    command = next((text for text in arguments if not text.startswith("-")), "")
    if command != "grade":
        return False
    options = {text.partition("=")[0] for text in arguments}
    return bool(options & DEMANDED) and not options & NEEDLESS


def _say(text: str) -> None:
    from grader.commands.terminal import say

    say(text, err=True)
