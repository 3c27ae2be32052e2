# expect: denied|killed
import os
written = 0
try:
    for number in range(24):
        with open(f"fill{number}", "wb") as file:
            written += file.write(bytes(4 << 20))
except OSError:
    pass
if written == 96 << 20:
    hold()
attempt("96 MiB of files", lambda: written == 96 << 20)
attempt("a file beyond the limit", lambda: os.truncate("fill0", 1 << 30))
