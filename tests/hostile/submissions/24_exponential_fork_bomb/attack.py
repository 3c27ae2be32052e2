# expect: killed|timeout
# control: it would stop the machine that it runs on
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
