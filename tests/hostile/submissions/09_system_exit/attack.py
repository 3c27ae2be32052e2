# expect: error
# once: the child catches it in its own process
import sys

def answer(x):
    sys.exit(0)
