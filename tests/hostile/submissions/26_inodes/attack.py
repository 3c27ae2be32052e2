# expect: denied|killed|timeout
import os, time
made = 0
try:
    for number in range(20_000):
        os.close(os.open(f"f{number}", os.O_CREAT | os.O_WRONLY))
        made += 1
except OSError:
    pass
time.sleep(0.3)
attempt("20,000 files", lambda: made == 20_000)
