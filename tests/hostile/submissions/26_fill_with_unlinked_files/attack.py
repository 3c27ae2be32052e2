# expect: denied|killed
import os
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
if len(held) == 32:
    hold()
attempt("256 MiB of unlinked files", lambda: len(held) == 32)
