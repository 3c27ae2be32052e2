# expect: killed
# reason: broke the protocol
# once: the judge reads frames alike from every child
import os, socket, stat

def connection():
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return socket.socket(fileno=os.dup(number))
        except OSError:
            pass

import pickle

class Run:
    def __reduce__(self):
        return os.system, ("touch /tmp/was_unpickled",)

def answer(x):
    data = pickle.dumps(Run())
    connection().sendall(len(data).to_bytes(4, "little") + data)
    return x * 2
