"""Run a notebook of staff's in a fresh Jupyter kernel, and show it as a page."""

import json
import re
from pathlib import Path
from typing import Any

from .handouts import dump
from .reading import CURRENT_FORMAT

KERNEL_SECONDS = 120  # for one cell of a notebook that staff run
# What otter says to cheer, what a cell measures, where an object lies: new with every run.
CHEER = re.compile(r"passed! \S+")
DURATION = re.compile(r"\b\d+(?:\.\d+)? (ms|µs|s|seconds)\b")
ADDRESS = re.compile(r"0x[0-9a-f]{8,}")
MOMENT = re.compile(r"\d{4}_\d{2}_\d{2}T\d{2}_\d{2}_\d{2}_\d+")  # in the name of otter's zip


def executed(content: bytes, folder: Path) -> bytes:
    """Return the notebook with its outputs, run by a fresh Jupyter kernel in a folder.

    A cell that raises keeps its error as output, and the next one runs all the same.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.reads(content.decode(), as_version=CURRENT_FORMAT)
    client = NotebookClient(
        notebook,
        timeout=KERNEL_SECONDS,
        kernel_name="python3",
        allow_errors=True,
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=40"],  # it warns of its own sockets
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    text: str = nbformat.writes(notebook)
    return f"{text}\n".encode()


def without_chance(content: bytes) -> bytes:
    """Return an executed notebook without what differs from run to run: moments, chance, times."""
    data = json.loads(content)
    for cell in data["cells"]:
        cell.get("metadata", {}).pop("execution", None)
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = _steady(output["text"])
            for kind, value in output.get("data", {}).items():
                if kind.startswith("text/"):
                    output["data"][kind] = _steady(value)
    return dump(data)


def _steady(text: Any) -> Any:
    if isinstance(text, list):
        return [_steady(part) for part in text]
    text = CHEER.sub("passed!", text)
    text = DURATION.sub(r"… \1", text)
    text = MOMENT.sub("…", text)
    return ADDRESS.sub("0x…", text)


def html(content: bytes, title: str) -> str:
    """Return a notebook as one web page, as nbconvert renders it."""
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.reads(content.decode(), as_version=CURRENT_FORMAT)
    page, _ = HTMLExporter().from_notebook_node(notebook, resources={"metadata": {"name": title}})
    return str(page)
