# expect: error|killed|timeout
import sys
sys.setrecursionlimit(10 ** 8)

def answer(x):
    return answer(x)
