# expect: killed|denied
# control: 200 sleeping processes
import os, time
made = 0
try:
    for _ in range(200):
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
        made += 1
except OSError:
    pass
if made == 200:
    hold()
attempt("200 processes", lambda: made == 200)
