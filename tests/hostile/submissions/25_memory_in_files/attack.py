# expect: denied|killed
import os
written = 0
try:
    os.makedirs("/dev/shm", exist_ok=True)
    for number in range(24):
        with open(f"/dev/shm/bomb{number}", "wb") as file:
            written += file.write(bytes(4 << 20))
except OSError:
    pass
finally:
    for number in range(24):
        try:
            os.unlink(f"/dev/shm/bomb{number}")
        except OSError:
            pass
attempt("96 MiB of /dev/shm", lambda: written == 96 << 20)
held = []
try:
    for number in range(24):
        held.append(os.memfd_create("bomb"))
        os.write(held[-1], bytes(4 << 20))
except OSError:
    pass
attempt("96 MiB of memfd", lambda: len(held) == 24)
