"""The only user of nbformat: read what students hand in, fill stubs, keep hand-outs clean.

`cells` says what a notebook is to us, `reading` makes it of a file, `as_otter` cuts it where otter
checks, `answers` and `pictures` find what students wrote in words. `filling`, `handouts` and
`running` make notebooks for people.
"""

from .answers import NOT_FOUND, find_answers
from .as_otter import Checked, as_otter_runs, says_what_it_checks
from .cells import CHECK, IGNORE_TAG, Cell, CodeCell, Notebook, NotebookUnreadableError
from .filling import essential, fill, stub_sources
from .handouts import dump, faults, with_cell_before_setup, with_tests
from .python import UNREADABLE, parsed
from .reading import CURRENT_FORMAT, ignored_sources, question_prose, read
from .running import executed, html, without_chance

__all__ = [
    "CHECK",
    "CURRENT_FORMAT",
    "IGNORE_TAG",
    "NOT_FOUND",
    "UNREADABLE",
    "Cell",
    "Checked",
    "CodeCell",
    "Notebook",
    "NotebookUnreadableError",
    "as_otter_runs",
    "dump",
    "essential",
    "executed",
    "faults",
    "fill",
    "find_answers",
    "html",
    "ignored_sources",
    "parsed",
    "question_prose",
    "read",
    "says_what_it_checks",
    "stub_sources",
    "with_cell_before_setup",
    "with_tests",
    "without_chance",
]
