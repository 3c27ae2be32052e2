"""Small changes that numerical code suffers: what a student, tired, writes instead.

Each operator looks at one node and yields what could stand in its place, as text. The general
operators (a sign, a comparison, a constant, a loop that does not run) are cosmic-ray's.
"""

import ast
from collections.abc import Callable, Iterator

Operator = Callable[[ast.AST], Iterator[tuple[ast.AST, str]]]

OTHER_DTYPES = {
    "float64": ("float32",),
    "float32": ("float64", "float16"),
    "float16": ("float32",),
    "bfloat16": ("float16",),
    "int64": ("int32",),
}
EXTREMA = {"max", "min", "maximum", "minimum"}
CONVERSIONS = {"to", "astype", "float", "double", "half"}
EXPONENTIALS = {"exp", "exp2"}
AXES = {"dim", "axis"}

# Comparisons that cosmic-ray turns into another boundary; the remaining neighbour is one step off.
COSMIC_RAY = (
    *(f"ReplaceBinaryOperator_{pair}" for pair in (
        "Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_FloorDiv", "Pow_Mul",
        "BitAnd_BitOr", "BitOr_BitAnd",
    )),
    *(f"ReplaceComparisonOperator_{pair}" for pair in (
        "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_GtE", "LtE_Gt", "Gt_LtE", "GtE_Lt",
        "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is",
    )),
    "ReplaceUnaryOperator_USub_UAdd", "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_Invert", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue",
    "ReplaceAndWithOr", "ReplaceOrWithAnd", "AddNot", "NumberReplacer", "ZeroIterationForLoop",
    "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer",
)  # fmt: skip

Change = tuple[ast.AST, str]


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def _called(node: ast.AST) -> str | None:
    """Return the last name of what a call calls, or None for anything else."""
    if not isinstance(node, ast.Call):
        return None
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return None


def dtype_changed(node: ast.AST) -> Iterator[Change]:
    """Widen or narrow a dtype that is named."""
    match node:
        case ast.Attribute(value=ast.Name(id="torch" | "np" | "tl" as module), attr=name):
            for other in OTHER_DTYPES.get(name, ()):
                yield node, f"{module}.{other}"


def conversion_dropped(node: ast.AST) -> Iterator[Change]:
    """Forget to convert: `x.to(wide)` becomes `x`."""
    match node:
        case ast.Call(func=ast.Attribute(value=receiver, attr=name)) if name in CONVERSIONS:
            yield node, f"({_text(receiver)})"


def extremum_dropped(node: ast.AST) -> Iterator[Change]:
    """Take one of two instead of the larger, or of the smaller."""
    if _called(node) in EXTREMA and isinstance(node, ast.Call) and len(node.args) > 1:
        first, second = node.args[:2]
        if isinstance(second, ast.Constant) and isinstance(node.func, ast.Attribute):
            return  # the second argument of a reduction is an axis
        yield node, _text(first)
        yield node, _text(second)


def operand_dropped(node: ast.AST) -> Iterator[Change]:
    """Leave out a factor, a shift or a rescale: the right side of an operation."""
    match node:
        case ast.BinOp(left=left, op=ast.Sub() | ast.Mult() | ast.Div() | ast.Add()):
            yield node, f"({_text(left)})"
        case ast.BinOp(left=left, right=right, op=ast.BitAnd() | ast.BitOr()):
            yield node, f"({_text(left)})"
            yield node, f"({_text(right)})"


def axis_changed(node: ast.AST) -> Iterator[Change]:
    """Work along another axis."""
    if isinstance(node, ast.keyword) and node.arg in AXES:
        other = "-1" if _text(node.value) != "-1" else "0"
        yield node.value, other


def bound_moved(node: ast.AST) -> Iterator[Change]:
    """Move the bound of a mask or a loop by one, where no other comparison does it."""
    match node:
        case ast.Compare(left=left, ops=[ast.Lt()], comparators=[right]):
            yield node, f"{_text(left)} < {_text(right)} - 1"
        case ast.Compare(left=left, ops=[ast.LtE()], comparators=[right]):
            yield node, f"{_text(left)} <= {_text(right)} + 1"
        case ast.Call(func=ast.Attribute(value=receiver, attr="tril" | "triu" as name)):
            offset = _text(node.args[0]) if node.args else "0"
            yield node, f"{_text(receiver)}.{name}({offset} + 1)"
            yield node, f"{_text(receiver)}.{name}({offset} - 1)"


def choice_fixed(node: ast.AST) -> Iterator[Change]:
    """Take the same side of a `where` whatever it says, or never mask."""
    if not isinstance(node, ast.Call):
        return
    name = _called(node)
    if name == "where" and len(node.args) == 3:  # noqa: PLR2004 - condition and two sides
        yield node, f"({_text(node.args[1])})"
        yield node, f"({_text(node.args[2])})"
    if name == "masked_fill" and isinstance(node.func, ast.Attribute):
        yield node, f"({_text(node.func.value)})"
    if name in {"load", "store"}:
        for keyword in node.keywords:
            if keyword.arg == "mask":
                yield keyword.value, "None"


def epsilon_added(node: ast.AST) -> Iterator[Change]:
    """Make a division safe that should say what happens."""
    match node:
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            yield node, f"({_text(left)} / ({_text(right)} + 1e-6))"


def nan_hidden(node: ast.AST) -> Iterator[Change]:
    """Turn a NaN into a zero on the way out."""
    match node:
        case ast.Assign(value=ast.BinOp(op=ast.Div()) as quotient) if _of_torch(quotient):
            yield quotient, f"torch.nan_to_num({_text(quotient)})"
        case ast.Return(value=ast.Call() | ast.BinOp() as value) if _of_torch(value):
            yield value, f"torch.nan_to_num({_text(value)})"


def _of_torch(node: ast.AST) -> bool:
    """Say whether an expression is more than numbers: kernels have no `nan_to_num`."""
    inside = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
    numbers = {"float", "int", "bool", "tl", "np"}
    return not inside & numbers


def exponent_clamped(node: ast.AST) -> Iterator[Change]:
    """Keep the exponential small by force."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="exp"), args=[x]):
            yield node, f"torch.exp(({_text(x)}).clamp(-10, 10))"
        case ast.Call(func=ast.Attribute(value=receiver, attr="exp"), args=[]):
            yield node, f"{_text(receiver)}.clamp(max=10).exp()"


def statement_skipped(node: ast.AST) -> Iterator[Change]:
    """Leave out a statement that only has an effect, a check, or an update."""
    match node:
        case ast.If(body=[*_, ast.Raise()]) | ast.AugAssign() | ast.Expr(value=ast.Call()):
            yield node, "pass"
        case ast.If(test=test, orelse=[]):
            yield test, "False"


def update_replaced(node: ast.AST) -> Iterator[Change]:
    """Overwrite what should be added to."""
    if isinstance(node, ast.AugAssign):
        yield node, f"{_text(node.target)} = {_text(node.value)}"


def answer_replaced(node: ast.AST) -> Iterator[Change]:
    """Give another letter as the answer to a quiz."""
    match node:
        case ast.Assign(value=ast.Constant(value=str(answer)) as constant) if len(answer) == 1:
            yield constant, repr("abcd"[("abcd".find(answer) + 1) % 4])


NUMERICAL: tuple[Operator, ...] = (
    dtype_changed,
    conversion_dropped,
    extremum_dropped,
    operand_dropped,
    axis_changed,
    bound_moved,
    choice_fixed,
    epsilon_added,
    nan_hidden,
    exponent_clamped,
    statement_skipped,
    update_replaced,
    answer_replaced,
)
