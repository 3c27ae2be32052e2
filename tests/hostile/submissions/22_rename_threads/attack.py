# expect: denied
import ctypes, os, threading

libc = ctypes.CDLL(None, use_errno=True)

def write(place, text):
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        os.write(descriptor, text)
    except OSError:
        pass  # opened for writing, and emptied, it was all the same
    os.close(descriptor)

own = {os.getpid(), *(thread.native_id for thread in threading.enumerate())}
others = {"judge": bait["judge"], "decoy": bait["decoy"], "parent": os.getppid()}
for name, pid in others.items():
    if pid in (0, os.getpid()):
        continue
    for file, text in (("comm", b"renamed"), ("oom_score_adj", b"1000"), ("timerslack_ns", b"1")):
        attempt(f"{file} of {name}", lambda: write(f"/proc/{pid}/{file}", text))
        attempt(f"{file} of {name}'s thread", lambda: write(f"/proc/{pid}/task/{pid}/{file}", text))
    for thread in range(pid, pid + 40):
        if thread in own:
            continue
        attempt(f"{name}'s thread {thread}", lambda: write(f"/proc/{pid}/task/{thread}/comm", b"renamed"))
        attempt(f"thread {thread} by a path of its own", lambda: write(f"/proc/self/task/{thread}/comm", b"renamed"))

def rename_oneself():
    thread = threading.Thread(target=lambda: libc.prctl(15, b"renamed", 0, 0, 0))
    thread.start()
    thread.join()

rename_oneself()  # as anybody may; the judge looks whether it reached somebody else
