"""Rewrite a reference without changing what it does: each result must keep full marks.

Where mutants ask whether tests notice what is wrong, these ask whether they leave alone what is
only different: the order of operands, the side of a comparison, functions for methods, the form of
a branch, the size of a tile, a wider format for what may be wide.
"""

import ast
from collections.abc import Callable

from grader.model import Assignment

from .agreement import reference_text
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


class _OtherTiles(ast.NodeTransformer):
    """Tiles of 32 for tiles of 64, and the other way round, in what chooses them."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        other = {"32": 64, "64": 32}.get(repr(node.value))
        return ast.Constant(other) if other is not None else node


Rewrite = Callable[[], ast.NodeTransformer]
REWRITES: dict[str, tuple[Rewrite, str]] = {
    "operands in the other order": (_Commuted, "*"),
    "comparisons from the other side": (_Mirrored, "*"),
    "branches the other way round": (_Inverted, "*"),
    "functions for methods": (_ByFunction, "*"),
    "one more step before each return": (_Stepwise, "*"),
    "wider intermediates": (_Wider, "*"),
    "tiles of another size": (_OtherTiles, "_tile_sizes"),
}


def rewritten(assignment: Assignment) -> dict[str, str]:
    """Return the source of every rewrite that changes the reference, by what it does."""
    source = reference_text(assignment)
    tree = ast.parse(source)
    plain = ast.unparse(tree)
    reached = {unit.name for unit in units_of(assignment, source)}
    found = {}
    for name, (make, where) in REWRITES.items():
        changed = _apply(ast.parse(source), make(), reached if where == "*" else {where})
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
