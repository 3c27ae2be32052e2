# expect: killed
# reason: used more than
import os, time
PIECE, MANY = 200 << 20, 6
reader, writer = os.pipe()
for _ in range(MANY):
    if os.fork() == 0:
        try:
            mine = b"x" * PIECE
            os.write(writer, b"!")
            time.sleep(60)
        finally:
            os._exit(0)
os.close(writer)
taken = 0
while taken < MANY and os.read(reader, 1):
    taken += 1
if taken == MANY:
    hold()
attempt("more than a gigabyte in six processes", lambda: taken == MANY)
