# expect: error
# once: the child catches it in its own process
def answer(x):
    raise KeyboardInterrupt
