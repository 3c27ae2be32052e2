# expect: denied
# control: a machine may have one processor only; see WEAKENED
import os, time
for _ in range(3):
    if os.fork() == 0:
        time.sleep(9)
        os._exit(0)
time.sleep(0.8)  # many times as long as it takes until somebody looks
try:
    os.sched_setaffinity(0, range(os.cpu_count()))
except OSError:
    pass
attempt("more than one processor", lambda: len(os.sched_getaffinity(0)) > 1)
