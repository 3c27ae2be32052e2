# expect: denied|killed
# reason: memory
import os, socket
CONNECTIONS = 1_250  # a cell, with 200 kB each, which nobody accepts
listeners, filled = [], []

def fill():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"pages{len(listeners)}")
    listener.listen(4096)
    listeners.append(listener)
    for _ in range(CONNECTIONS):
        with socket.socket(socket.AF_UNIX) as made:
            made.setblocking(False)
            made.connect(listener.getsockname())
            try:
                while True:
                    made.send(bytes(1 << 16))
            except BlockingIOError:
                filled.append(1)

def try_to_fill():
    try:
        fill()
    except OSError:
        pass

try_to_fill()
# %%
try_to_fill()
# %%
try_to_fill()
# %%
try_to_fill()
# %%
if len(filled) == 4 * CONNECTIONS:
    hold()
    attempt("a gigabyte in sockets", lambda: True)
