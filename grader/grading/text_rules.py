"""What a text that is not the test's own may do where it is evaluated: compute, and nothing else.

A module, or anything that can be called and does more than compute, is no value in such a text: it
could be called later, as a key or by whoever is given it.
"""

import ast
import builtins
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any, ForwardRef

from grader.grading.text_read import (
    COMPUTING,
    Source,
    Space,
    is_of_student,
    only_computes,
    parsed,
    text_of,
)
from grader.sandbox.wire import sympy_kinds

COMPUTES = (
    ast.Expression, ast.Module, ast.Expr, ast.Assign, ast.Pass, ast.BoolOp, ast.BinOp, ast.UnaryOp,
    ast.IfExp, ast.Dict, ast.Set, ast.List, ast.Tuple, ast.Compare, ast.Constant, ast.Name,
    ast.Subscript, ast.Slice, ast.Starred, ast.expr_context, ast.boolop, ast.operator, ast.unaryop,
    ast.cmpop,
)  # fmt: skip
# What computes besides, where Python itself reads the text.
IN_PYTHON = (
    ast.DictComp, ast.For, ast.FormattedValue, ast.GeneratorExp, ast.If, ast.JoinedStr,
    ast.ListComp, ast.SetComp, ast.comprehension,
)  # fmt: skip
# What a column of pandas, or its texts and dates, may be asked for.
OF_COLUMNS = frozenset({
    "abs", "all", "any", "between", "contains", "count", "endswith", "eq", "fullmatch", "ge", "gt",
    "isin", "isna", "isnull", "le", "len", "lower", "lt", "match", "max", "mean", "median", "min",
    "ne", "notna", "notnull", "nunique", "quantile", "round", "startswith", "std", "strip", "sum",
    "title", "upper", "var",
})  # fmt: skip
COLUMNS = frozenset({
    "DatetimeProperties", "Series", "StringMethods", "TimedeltaProperties",
})  # fmt: skip
# What SymPy's functions are made of besides.
OF_FUNCTIONS = (
    *COMPUTES, ast.Attribute, ast.Call, ast.FunctionDef, ast.GeneratorExp, ast.Lambda, ast.ListComp,
    ast.Return, ast.arg, ast.arguments, ast.comprehension, ast.keyword,
)  # fmt: skip
CALLS = (
    "the test evaluates a text that is not its own and calls something; nothing that a student's "
    "process says is run here: have the test compare what it does"
)
READS = (
    "the test evaluates a text that is not its own where {name!r} is a name of the test's; have it "
    "say which names the text may use, as in eval(text, {{'x': 3}})"
)
# Of a value of which nothing is known, what is read of it and is no function of any.
PARTS = frozenset({
    "T", "columns", "denominator", "dtype", "flat", "imag", "index", "ndim", "numerator", "real",
    "shape", "size", "values",
})  # fmt: skip
NEW = (ast.BinOp, ast.Dict, ast.List, ast.Set)  # what makes a value that nobody else has
COPIES = frozenset({"dict", "list", "set", "sorted"})
OF_UFUNCS = frozenset({"dtype"})  # of their keywords, those that write to nothing
INSIDE = (ModuleType, FrameType, CodeType, TracebackType)
UNKNOWN = object()


def what_is_wrong(
    source: Source,
    space: Space | None,
    may_call: Callable[[str], bool],
    *,
    by_sympy: bool = False,
    of_types: bool = False,
) -> str:
    """Return why a text is not to be evaluated, or "".

    space: where its names are looked up, None where that is not known yet. by_sympy: it takes no
    attributes, and knows names that are not Python's. of_types: it says of which type something is.
    """
    tree = source if isinstance(source, ast.AST) else parsed(text_of(source))
    if tree is None:
        return ""  # it will not be compiled
    text = _Text(tree, space, may_call, by_sympy, of_types)
    return "" if text.only_computes() and not text.taken else text.taken or CALLS


@dataclass(frozen=True)
class _Text:
    tree: ast.AST
    space: Space | None
    may_call: Callable[[str], bool]
    by_sympy: bool
    of_types: bool

    @cached_property
    def _stored(self) -> frozenset[str]:
        return frozenset(_names(self.tree, ast.Store))

    @cached_property
    def _new(self) -> set[str]:
        """The names that are bound to values of the text's own and to nothing else."""
        held = [node for node in ast.walk(self.tree) if isinstance(node, ast.Assign)]
        made = [target for one in held if _is_new(one.value) for target in one.targets]
        names = [target.id for target in made if isinstance(target, ast.Name)]
        every = [*_names(self.tree, ast.Store)]
        return {name for name in names if names.count(name) == every.count(name)}

    def only_computes(self) -> bool:
        """Say whether it does nothing but compute, whatever names stand for."""
        due = [self.tree]
        while due:
            parts = self._parts(due.pop())
            if parts is None:
                return False
            due += parts
        return True

    def _parts(self, node: ast.AST) -> list[ast.AST] | None:
        """Return what is to be looked at within a part of the text; None where it is refused."""
        parts: list[ast.AST] | None = None
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name.startswith("__"):
                pass
            case ast.Name():
                parts = [] if self._may_be_value(self._value(node)) else None
            case ast.Attribute():
                parts = self._of_attribute(node)
            case ast.Call():
                parts = self._of_call(node)
            case ast.Subscript(ctx=ast.Store()):
                is_new = isinstance(node.value, ast.Name) and node.value.id in self._new
                parts = [node.slice] if is_new else None
            case ast.Constant(value=str()) if self.by_sympy:
                pass
            case _ if isinstance(node, COMPUTES if self.by_sympy else (*COMPUTES, *IN_PYTHON)):
                parts = [*ast.iter_child_nodes(node)]
        return parts

    def _may_be_value(self, value: Any) -> bool:
        return value is UNKNOWN or is_of_student(value) or not isinstance(value, INSIDE)

    def _of_attribute(self, node: ast.Attribute) -> list[ast.AST] | None:
        if self.by_sympy or not isinstance(node.ctx, ast.Load):
            return None
        value, is_of_module = self._value(node), self._is_of_module(node)
        if is_of_module:
            is_number = isinstance(value, int | float | complex)
            is_fine = is_number or only_computes(value) or (self.of_types and _is_type(value))
            return [] if is_fine else None
        if is_of_student(value):
            return [node.value]
        if value is UNKNOWN:
            return [node.value] if node.attr in PARTS else None
        return None if callable(value) or isinstance(value, INSIDE) else [node.value]

    def _of_call(self, node: ast.Call) -> list[ast.AST] | None:
        match node.func:
            case ast.Name(id=name):
                is_fine = self._may_call_by(name)
            case ast.Attribute(value=base) if self._is_of_column(node.func):
                keywords = [one.value for one in node.keywords if one.arg is not None]
                is_plain = len(keywords) == len(node.keywords)
                return [base, *node.args, *keywords] if is_plain else None
            case ast.Attribute():
                is_fine = self._is_of_module(node.func) and only_computes(self._value(node.func))
            case _:
                return None
        arguments = [one for one in node.args if not (self.by_sympy and _is_safe(one))]
        if not is_fine or not self._writes_nothing(node) or any(map(self._is_bad, node.keywords)):
            return None
        return [*arguments, *(one.value for one in node.keywords if one.arg != "key")]

    def _is_of_column(self, node: ast.AST) -> bool:
        """Say whether it is what a column of pandas is asked for, or what that gives."""
        match node:
            case ast.Attribute(value=ast.Call(func=asked), attr=name):
                return name in OF_COLUMNS and self._is_of_column(asked)
            case ast.Attribute(value=base, attr=name):
                kind = type(self._value(base))
                is_column = (
                    kind.__module__.partition(".")[0] == "pandas" and kind.__name__ in COLUMNS
                )
                return name in OF_COLUMNS and is_column and not self.by_sympy
        return False

    def _may_call_by(self, name: str) -> bool:
        is_dunder = name.startswith("__")
        return not is_dunder and name not in self._stored and self.may_call(name)

    def _is_bad(self, keyword: ast.keyword) -> bool:
        """Say whether a keyword is none that is written out, or calls what does not compute."""
        if keyword.arg != "key":
            return keyword.arg is None
        return not (isinstance(keyword.value, ast.Name) and self._may_call_by(keyword.value.id))

    def _writes_nothing(self, node: ast.Call) -> bool:
        """Say whether a function of NumPy's that is called is given no array to write to."""
        function, numpy = self._value(node.func), sys.modules.get("numpy")
        if numpy is None or not isinstance(function, numpy.ufunc):
            return True
        is_unpacked = any(isinstance(one, ast.Starred) for one in node.args)
        keywords = {one.arg for one in node.keywords}
        return not is_unpacked and len(node.args) <= function.nin and keywords <= OF_UFUNCS

    def _value(self, node: ast.AST) -> Any:
        """Return what a name, with attributes, stands for; UNKNOWN where that is not known yet."""
        if isinstance(node, ast.Name) and self.space is not None and node.id not in self._stored:
            value, is_there, _ = self.space.found(node.id)
            return value if is_there else UNKNOWN
        if not isinstance(node, ast.Attribute) or node.attr.startswith("__"):
            return UNKNOWN
        base = self._value(node.value)
        if base is UNKNOWN or is_of_student(base):
            return base  # and asked of it in its own process
        try:
            return getattr(base, node.attr)
        except Exception:  # noqa: BLE001 - whatever an object says of what it has not
            return UNKNOWN

    def _is_of_module(self, node: ast.Attribute) -> bool:
        root: ast.AST = node
        while isinstance(root, ast.Attribute):
            root = root.value
        value = self._value(root)
        return not is_of_student(value) and isinstance(value, ModuleType)

    @property
    def taken(self) -> str:
        """What is wrong with the names that it reads, and those that it binds, or ""."""
        space = self.space
        if space is None:
            return ""
        names = {*_names(self.tree, ast.Load)} - self._stored
        bound = (name for name in sorted(self._stored) if space.is_bound_by_test(name))
        read = (name for name in sorted(names) if not self._may_read(name, space))
        name = next(bound, None) or next(read, None)
        if name is not None:
            return READS.format(name=name)
        space.case.stored.update(self._stored)
        return ""

    def _may_read(self, name: str, space: Space) -> bool:
        value, is_there, is_refused = space.found(name)
        if is_there:
            is_its_own = getattr(value, "__name__", None) == name  # and no other name for it
            return not is_refused or (self.of_types and is_its_own and _is_type(value))
        pythons = getattr(builtins, name, None)
        if self.by_sympy:  # which calls Python's functions where it can
            return pythons is None or isinstance(pythons, type) or self.may_call(name)
        return pythons is None or name in COMPUTING or (self.of_types and _is_type(pythons))


def _names(tree: ast.AST, context: type[ast.expr_context]) -> Iterator[str]:
    """Yield the names that are read or bound, as often as they are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, context):
            yield node.id


def _is_new(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in COPIES
    return isinstance(node, NEW)


def _is_type(value: Any) -> bool:
    known = type(value).__module__ in {"typing", "types"} and not isinstance(value, INSIDE)
    return isinstance(value, type | ForwardRef) or known


def _is_safe(node: ast.expr) -> bool:
    """Say whether an argument is a text that is no program where SymPy writes it into one."""
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and sympy_kinds.NOT_IN_NAMES.isdisjoint(text)


def is_of_printer(text: str, names: Mapping[str, Any]) -> bool:
    """Say whether a function that SymPy has written only computes, by the names that it is given.

    A symbol may have any name, and stands there as it is.
    """
    tree = parsed(text)
    return tree is None or all(_is_printed(node, names) for node in ast.walk(tree))


def _is_printed(node: ast.AST, names: Mapping[str, Any]) -> bool:
    is_fine = isinstance(node, OF_FUNCTIONS)
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name.startswith("__"):
            is_fine = False
        case ast.Constant(value=str() | bytes()):
            is_fine = False
        case ast.arguments():
            is_fine = not node.defaults and not node.kw_defaults
        case ast.FunctionDef():
            is_fine = not node.decorator_list
        case ast.Name(id=name, ctx=ast.Load()):
            is_fine = name in names or name in COMPUTING or not hasattr(builtins, name)
        case ast.Attribute(value=ast.Name(id=base), attr=attribute) if base in names:
            is_fine = names[base] is not builtins or attribute in COMPUTING
        case ast.Call(func=ast.Attribute(value=ast.Name(id=base), attr=attribute)):
            is_fine = base in names or attribute == "dot"
        case ast.Call(func=ast.Attribute(attr=attribute)):
            is_fine = attribute == "dot"
        case ast.Call():
            is_fine = isinstance(node.func, ast.Name)
    return is_fine


@dataclass
class Compiled:
    """What a test has compiled that is not its own: each code with the text or tree it is of."""

    held: list[tuple[CodeType, Source]]

    def source_of(self, code: Any) -> Source | None:
        """Return what a code object was compiled from, None of the test's own."""
        return next((source for one, source in self.held if one is code), None)
