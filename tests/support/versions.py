"""Grade one question by its reference under the oldest or the newest versions that are allowed.

`python -m tests.support.versions oldest` takes the lower bounds of triton and NumPy from
pyproject.toml, `newest` what their constraints admit today; both go into a folder beside the
environment, so that nothing else changes. The notebook must have full marks, with those versions
on both sides of the sandbox.

`broken` takes a pair that the constraints forbid and that does not work: nobody may lose by it.
The question must be ungraded with the cause named first, and no word of the student's code.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from grader.course import notebooks
from grader.course.assignments import load

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENT, QUESTION = "attention", "q4"
# torch is not among them: an older one is a gigabyte with the libraries of CUDA, and its builds
# without them come from an index that not every machine can ask.
PACKAGES = ("numpy", "triton")
BROKEN = ("numpy==2.4.6", "triton==3.6.0")
CAUSE = (
    "triton 3.6.0 cannot interpret kernels under NumPy 2.4.6: install triton 3.7 or later, "
    "or NumPy 2.3."
)


def requirements(which: str) -> list[str]:
    """Return what pip is to install."""
    if which == "broken":
        return list(BROKEN)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = []
    for name in PACKAGES:
        line = next(x for x in project["dependencies"] if re.match(rf"{name}\b", x))
        wanted = line.partition(";")[0].strip()
        if which == "oldest":
            wanted = re.sub(r">=([\d.]+).*", r"==\1", wanted)
        found.append(wanted)
    return found


def solved() -> bytes:
    """Return the assignment's notebook with the reference in it."""
    assignment = load(ASSIGNMENT, ROOT, need_solutions=True)
    reference = (ROOT / "solutions" / ASSIGNMENT / "reference.py").read_text(encoding="utf-8")
    names = [name for question in assignment.questions for name in question.names]
    return notebooks.fill(assignment.notebook.read_bytes(), reference, names, "reference.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=["oldest", "newest", "broken"])
    which = parser.parse_args().which
    with tempfile.TemporaryDirectory() as folder:
        packages, notebook, out = (Path(folder, name) for name in ("packages", "ada.ipynb", "out"))
        Path(folder).chmod(0o755)  # a worker under another uid must get to the packages
        install = ["-m", "pip", "install", "-q", "--no-deps", "--target", str(packages)]
        subprocess.run([sys.executable, *install, *requirements(which)], check=True)
        notebook.write_bytes(solved())
        # Questions that were not asked for are ungraded, so that its exit status is 1.
        done = subprocess.run(
            [sys.executable, "-m", "grader", "grade", ASSIGNMENT, str(notebook), "-o", str(out),
             "--only", QUESTION, "--device", "cpu", "--course", str(ROOT)],
            check=False, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(packages)},
        )  # fmt: skip
        if not (out / "results.json").exists():
            sys.exit(f"nothing was graded:\n{done.stdout}{done.stderr}")
        results = json.loads((out / "results.json").read_text(encoding="utf-8"))
        found = {path.name.split("-")[0]: path.name.split("-")[1].removesuffix(".dist")
                 for path in packages.glob("*.dist-info")}  # fmt: skip
    environment = results["environment"]
    question = next(q for q in results["submissions"][0]["questions"] if q["name"] == QUESTION)
    said = ", ".join(f"{name} {environment[name]}" for name in ("python", "torch", *PACKAGES))
    score = f"{question['score']:g} of {question['max_score']:g}"
    sys.stdout.write(f"{which} ({said}): {QUESTION} {score}\n")
    if any(environment[name] != found[name] for name in PACKAGES):
        sys.exit(f"not graded under what was installed: {found}")
    if which == "broken":
        problems = unfair(question, results, done)
    else:
        problems = [] if question["score"] == question["max_score"] else ["it lost points"]
    if problems:
        sys.exit("\n".join([*problems, json.dumps(question, indent=1)]))


def unfair(
    question: dict[str, Any], results: dict[str, Any], done: subprocess.CompletedProcess[str]
) -> list[str]:
    """Return in what a fault of ours became a student's."""
    cases = question["cases"]
    checks = {
        "a case was lost": {case["status"] for case in cases} <= {"passed", "ungraded"},
        "the question is not ungraded": question["status"] == "ungraded",
        "a message blames the student's code": not any("Your code" in c["message"] for c in cases),
        "the cause is not the control's": results["control"][0]["causes"] == [CAUSE],
        "the terminal does not begin with the cause": CAUSE in " ".join(done.stdout.split())[:300],
        "the exit status is not 1": done.returncode == 1,
    }
    return [what for what, holds in checks.items() if not holds]


if __name__ == "__main__":
    main()
