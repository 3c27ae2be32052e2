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


class _Commuted(ast.NodeTransformer):
    """a + b becomes b + a, and a * b becomes b * a."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Add | ast.Mult) and not _is_sequence(node):
            node.left, node.right = node.right, node.left
        return node


def _is_sequence(node: ast.BinOp) -> bool:
    kinds = (ast.JoinedStr, ast.List, ast.Tuple)
    return any(
        isinstance(side, kinds) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


class _Mirrored(ast.NodeTransformer):
    """a < b becomes b > a."""

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        mirrored = MIRRORED.get(type(node.ops[0]))
        if len(node.ops) == 1 and mirrored is not None:
            node.left, node.comparators = node.comparators[0], [node.left]
            node.ops = [mirrored()]
        return node


class _Inverted(ast.NodeTransformer):
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


class _ByFunction(ast.NodeTransformer):
    """x.exp() becomes torch.exp(x)."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(value=receiver, attr=name) if name in FUNCTIONS and not _is_module(
                receiver
            ):
                node.func = ast.Attribute(ast.Name("torch", ast.Load()), name, ast.Load())
                node.args = [receiver, *node.args]
        return node


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"torch", "np", "tl", "math", "triton"}


class _Stepwise(ast.NodeTransformer):
    """`return f(x)` becomes `answer = f(x)` and `return answer`."""

    def visit_Return(self, node: ast.Return) -> list[ast.stmt] | ast.AST:
        if node.value is None or isinstance(node.value, ast.Name | ast.Constant):
            return node
        kept = ast.Assign([ast.Name("answer_of_this", ast.Store())], node.value)
        return [kept, ast.Return(ast.Name("answer_of_this", ast.Load()))]


class _Wider(ast.NodeTransformer):
    """promote_types(x, float32) becomes promote_types(x, float64): a wider intermediate."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.func) == "torch.promote_types" and len(node.args) > 1:
            wide = ast.unparse(node.args[1])
            if wide == "torch.float32":
                node.args[1] = ast.parse("torch.float64", mode="eval").body
        return node


class _Interchanged(ast.NodeTransformer):
    """Each of some numbers becomes the next one, and the last one the first."""

    def __init__(self, values: tuple[int, ...]) -> None:
        self._next = dict(zip(values, (*values[1:], values[0]), strict=True))

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is int and node.value in self._next:
            return ast.Constant(self._next[node.value])
        return node


REWRITES: dict[str, type[ast.NodeTransformer]] = {
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
    rewrites: list[tuple[str, ast.NodeTransformer, set[str]]] = [
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


def _apply(tree: ast.Module, transformer: ast.NodeTransformer, names: set[str]) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            body = [transformer.visit(item) for item in node.body]
            node.body = [
                part for item in body for part in (item if isinstance(item, list) else [item])
            ]
    return tree
