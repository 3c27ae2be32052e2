# expect: killed|fails
# control: a file of one's own is never mapped by anybody else
import numpy as np, os

def answer(x):
    made = np.memmap("shared", dtype="float64", mode="w+", shape=(1 << 17,))
    os.truncate("shared", 0)
    return made
