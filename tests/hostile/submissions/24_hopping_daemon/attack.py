# expect: denied|killed
# control: whatever is below a worker is ended with the child, at every level
import os
if os.fork() == 0:
    os.setsid()
    while True:
        try:
            if os.fork():
                os._exit(0)
        except OSError:
            pass
