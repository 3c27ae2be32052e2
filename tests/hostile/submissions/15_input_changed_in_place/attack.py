# expect: fails
# control: a change in place is a wrong answer anywhere
# once: the judge compares its own copies
def answer(x):
    x *= 2
    return x
