"""Memory that a test asks for without saying what is in it.

It would hold what was there before: by chance what an earlier run of the same test has worked out,
which is what it expects. That would go to the student's process with `out=np.empty(5)`, and an
answer that writes nothing would be right. So it is NaN while a case runs, the same each time.
"""

import ast
import contextlib
import doctest
import functools
import re
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

NAMES = ("empty", "empty_like", "empty_permuted", "empty_strided")
METHODS = ("new_empty", "new_empty_strided", "new", "resize_")
# Classes that are asked for memory by a call, where nothing says what is to be in it.
CLASSES = {
    "numpy": ("ndarray", "recarray"),
    "torch": (
        "Tensor", "BFloat16Tensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor",
        "HalfTensor", "IntTensor", "LongTensor", "ShortTensor",
    ),
}  # fmt: skip
CLASS_NAMES = frozenset(name for names in CLASSES.values() for name in names)
WORDS = ("empty", "new", "resize_")  # of which every name of a function or method has one
CALLS = re.compile(rf"\b(?:{'|'.join(sorted(CLASS_NAMES))})\s*\(")

Function = Callable[..., Any]

_asking = [""]  # the path of the test that runs, innermost last
_made: dict[Function, Function] = {}  # what stands in for each function


@contextlib.contextmanager
def for_test(path: str, names: dict[str, Any] | None = None, text: str = "") -> Iterator[None]:
    """Have memory that NumPy and torch give a test as it comes be NaN, or the like, meanwhile.

    path: of the test file. names: its own, among them functions that it has imported by name.
    text: of the test; functions are replaced only where it names one, or is not known. Whoever
    else calls them meanwhile gets what they always give.
    """
    _asking.append(path)
    try:
        if _may_ask(text):
            with _functions_filling({} if names is None else names):
                yield
        else:
            yield
    finally:
        _asking.pop()


@contextlib.contextmanager
def _functions_filling(names: dict[str, Any]) -> Iterator[None]:
    """Replace functions that give memory as it comes, where they are and among a test's names."""
    held = list(_functions())
    ours: dict[Any, Any] = {function: _filling(name, function) for _, name, function in held}
    kinds = set(map(type, ours))
    imported = {name: one for name, one in names.items() if type(one) in kinds and one in ours}
    for place, name, function in held:
        setattr(place, name, ours[function])
    names |= {name: ours[one] for name, one in imported.items()}
    try:
        yield
    finally:
        names |= imported
        for place, name, function in held:
            if name in METHODS:
                delattr(place, name)  # it is a base class's
            else:
                setattr(place, name, function)


def _functions() -> Iterator[tuple[Any, str, Function]]:
    """Yield each function that gives memory as it comes, with its place and name there."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    for module in (numpy, getattr(numpy, "ma", None), torch):
        its_own = {} if module is None else vars(module)
        for name in NAMES:
            if name in its_own:
                yield module, name, its_own[name]
    if torch is not None:
        for name in METHODS:
            yield torch.Tensor, name, getattr(torch.Tensor, name)


@functools.lru_cache(maxsize=1_000)
def _may_ask(text: str) -> bool:
    return not text or any(word in text for word in WORDS)


def _filling(name: str, function: Function) -> Function:
    """Return what stands in for a function, made once: it is wanted again at every case.

    Its name is where it was found: NumPy 1.26 has functions that do not know theirs.
    """
    if function in _made:
        return _made[function]
    is_method = name in METHODS[2:]

    @functools.wraps(function, updated=())
    def made(*args: Any, **kwargs: Any) -> Any:
        is_asked = _is_of_test(sys._getframe(1))  # noqa: SLF001 - who asks for it
        if is_method and is_asked:
            return _by_method(name, function, *args, **kwargs)
        found = function(*args, **kwargs)
        if is_asked:
            _fill_if_possible(found)
        return found

    _made[function] = made
    return made


def _is_of_test(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return name == _asking[-1] or name.startswith("<doctest ")


def _by_method(name: str, method: Function, tensor: Any, *args: Any, **kwargs: Any) -> Any:
    """Call `new` or `resize_`, of which only a part may be memory as it comes."""
    before = tensor.untyped_storage().nbytes()
    found = method(tensor, *args, **kwargs)
    if name == "new":
        if _are_sizes(args):
            _fill_if_possible(found)
    elif found.untyped_storage().nbytes() > before and found.device.type == "cpu":
        storage = found.untyped_storage()
        sys.modules["torch"].empty(0, dtype=sys.modules["torch"].uint8).set_(storage)[
            before:
        ].fill_(255)  # NaN of any size
    return found


def _are_sizes(args: tuple[Any, ...]) -> bool:
    """Say whether an array is asked for by its shape, and not made of values."""
    return bool(args) and all(isinstance(one, int) or type(one).__name__ == "Size" for one in args)


# --- classes of arrays ---------------------------------------------------------------------------
#
# A test compares a class by what it is, as in `type(answer) is np.ndarray`, so that none is
# replaced. Where the text of a test calls one, it calls what stands below instead.

ASKED = "_memory_of"


def compiled(text: str, path: str) -> CodeType:
    """Compile a test file, in whose functions such memory may be asked for by a class."""
    if not CALLS.search(text):
        return compile(text, path, "exec", dont_inherit=True)
    tree = ast.parse(text)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            _Asking().generic_visit(node)
    tree.body.insert(_where_it_begins(tree), _import_of(ASKED))  # it may call some as it is loaded
    return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


def _where_it_begins(tree: ast.Module) -> int:
    """Return how many statements are to stay first: a docstring, and imports of the future."""
    first = [
        number
        for number, node in enumerate(tree.body, 1)
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    return first[-1] if first else int(ast.get_docstring(tree) is not None)


def _import_of(name: str) -> ast.stmt:
    alias = ast.alias(memory_of.__name__, name)
    return ast.copy_location(ast.ImportFrom(__name__, [alias], 0), ast.Pass(lineno=1, col_offset=0))


@contextlib.contextmanager
def in_doctests(text: str) -> Iterator[None]:
    """Have doctest compile examples meanwhile in which such memory may be asked for by a class."""
    if not CALLS.search(text):
        yield
        return
    names = vars(doctest)
    names["compile"] = _compile_example
    try:
        yield
    finally:
        del names["compile"]


def _compile_example(source: str, name: str, mode: str, flags: int, dont_inherit: bool) -> Any:
    tree = compile(source, name, mode, flags | ast.PyCF_ONLY_AST, dont_inherit)
    asking = ast.fix_missing_locations(_Asking().visit(tree))
    return compile(asking, name, mode, flags, dont_inherit)


class _Asking(ast.NodeTransformer):
    """Has what would call a class of arrays by its name call what is below."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node.func:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in CLASS_NAMES:
                asked = ast.copy_location(ast.Name(ASKED, ast.Load()), node.func)
                return ast.copy_location(
                    ast.Call(asked, [node.func, *node.args], node.keywords), node
                )
        return node


def memory_of(kind: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Call a class, and fill what it gives where that is memory as it comes."""
    found = kind(*args, **kwargs)
    library = next((name for name, known in _classes() if kind is known), None)
    if library == "numpy":
        has_memory = kwargs.get("buffer", args[2] if len(args) > 2 else None)  # noqa: PLR2004
        if has_memory is None:
            _fill_if_possible(found)
    elif library == "torch" and _are_sizes(args):
        _fill_if_possible(found)
    return found


def _classes() -> Iterator[tuple[str, Any]]:
    for library, names in CLASSES.items():
        module = sys.modules.get(library)
        for name in names:
            yield library, getattr(module, name, None)


FOR_TESTS: dict[str, Any] = {ASKED: memory_of}


def _fill_if_possible(array: Any) -> None:
    with contextlib.suppress(Exception):  # of a kind that cannot be written to
        _fill(array)


def _fill(array: Any) -> None:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        with torch.no_grad():
            is_number = array.is_floating_point() or array.is_complex()
            array.fill_(float("nan") if is_number else torch.iinfo(array.dtype).max)
        return
    numpy = sys.modules["numpy"]
    if array.dtype.kind in "fc":
        array.fill(numpy.nan)
    elif array.dtype.kind in "iu":
        array.fill(numpy.iinfo(array.dtype).max)
    elif array.dtype.kind != "O":  # which is None everywhere
        array[...] = numpy.zeros((), array.dtype)
