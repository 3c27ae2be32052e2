# expect: fails|timeout
import itertools

def answer(x):
    return itertools.count()
