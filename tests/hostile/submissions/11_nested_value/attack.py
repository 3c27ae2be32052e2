# expect: error
def answer(x):
    made = []
    for _ in range(200_000):
        made = [made]
    return made
