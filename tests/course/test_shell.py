"""What a notebook has a shell do, and which names come of it, by reading alone."""

import pytest

from grader.course.notebooks import CodeCell
from grader.course.notebooks.shell import commands, made_of_output


def cells(*sources: str) -> list[CodeCell]:
    return [CodeCell(number, source, ()) for number, source in enumerate(sources, 1)]


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["files = !ls\nn = len(files)\nother = 5"], {"files", "n"}),
        (["files = !ls", "total = 0\nfor name in files:\n    total += len(name)"],
         {"files", "total", "name"}),
        (["found = []", "out = %sx ls", "for x in out:\n    found.append(x)"],
         {"out", "x", "found"}),
        (["out = !ls", "def first():\n    return out[0]\n\ndef clean():\n    return 1"],
         {"out", "first"}),
        (["import numpy as np\nout = !ls\na = np.array(out)"], {"out", "a"}),
        (["out = !ls", "out = ['a']", "n = len(out)"], set()),
        (["out = get_ipython().getoutput('ls')"], {"out"}),
        (["a, b = !echo 1"], {"a", "b"}),
        (["!ls\n%matplotlib inline\nx = 3 if not True else 4"], set()),
        (["this is = no Python !ls"], set()),
    ],
)  # fmt: skip
def test_names_that_are_made_of_what_a_command_prints(sources: list[str], names: set[str]) -> None:
    assert set(made_of_output(cells(*sources))) == names


def test_commands_are_found_with_their_cells() -> None:
    found = commands(
        cells("x = 1", "!pip install numpy\nout = !ls -l", "%%bash\nmkdir data", "%pip install a")
    )
    assert [(one.cell, one.text, one.installs) for one in found] == [
        (2, "pip install numpy", True),
        (2, "ls -l", False),
        (3, "mkdir data", False),
        (4, "pip install a", True),
    ]
