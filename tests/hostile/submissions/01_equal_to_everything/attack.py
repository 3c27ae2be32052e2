# expect: fails
# input: float
# once: the judge compares what it has read of the bytes
# A float, a str and a dict that claim to equal anything.
class Yes(float):
    __eq__ = lambda self, other: True
    __ne__ = __lt__ = __gt__ = lambda self, other: False
    __sub__ = __rsub__ = lambda self, other: Yes(0.0)
    __abs__ = lambda self: self
    __le__ = __ge__ = lambda self, other: True
    __array_ufunc__ = lambda self, *args, **keywords: Yes(0.0)
    __array_function__ = lambda self, *args, **keywords: True
    __hash__ = float.__hash__

def answer(x):
    return Yes(7.0)
