# expect: denied|killed
# reason: memory
import os, socket
CONNECTIONS = 1_250  # a cell, with 200 kB each, which nobody accepts
listeners, filled = [], []

def listener():
    made = socket.socket(socket.AF_UNIX)
    made.bind(f"pages{len(listeners)}")
    made.listen(4096)
    listeners.append(made)
    return made.getsockname()

def fill():
    address = listener()
    for _ in range(CONNECTIONS):
        with socket.socket(socket.AF_UNIX) as made:
            made.setblocking(False)
            try:
                made.connect(address)
            except BlockingIOError:  # as many wait there as this machine lets wait
                address = listener()
                made.connect(address)
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
