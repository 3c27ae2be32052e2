# expect: denied
import os, socket

KINDS = {"": socket.SOCK_STREAM, "-datagram": socket.SOCK_DGRAM, "-seqpacket": socket.SOCK_SEQPACKET}

def reach(made, how, address):
    made.settimeout(0.5)
    if how == "connect":
        made.connect(address)
        made.send(b"hello")
    elif how == "sendto":
        made.sendto(b"hello", address)
    else:
        made.sendmsg([b"hello"], [], 0, address)

def by_socket(kind, how, address):
    with socket.socket(socket.AF_UNIX, kind) as made:
        reach(made, how, address)

def by_pair(kind, how, address):
    one, other = socket.socketpair(socket.AF_UNIX, kind)
    with one, other:
        reach(one, how, address)
        other.setblocking(False)
        try:
            return not other.recv(8)  # it went no farther than to the other end
        except BlockingIOError:
            return True

def by_closed_pair(kind, how, address):
    one, other = socket.socketpair(socket.AF_UNIX, kind)
    other.close()
    with one:
        reach(one, how, address)

for place in ("unix", "abstract"):
    for name, kind in KINDS.items():
        for how in ("connect", "sendto", "sendmsg"):
            if how != "connect" and name != "-datagram":
                continue
            for way in (by_socket, by_pair, by_closed_pair):
                attempt(f"{place}{name} {how} {way.__name__}", lambda: way(kind, how, bait[place] + name))
for name, kind in KINDS.items():
    for how in ("connect", "sendto", "sendmsg"):
        attempt(f"{name} pair to a datagram socket by {how}", lambda: by_pair(kind, how, bait["unix"] + "-datagram"))

def wait_for_others():
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.bind("note-socket")
        made.listen()

if not os.getcwd().startswith("/scratch"):  # a file system that others share
    attempt("listen by path", wait_for_others)
