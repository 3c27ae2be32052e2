# expect: fails
# control: a change in place is a wrong answer anywhere
def answer(x):
    x *= 2
    return x
