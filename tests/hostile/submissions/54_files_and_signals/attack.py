# expect: denied
import ctypes, fcntl, os, platform, signal, socket, struct
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"
F_SETSIG, F_SETOWN_EX, FIOSETOWN, SIOCSPGRP = 10, 15, 0x8901, 0x8902
about = (ctypes.c_int * 32)(signal.SIGKILL, 0, -1, 0, os.getpid(), os.getuid())
decoy, own = bait["decoy"], open("own", "w")
folder = os.open(".", os.O_RDONLY)
reader, writer = os.pipe()
one, other = socket.socketpair()

def queue(x86, aarch64, *whom):
    return libc.syscall(aarch64 if arm else x86, *whom, signal.SIGKILL, about) == 0

attempt("rt_sigqueueinfo", lambda: queue(129, 138, decoy))
attempt("rt_tgsigqueueinfo", lambda: queue(297, 240, decoy, decoy))
attempt("F_SETOWN", lambda: fcntl.fcntl(reader, fcntl.F_SETOWN, decoy))
attempt("F_SETOWN_EX", lambda: fcntl.fcntl(reader, F_SETOWN_EX, struct.pack("ii", 1, decoy)))
attempt("F_SETSIG", lambda: fcntl.fcntl(reader, F_SETSIG, signal.SIGURG))
attempt("FIOSETOWN", lambda: fcntl.ioctl(one, FIOSETOWN, struct.pack("i", os.getpid())))
attempt("SIOCSPGRP", lambda: fcntl.ioctl(one, SIOCSPGRP, struct.pack("i", os.getpid())))
attempt("F_SETLEASE", lambda: fcntl.fcntl(own, fcntl.F_SETLEASE, fcntl.F_WRLCK))
attempt("F_NOTIFY", lambda: fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_ACCESS))
attempt("MSG_OOB by send", lambda: one.send(b"!", socket.MSG_OOB))
attempt("MSG_OOB by sendmsg", lambda: one.sendmsg([b"!"], [], socket.MSG_OOB))
