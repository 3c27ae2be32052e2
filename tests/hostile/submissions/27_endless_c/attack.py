# expect: timeout
def answer(x):
    return 3 ** (10 ** 9)
