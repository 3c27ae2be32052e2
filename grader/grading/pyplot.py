"""Pyplot in a test means the student's: its current figure, its current axes.

A test may import pyplot itself, and would ask the judge's own, where nobody has drawn anything.
"""

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from typing import Any

from grader.sandbox import MissingNameError, Session
from grader.sandbox.inside.figures import PYPLOT

CURRENT = ("fignum_exists", "gca", "gcf", "get_figlabels", "get_fignums", "sca")


@contextlib.contextmanager
def of_the_students(text: str, session: Session) -> Iterator[None]:
    """Have pyplot's functions for what is current ask the student's process, for one case.

    text: of the test; where it does not speak of pyplot nothing is imported.
    """
    if "pyplot" not in text or importlib.util.find_spec("matplotlib") is None:
        yield
        return
    importlib.import_module(PYPLOT)
    pyplot = sys.modules[PYPLOT]
    own = {name: getattr(pyplot, name) for name in CURRENT}
    for name in CURRENT:
        setattr(pyplot, name, _asking(session, name, own[name]))
    try:
        yield
    finally:
        for name, function in own.items():
            setattr(pyplot, name, function)


def _asking(session: Session, name: str, own: Any) -> Any:
    def ask(*args: Any, **keywords: Any) -> Any:
        try:
            theirs = session.value(PYPLOT)
        except MissingNameError:  # no cell has imported it
            return own(*args, **keywords)
        live = session.current.live
        found = getattr(theirs, name) if live is None else live.attribute(theirs, name)
        return found(*args, **keywords)

    return ask
