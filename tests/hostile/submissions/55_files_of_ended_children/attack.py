# expect: denied|killed
# reason: files
import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that nobody is told what they wrote
held = []
reader, writer = os.pipe()

def fill():
    for number in range(24):
        held.append(os.open(f"gone{number}", os.O_RDWR | os.O_CREAT))
        os.unlink(f"gone{number}")
        if os.fork() == 0:
            try:
                os.write(held[-1], bytes(8 << 20))
            finally:
                os._exit(0)
    os.close(writer)
    os.read(reader, 1)  # until all of them have ended
    if sum(os.fstat(number).st_size for number in held) <= 160 << 20:
        return False
    hold()

attempt("192 MiB by processes that have ended", fill)
