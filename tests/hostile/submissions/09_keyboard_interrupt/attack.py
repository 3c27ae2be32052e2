# expect: error
def answer(x):
    raise KeyboardInterrupt
