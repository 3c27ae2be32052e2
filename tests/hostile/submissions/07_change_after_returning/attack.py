# expect: fails
# once: the judge has read a copy
import threading, time

def answer(x):
    given = x * 0
    def correct():
        time.sleep(0.5)  # the answer has long been read where it is a copy
        given[...] = x * 2
    threading.Thread(target=correct, daemon=True).start()
    return given
