# expect: denied
# control: a machine may have one processor only
import os
try:
    os.sched_setaffinity(0, range(os.cpu_count()))
except OSError:
    pass
attempt("more than one processor", lambda: len(os.sched_getaffinity(0)) > 1)
