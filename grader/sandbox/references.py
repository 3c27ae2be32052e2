"""What a test may do with an object that stayed in a student's process, while a case asks for it.

Everything is done there, by the student's own code, and what comes of it arrives by value or as
another reference. So it is a claim, and these rules keep it from deciding more than it may:

- a reference never equals a plain value, and no plain value is sent to find that out;
- no ordering and no difference between a reference and a plain value is asked: it would hand over
  what a test expects, and believe the answer;
- what another operation with a plain value gives counts only as a reference, and as true only of a
  class that the test itself makes objects of;
- that a plain value is in a reference is noted for staff;
- what would be a number that a class of the student's chose (float, int, abs, round, what an
  operation with a plain value gives) is asked only of a class that the test itself makes objects
  of, and noted for staff, or of a known library's; an array only of the latter;
- what two references say of each other is asked, and noted for staff;
- where an object's class derives from a plain one (a list, a tuple, a number), what it holds is
  such a value: it arrives, and is compared here, whatever its class says.

What is not asked is refused: noted, so that the case is neither passed nor lost.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from . import libraries
from .asking import (
    AskedObject,
    ask,
    here,
    is_asked_by_ours,
    is_reference,
    live_case,
    own,
    refuse,
    session_of,
    type_name_of,
)
from .classes import (
    base_of,
    class_of,
    held_by,
    is_class,
    library_class_of,
    module_of,
    plain,
)
from .inside.references import OPERATIONS
from .kinds import isinstance_of, issubclass_of
from .wire.nodes import Opaque

ONE_BY_ONE = 64  # items of an iterator before they are taken by more than one
AT_ONCE = 256
MAX_ITEMS = 1_000_000
SOURCES = frozenset({"findsource", "getfile", "getmodule", "getsourcefile"})
COROUTINE = "coroutine"
SAME = "compare what its attributes or methods give"
HASHED = frozenset({bool, int, float, complex, str, bytes, tuple, frozenset})
# Attributes between underscores that say something of an object, and do nothing.
SAID = frozenset({
    "__abstractmethods__", "__all__", "__annotations__", "__base__", "__bases__", "__cause__",
    "__closure__", "__code__", "__context__", "__dataclass_fields__", "__dataclass_params__",
    "__defaults__", "__dict__", "__doc__", "__file__", "__func__", "__init__",
    "__isabstractmethod__", "__kwdefaults__", "__match_args__", "__members__", "__module__",
    "__mro__", "__name__", "__qualname__", "__self__", "__slots__", "__subclasses__",
    "__version__", "__wrapped__",
})  # fmt: skip

# What `typing.get_type_hints` looks for beside the annotations themselves.
OF_HINTS: dict[str, Any] = {"__no_type_check__": None, "__globals__": {}, "__type_params__": ()}

# What libraries look for before `__array__`, which has a rule.
ABSENT = frozenset({
    "__array_interface__", "__array_priority__", "__array_struct__", "__cuda_array_interface__",
    "__dlpack__", "__dlpack_device__",
})  # fmt: skip


def _is_asked_by_typing() -> bool:
    return sys._getframe(2).f_globals.get("__name__") == "typing"  # noqa: SLF001


def _exactly(reference: Any, kind: type, operation: str, *args: Any) -> Any:
    """Return what an operation gives, which Python wants to be of one class."""
    value = ask(reference, operation, *args)
    if type(value) is not kind:
        refuse(reference, f"`{operation}`, whose answer is no {kind.__name__},")
    return value


def _only_a_reference(reference: Any, operation: str, *args: Any) -> Any:
    """Return what an operation gives, if no number that the student's class chose."""
    value = ask(reference, operation, *args)
    if is_reference(value):
        if args and not libraries.is_known(module_of(value)):
            object.__setattr__(value, "_made_of", reference)
        return value
    if base_of(reference) is not None:
        return _on_what_it_holds(reference, operation, *args)
    if libraries.is_known(module_of(reference)):
        return value
    if _is_of_the_tests_making(reference):
        here(reference).note_claim(f"`{operation}`")
        return value
    return refuse(reference, f"`{operation}`, which gives a plain value,")


def _is_of_the_tests_making(reference: Any) -> bool:
    """Say whether an object is of a class that the test has called, as the child claims."""
    kind = class_of(reference)
    return is_reference(kind) and here(reference).has_called(kind)


def _on_what_it_holds(reference: Any, operation: str, *args: Any) -> Any:
    """Do something here with the plain value that an object holds."""
    return OPERATIONS[operation](held_by(reference), *args)


def _number(reference: Any, operation: str, *args: Any) -> Any:
    """Return the number that an object stands for, where its class may say so."""
    if base_of(reference) is None and _is_of_the_tests_making(reference):
        here(reference).note_claim(f"`{operation}`")
        return ask(reference, operation, *args)
    return _of_a_library(reference, operation, *args)


def _of_a_library(reference: Any, operation: str, *args: Any) -> Any:
    """Return what an object of a known library's class stands for, or what it holds."""
    if base_of(reference) is not None:
        return _on_what_it_holds(reference, operation, *args)
    if not libraries.is_known(module_of(reference)):
        refuse(reference, f"`{operation}`")
    return ask(reference, operation, *args)


def _binary(name: str, *, swapped: bool = False, in_place: bool = False) -> Callable[..., Any]:
    operation = f"{'r' if swapped else 'i' if in_place else ''}{name}"
    is_difference = name == "sub"

    def operate(self: Any, other: Any) -> Any:
        if is_reference(other):
            here(self).note_claim(f"`{name}`")
            return ask(self, operation, other)
        if is_difference and base_of(self) is not None:
            return _on_what_it_holds(self, operation, other)
        if is_difference:
            refuse(self, "A difference to a plain value")
        return _only_a_reference(self, operation, other)

    return operate


def _ordering(name: str) -> Callable[..., Any]:
    def compare(self: Any, other: Any) -> Any:
        if not is_reference(other):
            if base_of(self) is not None:
                return _on_what_it_holds(self, name, other)
            refuse(self, "A comparison with a plain value")
        here(self).note_claim(f"`{name}`")
        return ask(self, name, other)

    return compare


def _by_a_library(name: str) -> Callable[..., Any]:
    return lambda self, *args: _of_a_library(self, name, *args)


def _as_number(name: str) -> Callable[..., Any]:
    return lambda self, *args: _number(self, name, *args)


def _by_waiting(reference: Any) -> Any:
    """Wait for what an object gives, in its own process, where nobody else waits meanwhile."""
    return ask(reference, "await")
    yield  # it is an iterator


def _never(what: str) -> Callable[..., Any]:
    return lambda self, *_args, **_kwargs: refuse(self, what)


class Reference(AskedObject):
    """An object of the student's process, with which a test may do nearly what it likes."""

    __slots__ = ("_ahead", "_base", "_class", "_made_of", "_taken")

    def __init__(self, session: Any, node: Opaque, label: str = "") -> None:
        own = {
            "_session": session, "_key": node.key, "_type_name": node.type_name[:100],
            "_label": label, "_base": node.base[:100],
            "_ahead": [],  # items that were taken, and not asked for yet
            "_taken": 0,
            "_class": None,
            "_made_of": None,  # the object, of which with a value of the test's its class made it
        }  # fmt: skip
        for name, value in own.items():
            object.__setattr__(self, name, value)

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return _class_of(self)
        if name == "__signature__" or (name in OF_HINTS and _is_asked_by_typing()):
            return signature_of(self) if name == "__signature__" else OF_HINTS[name]
        is_special = name.startswith("__") and name.endswith("__")
        derives = name == "__mro_entries__"
        if is_special and name not in SAID and (derives or not is_class(self)):
            if name in RULES:
                if name in PROTOCOL and ask(self, "hasattr", name) is not True:
                    raise AttributeError(f"{type_name_of(self)!r} object has no attribute {name!r}")
                return own(self, name)
            if name in ABSENT:
                raise AttributeError(name)
            refuse(self, f"`{name}`")
        if not is_special and is_asked_by_ours(1):
            return own(self, name)
        return here(self).attribute(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        ask(self, "setattr", name, value)

    def __delattr__(self, name: str) -> None:
        ask(self, "delattr", name)

    def __dir__(self) -> Any:
        return ask(self, "dir")

    def __repr__(self) -> str:
        live = live_case(self)
        if live is None or live.is_over:
            return f"<an object of type {type_name_of(self)}>"
        text: str = _exactly(self, str, "repr")
        return text

    def __str__(self) -> str:
        live = live_case(self)
        if live is None or live.is_over:
            return f"<an object of type {type_name_of(self)}>"
        text: str = _exactly(self, str, "str")
        return text

    def __format__(self, how: str) -> str:
        text: str = _exactly(self, str, "format", how)
        return text

    def __bool__(self) -> bool:
        made_of = own(self, "_made_of")  # of a difference it says whether the two are equal
        if made_of is not None and not _is_of_the_tests_making(made_of):
            refuse(self, "Whether what it gives with a plain value is true", SAME)
        answer: bool = _exactly(self, bool, "bool")
        return answer

    def __len__(self) -> int:
        answer: int = _exactly(self, int, "len")
        return answer

    def __hash__(self) -> int:
        if base_of(self) in HASHED:
            return hash(held_by(self))
        answer: int = _exactly(self, int, "hash")
        return answer

    def __eq__(self, other: object) -> Any:
        return _equal(self, other)

    def __ne__(self, other: object) -> Any:
        if is_reference(other) and base_of(self) is None:
            here(self).note_claim("`ne`")
            return ask(self, "ne", other)
        answer = _equal(self, other)
        return not answer if type(answer) is bool else ~answer

    def __iter__(self) -> Iterator[Any]:
        items = ask(self, "iter")
        return items if is_reference(items) else iter(items)

    def __reversed__(self) -> Iterator[Any]:
        items = ask(self, "reversed")
        return items if is_reference(items) else iter(items)

    def __next__(self) -> Any:
        return _next_of(self)

    def __contains__(self, item: Any) -> bool:
        answer: bool = _exactly(self, bool, "contains", item)
        if answer and not is_reference(item):
            base = base_of(self)
            if base is not None and not _on_what_it_holds(self, "contains", item):
                refuse(self, "`in`, of what it does not hold", SAME)
            if base is None and not libraries.is_known(module_of(self)):
                here(self).note_claim("`in`")
        return answer

    def __getitem__(self, key: Any) -> Any:
        return ask(self, "getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        ask(self, "setitem", key, value)

    def __delitem__(self, key: Any) -> None:
        ask(self, "delitem", key)

    def __enter__(self) -> Any:
        return ask(self, "enter")

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        return here(self).leave(self, error)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance_of(value, self)

    def __subclasscheck__(self, kind: Any) -> bool:
        return issubclass_of(kind, self)

    def __copy__(self) -> Any:
        return ask(self, "copy")

    def __deepcopy__(self, _memo: Any) -> Any:
        return ask(self, "deepcopy")

    def __array__(self, *_args: Any, **_kwargs: Any) -> Any:
        return _of_a_library(self, "array")

    def __array_ufunc__(self, function: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(function, method)(*map(plain, args), **kwargs)

    def __array_function__(
        self, function: Any, _kinds: Any, args: Any, kwargs: dict[str, Any]
    ) -> Any:
        return function(*map(plain, args), **{key: plain(one) for key, one in kwargs.items()})

    @classmethod
    def __torch_function__(
        cls, function: Any, _kinds: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        named = {key: plain(one) for key, one in (kwargs or {}).items()}
        return function(*map(plain, args), **named)

    __lt__, __le__ = _ordering("lt"), _ordering("le")
    __gt__, __ge__ = _ordering("gt"), _ordering("ge")
    __add__, __radd__, __iadd__ = (
        _binary("add"), _binary("add", swapped=True), _binary("add", in_place=True)
    )  # fmt: skip
    __sub__, __rsub__, __isub__ = (
        _binary("sub"), _binary("sub", swapped=True), _binary("sub", in_place=True)
    )  # fmt: skip
    __mul__, __rmul__, __imul__ = (
        _binary("mul"), _binary("mul", swapped=True), _binary("mul", in_place=True)
    )  # fmt: skip
    __matmul__, __rmatmul__, __imatmul__ = (
        _binary("matmul"), _binary("matmul", swapped=True), _binary("matmul", in_place=True)
    )  # fmt: skip
    __truediv__, __rtruediv__, __itruediv__ = (
        _binary("truediv"), _binary("truediv", swapped=True), _binary("truediv", in_place=True)
    )  # fmt: skip
    __floordiv__, __rfloordiv__, __ifloordiv__ = (
        _binary("floordiv"), _binary("floordiv", swapped=True), _binary("floordiv", in_place=True)
    )  # fmt: skip
    __mod__, __rmod__, __imod__ = (
        _binary("mod"), _binary("mod", swapped=True), _binary("mod", in_place=True)
    )  # fmt: skip
    __pow__, __rpow__, __ipow__ = (
        _binary("pow"), _binary("pow", swapped=True), _binary("pow", in_place=True)
    )  # fmt: skip
    __lshift__, __rlshift__, __ilshift__ = (
        _binary("lshift"), _binary("lshift", swapped=True), _binary("lshift", in_place=True)
    )  # fmt: skip
    __rshift__, __rrshift__, __irshift__ = (
        _binary("rshift"), _binary("rshift", swapped=True), _binary("rshift", in_place=True)
    )  # fmt: skip
    __and__, __rand__, __iand__ = (
        _binary("and"), _binary("and", swapped=True), _binary("and", in_place=True)
    )  # fmt: skip
    __or__, __ror__, __ior__ = (
        _binary("or"), _binary("or", swapped=True), _binary("or", in_place=True)
    )  # fmt: skip
    __xor__, __rxor__, __ixor__ = (
        _binary("xor"), _binary("xor", swapped=True), _binary("xor", in_place=True)
    )  # fmt: skip
    __divmod__, __rdivmod__ = _binary("divmod"), _binary("divmod", swapped=True)
    __neg__ = lambda self: _only_a_reference(self, "neg")  # noqa: E731
    __pos__ = lambda self: _only_a_reference(self, "pos")  # noqa: E731
    __invert__ = lambda self: _only_a_reference(self, "invert")  # noqa: E731
    __abs__ = lambda self: _only_a_reference(self, "abs")  # noqa: E731
    __round__ = lambda self, *digits: _only_a_reference(self, "round", *digits)  # noqa: E731
    __complex__ = _as_number("complex")
    __float__, __int__, __index__ = _as_number("float"), _as_number("int"), _as_number("index")
    __trunc__, __floor__, __ceil__ = _as_number("trunc"), _as_number("floor"), _as_number("ceil")
    __bytes__, __fspath__ = _by_a_library("bytes"), _never("A path")
    __mro_entries__ = _never("A class that derives from the student's")
    __reduce__, __reduce_ex__ = _never("Pickling"), _never("Pickling")
    __await__ = _by_waiting
    __aiter__, __anext__ = _never("await"), _never("await")
    __sizeof__, __getstate__ = _never("Its size"), _never("Pickling")


class CallableReference(Reference):
    """A function or class of the student's process, or another object that can be called."""

    __slots__ = ()
    # Else a mock that stands for a function would be one that is awaited.
    __await__ = None  # type: ignore[assignment]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if is_class(self):
            here(self).note_called(self)
        return ask(self, "call", *args, **kwargs)


RULES = frozenset(
    name for kind in (Reference, CallableReference) for name in vars(kind) if name.startswith("__")
) - {"__doc__", "__module__", "__slots__", "__init__"}


# What a library looks for to see what can be done with an object.
PROTOCOL = RULES - set(dir(object)) - {
    "__array__", "__array_function__", "__array_ufunc__", "__copy__", "__deepcopy__",
    "__instancecheck__", "__mro_entries__", "__subclasscheck__", "__torch_function__",
}  # fmt: skip


def _equal(reference: Any, other: Any) -> Any:
    if is_reference(other):
        if session_of(other) is not session_of(reference):
            return False
        if base_of(reference) is not None and base_of(other) is not None:
            return _equal_in_what_they_hold(reference, other)
        if not (is_class(reference) and is_class(other)):
            here(reference).note_claim("`eq`")
        return ask(reference, "eq", other)
    if base_of(reference) is not None:
        return held_by(reference) == other
    # Nothing is told by a class that a library has, and the student's `__eq__` is not asked.
    if isinstance(other, type) and is_class(reference) and libraries.public_name(other):
        return ask(reference, "is", other) is True
    return False


def _equal_in_what_they_hold(reference: Any, other: Any) -> Any:
    answer = held_by(reference) == held_by(other)
    if answer is False and ask(reference, "eq", other) is True:
        refuse(reference, "Whether it equals another that holds something else", SAME)
    return answer


def _next_of(reference: Any) -> Any:
    """Return the next item of an iterator; the first ones are taken singly, as by `next` itself."""
    ahead = own(reference, "_ahead")
    if type_name_of(reference) == COROUTINE:  # which asyncio asks for what it waits for
        raise StopIteration(ask(reference, "await"))
    if not ahead:
        taken = own(reference, "_taken")
        if taken > MAX_ITEMS:
            session_of(reference).break_off(f"an iterable gave more than {MAX_ITEMS:,} items")
        count = 1 if taken < ONE_BY_ONE else AT_ONCE
        found = here(reference).take(reference, count)
        object.__setattr__(reference, "_taken", taken + len(found))
        ahead.extend(reversed(found))
    if not ahead:
        raise StopIteration
    return ahead.pop()


def _class_of(reference: Any) -> Any:
    """Return the class of an object: a known library's own, else a reference to the student's.

    Our own modules see what a reference really is: it is no question to a student's process.
    """
    live = live_case(reference)
    frame = sys._getframe(2)  # noqa: SLF001 - who asks decides
    caller = str(frame.f_globals.get("__name__", ""))
    if live is None or live.is_over or caller.partition(".")[0] == "grader":
        return type(reference)
    if caller == "inspect" and frame.f_back and frame.f_back.f_code.co_name in SOURCES:
        refuse(reference, "Its source", "compare what it does")
    found = own(reference, "_class")
    if found is None:
        found = library_class_of(reference)
        if found is None and libraries.is_known(module_of(reference)):
            return class_of(reference)  # of a library that the judge may import before long
        found = found or class_of(reference)
        object.__setattr__(reference, "_class", found)
    return found


def signature_of(reference: Any) -> Any:
    """Return the signature of a function, as its process says."""
    import inspect

    nothing = inspect.Parameter.empty
    given, has_return, returned = ask(reference, "signature")
    parameters = [
        inspect.Parameter(
            str(name),
            list(inspect._ParameterKind)[kind],  # noqa: SLF001
            default=default if has_default else nothing,
            annotation=annotation if has_annotation else nothing,
        )
        for name, kind, has_default, default, has_annotation, annotation in given
    ]
    return inspect.Signature(parameters, return_annotation=returned if has_return else nothing)
