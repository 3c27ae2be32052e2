# expect: error|killed
# reason: used more than
import numpy as np

def answer(x):
    taken = np.ones(1 << 27)
    return x * 2
