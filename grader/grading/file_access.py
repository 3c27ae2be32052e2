"""Whether a test may look at files, or write some: by the names that its code uses.

What a test only says, in a docstring or of a mismatch, counts for nothing, unless it evaluates
texts. A text that is no Python of one or the other kind is searched as it stands.
"""

import ast
import doctest
import functools
import re
from collections.abc import Iterator

# Functions, methods and modules that open, write, remove or list files.
TOUCHES = re.compile(
    r"\b(?:open(?:_\w+)?|Path|os|glob|shutil|read_\w+|to_(?:csv|json|excel|parquet|html)|load\w*"
    r"|save\w*|imread|imsave|genfromtxt|connect|h5py|memmap|read|parse|run_path|linecache|mmap"
    r"|shelve|dbm|HDFStore|\w*[fF]ile\w*)\b"
)
FILE_NAME = re.compile(r"[\w~*?/\\.-]*\.[A-Za-z]\w{0,7}")
# What runs a text, or another file.
RUNS_TEXTS = frozenset({
    "compile", "doctest", "eval", "exec", "import_module", "runpy", "subprocess", "timeit",
    "__import__",
})  # fmt: skip
KERNELS = "triton"  # whose `load` reads memory
OF_EVERY_TEST = "otter.test_files"  # from which a test has its decorator


@functools.lru_cache(maxsize=10_000)
def may_touch_files(text: str) -> bool:
    """Tell whether a test of this text may look at files, or write some."""
    tree = parsed(text)
    if tree is None:
        return TOUCHES.search(text) is not None
    modules = dict(_imported(tree))
    names, texts = {*_names(tree, modules), *modules}, list(_texts(tree))
    if any(_names_a_file(one, modules) for one in texts):
        return True
    if not RUNS_TEXTS.isdisjoint(names) or any(">>>" in one for one in texts):
        return TOUCHES.search(text) is not None
    return any(map(TOUCHES.fullmatch, names))


def parsed(text: str) -> ast.Module | None:
    """Return a test's tree, of a doctest that of its examples; None where it has none."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        pass
    try:
        examples = doctest.DocTestParser().get_examples(text)
        return ast.parse("\n".join(example.source for example in examples)) if examples else None
    except (SyntaxError, ValueError):  # it has commands of IPython's, for example
        return None


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each name that is imported, or that imports say, with the module that it is of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            of = str(getattr(node, "module", None) or "")
            if of == OF_EVERY_TEST:
                continue
            yield from ((part, of) for part in of.split("."))
            for alias in node.names:
                module = of or alias.name
                yield from ((part, module) for part in alias.name.split("."))
                yield alias.asname or alias.name.partition(".")[0], module


def _names(tree: ast.Module, modules: dict[str, str]) -> Iterator[str]:
    """Yield the names that a test uses, and asks for by its parameters."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.Attribute(attr=name) if not _is_of_kernels(node, modules):
                yield name


def _is_of_kernels(node: ast.Attribute, modules: dict[str, str]) -> bool:
    of: ast.expr = node
    while isinstance(of, ast.Attribute):
        of = of.value
    return isinstance(of, ast.Name) and modules.get(of.id, "").partition(".")[0] == KERNELS


def _texts(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            yield node.value if isinstance(node.value, str) else node.value.decode("latin-1")


def _names_a_file(text: str, modules: dict[str, str]) -> bool:
    """Tell whether a text is the name of a file or of what opens one, not one of a module's."""
    if TOUCHES.fullmatch(text):
        return True
    return FILE_NAME.fullmatch(text) is not None and text.partition(".")[0] not in modules
