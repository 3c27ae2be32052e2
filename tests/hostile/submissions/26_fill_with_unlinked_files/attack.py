# expect: denied|killed|timeout
import os, time
held = []
try:
    for number in range(32):
        held.append(open(f"gone{number}", "wb"))
        os.unlink(f"gone{number}")
        for _ in range(2):
            held[-1].write(bytes(4 << 20))
            held[-1].flush()
except OSError:
    pass
time.sleep(0.3)
attempt("256 MiB of unlinked files", lambda: len(held) == 32)
