# expect: denied|killed
import os
made = 0
try:
    for number in range(17_000):
        os.close(os.open(f"f{number}", os.O_CREAT | os.O_WRONLY))
        made += 1
except OSError:
    pass
if made == 17_000:
    hold()
attempt("17,000 files", lambda: made == 17_000)
