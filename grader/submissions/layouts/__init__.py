"""The layouts of platforms, one module each, found by being in this folder.

A module states one `LAYOUT`; its own name is what `--layout` takes.
"""

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.submissions.claims import Layout

LAST_RESORT = "plain"


def names() -> list[str]:
    """Return the names of all layouts, sorted; imports none of them, so that help is quick."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


@cache
def load() -> "dict[str, Layout]":
    """Return the layouts by name, sorted."""
    return {name: importlib.import_module(f"{__name__}.{name}").LAYOUT for name in names()}
