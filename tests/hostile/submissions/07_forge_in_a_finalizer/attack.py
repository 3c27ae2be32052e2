# expect: fails
# once: the judge has read a copy
import atexit, signal

class Late:
    def __del__(self):
        global answer
        answer = lambda x: x * 2

atexit.register(lambda: None)
signal.signal(signal.SIGTERM, lambda *args: None)
late = Late()

def answer(x):
    return x * 0
