# expect: error|killed|timeout
# once: the judge counts the time of every child alike
import sys
sys.setrecursionlimit(10 ** 8)

def answer(x):
    return answer(x)
