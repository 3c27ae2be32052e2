# expect: error
import sys

def answer(x):
    sys.exit(0)
