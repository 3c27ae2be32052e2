# expect: timeout
# once: the judge counts the time of every child alike
def answer(x):
    return 3 ** (10 ** 9)
