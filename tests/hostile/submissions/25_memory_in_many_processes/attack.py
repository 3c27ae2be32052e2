# expect: killed
# reason: used more than
import os, time
PIECE = 200 << 20
reader, writer = os.pipe()
for _ in range(6):
    if os.fork() == 0:
        mine = b"x" * PIECE
        os.write(writer, b"!")
        time.sleep(60)
        os._exit(0)
taken = sum(len(os.read(reader, 1)) for _ in range(6)) * PIECE
hold()
attempt("more than a gigabyte in six processes", lambda: taken > 1 << 30)
