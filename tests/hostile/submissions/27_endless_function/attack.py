# expect: timeout
# once: the judge counts the time of every child alike
def answer(x):
    while True:
        pass
