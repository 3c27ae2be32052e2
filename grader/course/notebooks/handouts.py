"""Keep hand-outs clean: what is put into them, how they are written, what is wrong with them."""

import json
from collections.abc import Mapping
from typing import Any

from .cells import source_of


def with_tests(content: bytes, name: str, tests: Mapping[str, str]) -> bytes:
    """Return the notebook with test files by question in its metadata, where otter reads them."""
    data = json.loads(content)
    otter = {"assignment_name": name, "OK_FORMAT": False, "tests": dict(tests)}
    data["metadata"] = {**data["metadata"], "otter": otter}
    return dump(data)


def with_cell_before_setup(content: bytes, identity: str, source: str) -> bytes:
    """Return the notebook with one more code cell, folded, just before otter is set up."""
    data = json.loads(content)
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": identity,
        "metadata": {"cellView": "form", "jupyter": {"source_hidden": True}},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }
    position = next(
        (
            number
            for number, item in enumerate(data["cells"])
            if item["cell_type"] == "code" and "otter.Notebook(" in source_of(item)
        ),
        0,
    )
    data["cells"].insert(position, cell)
    return dump(data)


def dump(data: Mapping[str, Any]) -> bytes:
    """Return a notebook's JSON as Jupyter writes it: one space, sorted keys, a final newline."""
    text = json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode()


def faults(content: bytes) -> list[str]:
    """Return what keeps a notebook from being a clean hand-out, one sentence each."""
    import nbformat

    data = json.loads(content)
    found = []
    try:
        nbformat.validate(nbformat.from_dict(data))
    except nbformat.ValidationError as problem:
        found.append(f"it is no valid notebook: {str(problem).splitlines()[0]}")
    seen: set[str] = set()
    for position, cell in enumerate(data["cells"], 1):
        identity = cell.get("id")
        if not identity or identity in seen:
            found.append(f"cell {position} has no id of its own")
        seen.add(identity or "")
        if cell.get("outputs") or cell.get("execution_count") is not None:
            found.append(f"cell {identity} has outputs or an execution count")
    return found
