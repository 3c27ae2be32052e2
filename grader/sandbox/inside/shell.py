"""IPython without a terminal, a history or a shell underneath, for the warm worker.

Executed from source in the worker. Student code can undo anything here; it only makes honest
notebooks behave as they do in Jupyter, quickly and without a surprise.
"""

import builtins
import contextlib
import functools
import importlib
import inspect
import sys
import tempfile
import warnings
from collections.abc import Iterable
from types import CodeType, FrameType, ModuleType
from typing import Any, ClassVar, NamedTuple

from . import figures, magics, standins

MOST_CHECKS, LONGEST_NAME = 1_000, 200  # that are noted of a cell


class GradedNotebook:
    """Stands in for `otter.Notebook` while the notebook is graded: the judge does the checking."""

    checked: ClassVar[list[tuple[str, int]]] = []  # by the last cell: a question, and in which line

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        pass

    def check(self, question: str, *_args: Any, **_kwargs: Any) -> None:
        """Note that a question is checked, and in which line of the cell that runs."""
        frame: FrameType | None = sys._getframe()  # noqa: SLF001 - who checks it
        line = 0
        while frame is not None:
            if frame.f_code.co_filename.startswith("<cell "):
                line = frame.f_lineno  # of the cell itself in the end, whatever it calls
            frame = frame.f_back
        if len(self.checked) < MOST_CHECKS:
            self.checked.append((str(question)[:LONGEST_NAME], line))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _do_nothing


def _do_nothing(*_args: Any, **_kwargs: Any) -> None:
    return None


def _otter_module() -> ModuleType:
    module = ModuleType("otter", "A stand-in while the notebook is graded.")
    module.Notebook = GradedNotebook  # type: ignore[attr-defined]
    module.__version__ = "0"  # type: ignore[attr-defined]
    return module


def build_shell() -> Any:
    """Return an InteractiveShell whose user namespace is a fresh `__main__`."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.cache_size = 0
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.ipython_dir = tempfile.mkdtemp()
    shell = InteractiveShell.instance(config=config)
    shell.ast_node_interactivity = "none"  # nobody looks at Out[n], and a repr can be long
    shell.showtraceback = shell.showsyntaxerror = shell.showindentationerror = _do_nothing
    shell._showtraceback = _do_nothing  # noqa: SLF001 - the one place where IPython prints it
    shell.system = shell.system_raw = shell.system_piped = magics.print_command
    shell.getoutput = magics.get_output
    shell.enable_gui = _do_nothing
    shell.kernel = standins.StandIn("kernel")
    standins.install(vars(builtins))
    magics.register(shell)
    sys.modules["otter"] = _otter_module()
    _quiet_pyplot()
    return shell


def _quiet_pyplot() -> None:
    """Make showing and laying out figures free: nobody sees them while grading."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    from matplotlib.figure import Figure

    sys.modules["matplotlib"].use = _do_nothing  # type: ignore[attr-defined]
    # IPython puts attributes on it, which a method has no room for.
    pyplot.show = lambda *_args, **_kwargs: figures.shown.put_away()  # type: ignore[attr-defined]
    pyplot.tight_layout = _do_nothing  # type: ignore[attr-defined]
    Figure.tight_layout = _do_nothing  # type: ignore[method-assign]


def load_data_in_process() -> None:
    """Make torch's data loaders do without processes of their own.

    They share memory and sockets that only a private file system makes harmless, and would fail.
    """
    data = sys.modules.get("torch.utils.data")
    if data is None:
        return
    original = data.DataLoader.__init__
    signature = inspect.signature(original)
    alone = {"num_workers": 0, "timeout": 0, "prefetch_factor": None, "persistent_workers": False}

    @functools.wraps(original)
    def start(*args: Any, **keywords: Any) -> None:
        bound = signature.bind(*args, **keywords)
        for name in alone.keys() & bound.arguments.keys():
            bound.arguments[name] = alone[name]
        bound.arguments.pop("multiprocessing_context", None)
        original(*bound.args, **bound.kwargs)

    data.DataLoader.__init__ = start


def rehearse(shell: Any) -> None:
    """Do once, before any fork, what libraries put off until they are first used.

    It spares each notebook imports and caches, and leaves no figure and no name.
    """
    pyplot, torch = sys.modules.get("matplotlib.pyplot"), sys.modules.get("torch")
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        shell.run_cell("pass", store_history=False)
        importlib.import_module("numpy.random")
        if pyplot is not None:
            _draw_a_figure(pyplot)
        if torch is not None:
            half = torch.ones(2, 2, dtype=torch.float16)
            repr(half.exp() / half.sum(dim=-1, keepdim=True) @ half)


def _draw_a_figure(pyplot: Any) -> None:
    _, (left, right) = pyplot.subplots(1, 2, layout="constrained")
    left.bar_label(left.bar(["x"], [1.0], hatch="//"))
    left.set(title="x", xlabel="x", ylabel="y")
    right.plot([1, 2], [1, 2], "o-", label="x")
    right.set(xscale="log", yscale="log")
    right.legend()
    pyplot.close("all")


class _Expected(NamedTuple):
    """Code that was compiled before a notebook was there, and the compiler's flags around it."""

    code: CodeType
    before: int
    after: int  # another number where it imports from __future__, for the cells that follow


_expected: dict[tuple[int, str], _Expected] = {}  # by number and source


def expect(shell: Any, cells: Iterable[tuple[int, str]]) -> None:
    """Compile cells that notebooks are likely to have, one after the other; none is run."""
    first = shell.compile.flags
    for number, source in cells:
        _name_next(shell, number)
        before = shell.compile.flags
        code = _plain_code(shell, source)
        if code is not None:
            _expected[number, source] = _Expected(code, before, shell.compile.flags)
    shell.compile.flags = first


def _code_ahead(shell: Any, number: int, source: str) -> CodeType | None:
    """Return the code of a cell that was expected, unless cells have changed how to compile."""
    found = _expected.get((number, source))
    if found is None or found.before != shell.compile.flags:
        return None
    shell.compile.cache(source)  # for the lines of a traceback
    shell.compile.flags = found.after
    return found.code


def _name_next(shell: Any, number: int) -> None:
    shell.compile.get_code_name = lambda _raw, _transformed, _count: f"<cell {number}>"


def run_cell(shell: Any, source: str, number: int) -> BaseException | None:
    """Run one cell as IPython would and return what it raised, if anything."""
    _name_next(shell, number)
    try:
        code = _code_ahead(shell, number, source) or _plain_code(shell, source)
        if code is not None:
            exec(code, shell.user_global_ns, shell.user_ns)  # noqa: S102 - what a cell is for
            return None
        result = shell.run_cell(source, store_history=False)
    except BaseException as error:  # noqa: BLE001 - SystemExit in a cell ends the cell only
        return error
    return result.error_before_exec or result.error_in_exec  # type: ignore[no-any-return]


def _plain_code(shell: Any, source: str) -> CodeType | None:
    """Return the code of a cell that is plain Python, or None where IPython must read it.

    IPython takes a millisecond to look for its own syntax in a cell, and no such syntax parses as
    Python; but for a lone name, which can be a magic, and for what only IPython can compile.
    """
    if source.strip().isidentifier():
        return None
    name = shell.compile.cache(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # IPython says it, where it is asked
            # A last line that ends is what IPython's flags ask for.
            code: CodeType = shell.compile(f"{source}\n", name, "exec")
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return None
    return code
