# expect: fails
# control: an iterator is not a number anywhere
# once: the judge compares what it has read of the bytes
import itertools

def answer(x):
    return itertools.count()
