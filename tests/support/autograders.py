"""Small otter assignments, as `otter generate` and `otter assign` leave them."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OK_TEST = """OK_FORMAT = True

test = {{   'name': '{name}',
    'points': {points},
    'suites': [   {{   'cases': [   {{'code': '>>> x > 0\\nTrue', 'hidden': False}},
                                  {{'code': '>>> x == 3\\nTrue', 'hidden': True}}],
                      'scored': True, 'setup': '', 'teardown': '', 'type': 'doctest'}}]}}
"""
EXCEPTION_TEST = """from otter.test_files import test_case

OK_FORMAT = False

name = "{name}"
points = {points}

@test_case(points=None, hidden=False)
def test_square(square):
    assert square(3) == 9

@test_case(points=None, hidden=True)
def test_negative(square):
    assert square(-2) == 4
"""
TESTS = {
    "q1": OK_TEST.format(name="q1", points=2),
    "q2": EXCEPTION_TEST.format(name="q2", points=4),
}
# What otter puts beside the tests, and what nothing here may run.
SCRIPTS = {
    "run_autograder": "#!/usr/bin/env bash\ntouch {mark}\n",
    "setup.sh": "#!/usr/bin/env bash\ntouch {mark}\n",
    "run_otter.py": "import pathlib\npathlib.Path({mark!r}).touch()\n",
}


def write_autograder(
    folder: Path,
    config: Mapping[str, Any] | None = None,
    tests: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write what an autograder.zip holds; its scripts leave `ran` beside it if they are run."""
    mark = str(folder.parent / "ran")
    parts = {name: text.format(mark=mark) for name, text in SCRIPTS.items()}
    parts |= {f"tests/{name}.py": text for name, text in (tests or TESTS).items()}
    parts |= {f"files/{name}": text for name, text in (files or {}).items()}
    parts["otter_config.json"] = json.dumps(config or {})
    for name, text in parts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def packed(folder: Path, archive: Path, inside: str = "") -> Path:
    """Zip a folder, with everything below one folder of the zip if it is named."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                written.write(path, f"{inside}{path.relative_to(folder).as_posix()}")
    return archive
