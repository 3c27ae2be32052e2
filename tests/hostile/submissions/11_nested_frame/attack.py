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

def answer(x):
    data = b"\x91" * 900_000
    connection().sendall(len(data).to_bytes(4, "little") + data)
    return x * 2
