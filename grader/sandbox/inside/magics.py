"""Lines that begin with % or !: which do nothing while a notebook is graded, and say so.

Executed from source in the worker. A magic that is not here must not keep a notebook from running,
since most of them only show or measure something.
"""

import ast
import functools
import sys
from collections.abc import Callable
from typing import Any

SHELL_NOTICE = "Shell commands are not run while the notebook is graded: {command}"
PIP_NOTICE = "Packages cannot be installed while the notebook is graded; it has those it needs."
MAGIC_NOTICE = "{name} is not there while the notebook is graded, so it does nothing."
EXTENSION_NOTICE = "The extension {name} is not loaded while the notebook is graded."
NOT_LOADED = frozenset({"tensorboard", "tensorboard.notebook"})  # it starts a server
# Cells in other languages, and services that only a platform can reach.
FOREIGN = ("shell", "bigquery", "sql", "R", "julia", "ai", "tensorboard", "spark", "mermaid")


def register(shell: Any) -> None:
    """Give a shell our magics, and let it go on past those that are not here."""
    _register_ours(shell)
    _forgive_extensions(shell)
    _forgive_line_magics(shell)
    _forgive_cell_magics(shell)


def print_command(command: str) -> None:
    """Say that a command is not run."""
    command = str(command)
    is_pip = command.split()[:1] in (["pip"], ["pip3"]) or "-m pip" in command
    sys.stdout.write((PIP_NOTICE if is_pip else SHELL_NOTICE.format(command=command)) + "\n")


def get_output(command: str, *_args: Any, **_kwargs: Any) -> list[str]:
    """Say that a command is not run, whose output a cell wants to read."""
    print_command(command)
    return []


def _register_ours(shell: Any) -> None:
    def matplotlib(_line: str = "") -> None:
        """Choose a backend: there is none to choose while grading."""

    def pip(_line: str = "") -> None:
        sys.stdout.write(PIP_NOTICE + "\n")

    def timeit(line: str = "", cell: str | None = None) -> None:
        """Run once: a measurement is for the student's own machine."""
        _, statement = shell.find_line_magic("time").__self__.parse_options(
            line, "n:r:tcp:qov:", posix=False, strict=False, preserve_non_opts=True
        )
        if cell is None:
            shell.run_line_magic("time", statement)
        else:  # whose line is what comes before the measurement
            shell.run_cell_magic("time", "", f"{statement}\n{cell}")

    def shell_cell(line: str = "", cell: str | None = None) -> None:
        print_command(cell or line)

    line_magics = {"matplotlib": matplotlib} | dict.fromkeys(
        ("pip", "conda", "mamba", "micromamba", "uv"), pip
    )
    for name, function in line_magics.items():
        shell.register_magic_function(function, "line", name)
    shell.register_magic_function(timeit, "line_cell", "timeit")
    for name in ("bash", "sh", "script", "system", "sx", "perl", "ruby", *FOREIGN):
        shell.register_magic_function(shell_cell, "line_cell", name)


def _forgive_extensions(shell: Any) -> None:
    def load(original: Callable[[str], Any], line: str = "") -> None:
        try:
            if line.strip() not in NOT_LOADED:
                original(line)
                return
        except ImportError:
            pass
        sys.stdout.write(EXTENSION_NOTICE.format(name=line.strip()) + "\n")

    for name in ("load_ext", "reload_ext"):
        function = functools.partial(load, shell.find_line_magic(name))
        shell.register_magic_function(function, "line", name)


def _forgive_line_magics(shell: Any) -> None:
    original = shell.run_line_magic

    def run_line_magic(name: str, line: str, _stack_depth: int = 1) -> Any:
        if shell.find_line_magic(name) is None:
            sys.stdout.write(MAGIC_NOTICE.format(name=f"%{name}") + "\n")
            return None
        return original(name, line, _stack_depth=_stack_depth + 1)

    def magic(line: str) -> Any:
        """Run a line as older versions of IPython do."""
        name, _, rest = line.removeprefix("%").partition(" ")
        return run_line_magic(name, rest)

    shell.run_line_magic, shell.magic = run_line_magic, magic


def _forgive_cell_magics(shell: Any) -> None:
    """Run the body of a magic that is not here as it stands where it is Python: most measure."""
    original = shell.run_cell_magic

    def run_cell_magic(name: str, line: str, cell: str) -> Any:
        if shell.find_cell_magic(name) is not None or not _is_python(cell):
            return original(name, line, cell)
        sys.stdout.write(MAGIC_NOTICE.format(name=f"%%{name}") + "\n")
        shell.run_cell(cell, store_history=False).raise_error()
        return None

    shell.run_cell_magic = run_cell_magic


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return False
    return True
