# expect: fails
import numpy as np

class Right(np.ndarray):
    def __array_function__(self, function, types, args, keywords):
        return True
    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        return np.bool_(True)
    def __eq__(self, other):
        return np.ones(self.shape, bool)

def answer(x):
    return np.zeros_like(x).view(Right)
