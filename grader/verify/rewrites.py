"""Rewrite a reference without changing what it does: each result must keep full marks.

Where mutants ask whether tests notice what is wrong, these ask whether they leave alone what is
only different: the order of operands, the side of a comparison, functions for methods, the form of
a branch, a wider format for what may be wide, and numbers that staff say are interchangeable.
"""

import ast

from grader.model import Assignment

from .agreement import reference_text
from .allowances import Allowances
from .mutants import units_of

MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.GtE,
    ast.GtE: ast.LtE,
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
}
# Methods that torch has under the same name as functions of the tensor.
FUNCTIONS = {"sum", "exp", "isinf", "isnan", "amax", "isfinite", "masked_fill", "tril"}


# What a name holds is known only while it runs. Each is a call, so that a side is computed once.
SWAPPED_SUM = "(lambda a, b: a + b if isinstance(a, (str, bytes, list, tuple)) else b + a)"
BY_FUNCTION = (
    "(lambda x, *a, **k: __import__('torch').{name}(x, *a, **k)"
    " if type(x).__module__.partition('.')[0] == 'torch' else x.{name}(*a, **k))"
)


class _Rewrite(ast.NodeTransformer):
    """One way to write the same; `in_kernel` where what is called is compiled, and never a list."""

    in_kernel = False


class _Commuted(_Rewrite):
    """a + b becomes b + a, and a * b becomes b * a; texts and lists stay in order."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Add) and not self.in_kernel:
            return ast.Call(_expression(SWAPPED_SUM), [node.left, node.right], [])
        if isinstance(node.op, ast.Add | ast.Mult):
            node.left, node.right = node.right, node.left
        return node


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


class _Mirrored(_Rewrite):
    """a < b becomes b > a."""

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        mirrored = MIRRORED.get(type(node.ops[0]))
        if len(node.ops) == 1 and mirrored is not None:
            node.left, node.comparators = node.comparators[0], [node.left]
            node.ops = [mirrored()]
        return node


class _Inverted(_Rewrite):
    """`if c: A else: B` becomes `if not c: B else: A`."""

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if node.orelse:
            node.test = ast.UnaryOp(ast.Not(), node.test)
            node.body, node.orelse = node.orelse, node.body
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        node.test = ast.UnaryOp(ast.Not(), node.test)
        node.body, node.orelse = node.orelse, node.body
        return node


class _ByFunction(_Rewrite):
    """x.exp() becomes torch.exp(x) where x is a tensor."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(value=receiver, attr=name) if (
                name in FUNCTIONS and not self.in_kernel and not _is_module(receiver)
            ):
                node.func = _expression(BY_FUNCTION.format(name=name))
                node.args = [receiver, *node.args]
        return node


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"torch", "np", "tl", "math", "triton"}


class _Stepwise(_Rewrite):
    """`return f(x)` becomes `answer = f(x)` and `return answer`."""

    def visit_Return(self, node: ast.Return) -> list[ast.stmt] | ast.AST:
        if node.value is None or isinstance(node.value, ast.Name | ast.Constant):
            return node
        kept = ast.Assign([ast.Name("answer_of_this", ast.Store())], node.value)
        return [kept, ast.Return(ast.Name("answer_of_this", ast.Load()))]


class _Wider(_Rewrite):
    """promote_types(x, float32) becomes promote_types(x, float64): a wider intermediate."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.func) == "torch.promote_types" and len(node.args) > 1:
            wide = ast.unparse(node.args[1])
            if wide == "torch.float32":
                node.args[1] = ast.parse("torch.float64", mode="eval").body
        return node


class _Interchanged(_Rewrite):
    """Each of some numbers becomes the next one, and the last one the first."""

    def __init__(self, values: tuple[int, ...]) -> None:
        self._next = dict(zip(values, (*values[1:], values[0]), strict=True))

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is int and node.value in self._next:
            return ast.Constant(self._next[node.value])
        return node


REWRITES: dict[str, type[_Rewrite]] = {
    "operands in the other order": _Commuted,
    "comparisons from the other side": _Mirrored,
    "branches the other way round": _Inverted,
    "functions for methods": _ByFunction,
    "one more step before each return": _Stepwise,
    "wider intermediates": _Wider,
}


def rewritten(assignment: Assignment, allowed: Allowances) -> dict[str, str]:
    """Return the source of every rewrite that changes the reference, by what it does.

    Beside the rewrites that fit any reference there is one for each `[[interchangeable]]` of its
    verify.toml.
    """
    source = reference_text(assignment)
    tree = ast.parse(source)
    plain = ast.unparse(tree)
    reached = {unit.name for unit in units_of(assignment, source)}
    rewrites: list[tuple[str, _Rewrite, set[str]]] = [
        (name, make(), reached) for name, make in REWRITES.items()
    ]
    rewrites += [
        (f"other numbers in {item.function}", _Interchanged(item.values), {item.function})
        for item in allowed.interchangeable
    ]
    found = {}
    for name, transformer, functions in rewrites:
        changed = _apply(ast.parse(source), transformer, functions)
        text = ast.unparse(ast.fix_missing_locations(changed))
        if text != plain:
            found[name] = text
    return found


def _apply(tree: ast.Module, transformer: _Rewrite, names: set[str]) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            decorators = map(ast.unparse, node.decorator_list)
            transformer.in_kernel = any("jit" in decorator for decorator in decorators)
            body = [transformer.visit(item) for item in node.body]
            node.body = [
                part for item in body for part in (item if isinstance(item, list) else [item])
            ]
    return tree
