# expect: denied|killed
# control: whether it keeps the reader waiting depends on the kernel; see WEAKENED
import os, socket, stat, threading, time

def connection():
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return socket.socket(fileno=os.dup(number))
        except OSError:
            pass

attempt("a byte out of band", lambda: connection().send(b"!", socket.MSG_OOB))

def later():
    time.sleep(0.02)
    attempt("a byte out of band", lambda: connection().send(b"!", socket.MSG_OOB))

def answer(x):
    threading.Thread(target=later, daemon=True).start()
    return x * 2
