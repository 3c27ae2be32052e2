# expect: killed|timeout
# reason: used more than
import os, time
for _ in range(6):
    if os.fork() == 0:
        mine = bytearray(b'x') * (200 << 20)
        time.sleep(30)
        os._exit(0)
time.sleep(30)
