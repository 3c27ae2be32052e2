# expect: timeout
import signal, time
for number in range(1, 32):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass

def answer(x):
    while True:
        try:
            time.sleep(1)
        except BaseException:
            pass
