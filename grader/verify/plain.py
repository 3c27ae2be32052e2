"""The gate that opens the notebook as a student does: a Jupyter kernel and otter, nothing else."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from grader.course import notebooks
from grader.grading.control import solved
from grader.model import Assignment

from .gates import Findings

NO_DRIVER = "0 active drivers"
NO_GPU = (
    "\nTriton finds no GPU: in the set-up cell, before `import triton`, put "
    'os.environ["TRITON_INTERPRET"] = "1" where torch.cuda.is_available() is False'
)


def runs_in_jupyter(assignment: Assignment, findings: Findings) -> str:
    """Run the solved notebook beside its public tests; every check must be green."""
    with tempfile.TemporaryDirectory(prefix="notebook-") as name:
        folder = Path(name)
        for path in sorted(assignment.folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                target = folder / path.relative_to(assignment.folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        content = solved(assignment)
        (folder / assignment.notebook.name).write_bytes(content)
        executed = notebooks.executed(content, folder)
    green = 0
    for cell in json.loads(executed)["cells"]:
        if cell["cell_type"] != "code":
            continue
        said = _said(cell["outputs"])
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                findings.problems.append(
                    f"cell {cell['id']} raises {output['ename']}: {output['evalue'][:300]}"
                )
        if notebooks.CHECK.search("".join(cell["source"])):
            if "results: All test cases passed!" in said or "passed!" in said:
                green += 1
            else:
                why = f"{said[:300]}{NO_GPU if NO_DRIVER in said else ''}"
                findings.problems.append(f"cell {cell['id']} is not green: {why}")
    return f"the solved notebook runs in a plain kernel, {green} checks are green"


def _said(outputs: list[dict[str, Any]]) -> str:
    parts: list[str] = []
    for output in outputs:
        if output["output_type"] == "stream":
            parts.append("".join(output["text"]))
        else:
            parts.append("".join(output.get("data", {}).get("text/plain", "")))
    return "\n".join(parts)
