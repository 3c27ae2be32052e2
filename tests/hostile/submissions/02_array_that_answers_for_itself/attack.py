# expect: fails
# once: the judge compares what it has read of the bytes
import numpy as np

class Right(np.ndarray):
    def __array_function__(self, function, types, args, keywords):
        return True

def answer(x):
    return np.zeros_like(x).view(Right)
