# expect: denied
# control: a machine may have one processor only; see WEAKENED
import os, time
for _ in range(3):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
end = time.monotonic() + patience
while len(os.sched_getaffinity(0)) > 1 and time.monotonic() < end:
    time.sleep(0.01)
try:
    os.sched_setaffinity(0, range(os.cpu_count()))
except OSError:
    pass
attempt("more than one processor", lambda: len(os.sched_getaffinity(0)) > 1)
