# expect: killed|denied
import threading, time
made = []
try:
    for _ in range(200):
        thread = threading.Thread(target=time.sleep, args=(30,), daemon=True)
        thread.start()
        made.append(thread)
except RuntimeError:
    pass
if len(made) == 200:
    hold()
attempt("200 threads", lambda: len(made) == 200)
