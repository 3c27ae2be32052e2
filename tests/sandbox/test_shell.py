"""Cells behave as in Jupyter, whether IPython reads them or they are plain Python."""

import time
from collections.abc import Iterator

import pytest

from grader.model import Limits
from grader.sandbox import Session, Worker


@pytest.fixture
def child(worker: Worker) -> Iterator[Session]:
    with worker.session(Limits(), deadline=time.monotonic() + 600) as session:
        yield session


@pytest.mark.parametrize(
    "cell",
    [
        "x = 5",
        "%matplotlib inline\nx = 5",
        "  x = 3\n  x = x + 2",
        "import asyncio\nawait asyncio.sleep(0)\nx = 5",
        "%time x = 5",
        "if True:\n    %time x = 5",
        "!rm -rf /\nx = 5",
        "x = 5;",
        "x = 5\n%pip install torch",
    ],
)
def test_a_cell_of_any_kind_binds_its_names(child: Session, cell: str) -> None:
    assert child.run_cell(cell, 1).failure is None
    assert child.value("x") == 5


def test_what_stands_before_a_mistake_has_run(child: Session) -> None:
    """IPython compiles statement by statement; only what cannot be parsed does nothing."""
    failure = child.run_cell("before = 1\nreturn 2", 1).failure
    assert failure is not None
    assert failure.type_name == "SyntaxError"
    assert child.value("before") == 1


def test_a_name_alone_may_be_a_magic(child: Session) -> None:
    assert child.run_cell("ls", 1).failure is None
    assert child.run_cell("x = 2", 2).failure is None
    assert child.run_cell("x", 3).failure is None


def test_an_exception_names_the_cell_and_its_line(child: Session) -> None:
    child.run_cell("def inverse(x):\n    return 1 / x", 1)
    failure = child.run_cell("y = 1\ninverse(0)", 2).failure
    assert failure is not None
    assert failure.traceback.splitlines() == [
        "Cell 2, line 2: inverse(0)",
        "Cell 1, line 2, in inverse: return 1 / x",
    ]


def test_a_function_can_read_its_own_source(child: Session) -> None:
    """As triton does with every kernel."""
    child.run_cell("def one():\n    return 1", 1)
    child.run_cell("two = 2", 2)
    child.run_cell("import inspect\ntext = inspect.getsource(one)", 3)
    assert child.value("text") == "def one():\n    return 1\n"


def test_a_future_import_holds_for_later_cells(child: Session) -> None:
    child.run_cell("from __future__ import annotations", 1)
    assert child.run_cell("def f(x: NotDefinedAnywhere): pass", 2).failure is None


def test_the_rehearsal_leaves_nothing_for_a_notebook_to_see(child: Session) -> None:
    look = """
import sys
import matplotlib.pyplot as plt
had = "numpy.random" in sys.modules
figures = plt.get_fignums()
names = [name for name in globals() if name in ("left", "right", "half", "torch")]
"""
    assert child.run_cell(look, 1).failure is None
    assert child.value("had") is True  # it did happen
    assert child.value("figures") == []
    assert child.value("names") == []


def test_a_figure_takes_properties_and_a_class_of_ones_own_has_its_table(
    child: Session,
) -> None:
    """Those of matplotlib's own classes are left out of its import, and nothing else is."""
    cell = """
import matplotlib.pyplot as plt
from matplotlib.lines import Line2D
class Thick(Line2D):
    def set_thickness(self, value):
        self.set_linewidth(value)
[line] = plt.plot([1, 2])
line.set(linewidth=3, color="r")
plt.gca().set(title="A", xlabel="x")
found = line.get_linewidth(), line.get_color(), plt.gca().get_title(), plt.gca().get_xlabel()
mine = Thick([0], [1])
mine.set(thickness=5)
thick = mine.get_linewidth()
tables = "linewidth" in str(Line2D.set.__doc__), "thickness" in str(Thick.set.__doc__)
"""
    assert child.run_cell(cell, 1).failure is None
    assert child.value("found") == (3, "r", "A", "x")
    assert child.value("thick") == 5
    assert child.value("tables") == (False, True)


@pytest.mark.parametrize(
    "lines",
    [
        "from google.colab import drive\ndrive.mount('/content/drive')",
        "import google.colab as colab\ncolab.files.download('x')",
        "from google.colab.patches import cv2_imshow\ncv2_imshow(None)",
        "import os\nfrom google.colab import userdata\nos.environ['K'] = userdata.get('K')",
        "from google.colab import files\nfor name, data in files.upload().items(): pass",
        "from kaggle_secrets import UserSecretsClient\nUserSecretsClient().get_secret('k')",
        "from kaggle_datasets import KaggleDatasets\nKaggleDatasets().get_gcs_path()",
        "import deepnote_toolkit\ntable = _dntk.execute_sql('SELECT 1')",
        "import gdown\ngdown.download('https://x', 'y')",
        "import nb_black",
        "%load_ext nb_black",
        "%reload_ext lab_black",
        "%load_ext tensorboard\n%tensorboard --logdir runs",
        "%load_ext google.colab.data_table",
        "%watermark -v",
        "%store -r",
        "%pylab inline",
        "%config InlineBackend.figure_format = 'retina'",
        "%mamba install x",
        "%timeit -n 3 -r 2 sum([1])",
        "get_ipython().kernel.do_shutdown(True)",
        "get_ipython().magic('matplotlib inline')",
        "import os\nos.chdir('/content/drive/MyDrive/course')",
        "%cd /kaggle/working",
        "from IPython.core.display import display, HTML\ndisplay(HTML('x'))",
        "from IPython.display import set_matplotlib_formats\nset_matplotlib_formats('retina')",
    ],
)
def test_a_line_for_the_platform_does_not_end_its_cell(child: Session, lines: str) -> None:
    result = child.run_cell(f"before = 1\n{lines}\nx = 5", 1)
    assert result.failure is None
    assert child.value("x") == 5


@pytest.mark.parametrize(
    "lines",
    [
        "from google.colab import drive\ndrive.mount('/content/drive')",
        "import gdown\ngdown.download('https://x', 'y')",
        "%load_ext nb_black",
        "%watermark",
    ],
)
def test_what_does_nothing_says_so(child: Session, lines: str) -> None:
    assert "while the notebook is graded" in child.run_cell(lines, 1).output


ASKS = "from importlib.util import find_spec as f\ntry:\n    x = bool(f('google.colab'))\n"


@pytest.mark.parametrize(
    "asks",
    [
        "try:\n    import google.colab\n    x = True\nexcept ImportError:\n    x = False",
        "try:\n    from google.colab import drive\n    x = True\nexcept Exception:\n    x = False",
        "try:\n    import kaggle_secrets\n    x = True\nexcept:\n    x = False",
        f"{ASKS}except ImportError:\n    x = False",
        "import sys\nx = 'google.colab' in sys.modules",
    ],
)  # fmt: skip
def test_a_notebook_that_asks_where_it_runs_gets_the_true_answer(child: Session, asks: str) -> None:
    assert child.run_cell(asks, 1).failure is None
    assert child.value("x") is False


def test_a_folder_that_no_platform_has_is_missing(child: Session) -> None:
    failure = child.run_cell("import os\nos.chdir('/nowhere/at/all')", 1).failure
    assert failure is not None
    assert failure.type_name == "FileNotFoundError"
    assert child.run_cell("os.mkdir('data')\nos.chdir('data')\nx = os.getcwd()", 2).failure is None
    assert str(child.value("x")).endswith("data")


def test_a_module_that_no_platform_brings_is_missing(child: Session) -> None:
    failure = child.run_cell("import no_such_module", 1).failure
    assert failure is not None
    assert failure.type_name == "ModuleNotFoundError"
    assert child.run_cell("import google.protobuf_of_nobody", 2).failure is not None


@pytest.mark.parametrize(
    ("cell", "follows"),
    [
        ("%%memit\nx = 5", "pass"),
        ("%%timeit -n 3 y = 2\nx = y + 3", "pass"),
        ("%%shell\npip install x", "x = 5"),
        ("%%bigquery frame\nSELECT 1", "x = 5"),
    ],
)
def test_a_cell_magic_that_is_not_here_runs_python_and_nothing_else(
    child: Session, cell: str, follows: str
) -> None:
    assert child.run_cell(cell, 1).failure is None
    assert child.run_cell(follows, 2).failure is None
    if "timeit" not in cell:  # which keeps its names to itself
        assert child.value("x") == 5


def test_a_file_that_a_cell_writes_can_be_imported_at_once(child: Session) -> None:
    for number in range(5):  # more files than a folder's time of change can tell apart
        cell = f"%%writefile mine{number}.py\nx = {number}"
        assert child.run_cell(cell, 2 * number).failure is None
        assert child.run_cell(f"from mine{number} import x", 2 * number + 1).failure is None
        assert child.value("x") == number
    child.run_cell("%%writefile mine0.py\nx = 9", 20)
    child.run_cell("import importlib, mine0\nx = importlib.reload(mine0).x", 21)
    assert child.value("x") == 9


def test_a_package_that_a_cell_writes_can_be_imported(child: Session) -> None:
    child.run_cell("import os\nos.makedirs('pack')\nopen('pack/__init__.py', 'w').close()", 1)
    child.run_cell("%%writefile pack/part.py\nimport gdown\ndef f():\n    return gdown", 2)
    assert (
        child.run_cell("from pack.part import f\nx = 5 if f() is not None else 0", 3).failure
        is None
    )
    assert child.value("x") == 5
