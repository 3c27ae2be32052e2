# expect: error
# once: what may travel is the same at every level
def answer(x):
    made = []
    for _ in range(200_000):
        made = [made]
    return made
