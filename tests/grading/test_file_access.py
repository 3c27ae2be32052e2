"""Whether a test may look at files: by what its code names, and not by what it says."""

import pytest

from grader.grading.file_access import may_touch_files

TOUCHES = {
    "a function": "def test(f):\n    assert open(f()).read() == ''",
    "a method": "import numpy as np\ndef test(f):\n    assert np.loadtxt(f()).all()",
    "an import": "from pathlib import Path as P\ndef test(f):\n    assert P(f()).exists()",
    "an import's alias": "import os.path as at\ndef test(f):\n    assert at.exists(f())",
    "a parameter": "def test(load_words):\n    assert load_words()",
    "a function's name in a text": "def test(f):\n    assert getattr(f, 'read_csv')()",
    "a file's name": "import pandas as pd\ndef test(f):\n    assert pd.ExcelFile('marks.xlsx')",
    "one with a folder": "def test(count):\n    assert count('data/words.txt') == 3",
    "one that is put together": "def test(f):\n    assert [f(f'{n}.csv') for n in 'ab']",
    "one of bytes": "def test(f):\n    assert f(b'words.txt')",
    "a pattern": "def test(f):\n    assert f('*.png')",
    "a text that is evaluated": "def test(f):\n    assert eval('len(open(f()).read())') == 3",
    "doctests in a text": 'test = {"code": """\n>>> len(open("x").read())\n3"""}',
    "a doctest": ">>> len(open(f()).read())\n3",
    "a doctest's file name": ">>> count('words.txt')\n3",
    "a doctest with a command": ">>> %time x = load(f())\n>>> x\n3",
    "a doctest that is broken": ">>> load(\n3",
    "another library of a kernels' name": "import numpy as tl\ndef test(f):\n    tl.load(f())",
}
TOUCHES_NONE = {
    "prose": '"""Load and open: see os."""\ndef test(f):\n    assert f(), "save a load"',
    "a kernel": (
        "import triton\nimport triton.language as tl\n@triton.jit\ndef copy(x, y):\n"
        "    tl.store(y, tl.load(x))\ndef test(f):\n    assert f(copy)"
    ),
    "a kernel's text": (
        "SOURCE = '''@triton.jit\ndef copy(x, y):\n    tl.store(y, tl.load(x))\n'''\n"
        "def test(f):\n    assert f(SOURCE)"
    ),
    "a comment": "def test(f):\n    assert f()  # whatever open() gives",
    "what every test imports": (
        "from otter.test_files import test_case\n@test_case()\ndef test(f):\n    assert f()"
    ),
    "a module's name": "import torch\ndef test(f):\n    assert f('torch.float16')",
    "a number, a version, an ellipsis": "def test(f):\n    assert f('0.5', '3.11', '...', 'e.')",
    "a doctest that says so": ">>> 'please load and save'\n'please load and save'",
}


@pytest.mark.parametrize("kind", TOUCHES)
def test_what_opens_a_file_counts(kind: str) -> None:
    assert may_touch_files(TOUCHES[kind])


@pytest.mark.parametrize("kind", TOUCHES_NONE)
def test_what_is_only_said_does_not(kind: str) -> None:
    assert not may_touch_files(TOUCHES_NONE[kind])
