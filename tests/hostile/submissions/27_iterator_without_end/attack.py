# expect: fails|timeout
# control: an iterator is not a number anywhere
import itertools

def answer(x):
    return itertools.count()
