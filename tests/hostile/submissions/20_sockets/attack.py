# expect: denied
import os, socket

def connect(family, kind, address):
    with socket.socket(family, kind) as made:
        made.settimeout(0.5)
        made.connect(address)
        made.send(b"hello")

attempt("tcp", lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", bait["tcp"])))
attempt("udp", lambda: connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", bait["udp"])))
attempt("ipv6", lambda: connect(socket.AF_INET6, socket.SOCK_DGRAM, ("::1", bait["udp"])))
attempt("unix", lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, bait["unix"]))
attempt("abstract", lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, bait["abstract"]))
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close())
attempt("alg", lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0).close())
attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM, 0).close())
attempt("listen", lambda: socket.create_server(("127.0.0.1", 0)).close())
attempt("dns", lambda: socket.gethostbyname("example.org"))
for docker in ("/var/run/docker.sock", "/run/docker.sock"):
    attempt(docker, lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, docker))
