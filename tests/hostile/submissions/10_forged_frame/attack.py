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
    connection().sendall(b"\x05\x00\x00\x00hello")
    return x * 2
