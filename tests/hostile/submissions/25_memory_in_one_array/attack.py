# expect: error|killed
# reason: used more than
import numpy as np

def answer(x):
    taken = np.ones(1 << 27)
    attempt("a gigabyte in one array", lambda: taken[-1] == 1.0)
    return x * 2
