# expect: denied
import os, resource, signal
victims = {"judge": bait["judge"], "decoy": bait["decoy"], "init": 1, "parent": os.getppid()}
for name, pid in victims.items():
    if pid in (0, os.getpid()):
        continue
    attempt(f"affinity of {name}", lambda: os.sched_setaffinity(pid, {0}))
    attempt(f"limits of {name}", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE))
    attempt(f"signal 0 to {name}", lambda: os.kill(pid, 0))
    attempt(f"priority of {name}", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
attempt("stop the decoy", lambda: os.kill(bait["decoy"], signal.SIGSTOP))
attempt("kill the decoy", lambda: os.kill(bait["decoy"], signal.SIGKILL))
attempt("kill its group", lambda: os.killpg(bait["decoy"], signal.SIGKILL))
