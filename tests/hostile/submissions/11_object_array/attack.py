# expect: fails
# control: objects do not travel at any level
# once: what may travel is the same at every level
import numpy as np

def answer(x):
    made = np.empty(4, object)
    made[:] = [0.0, 2.0, 4.0, 6.0]
    return made
