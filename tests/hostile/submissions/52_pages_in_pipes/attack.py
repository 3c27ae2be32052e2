# expect: denied|killed
import ctypes, fcntl, os, platform
libc = ctypes.CDLL(None, use_errno=True)
vmsplice = 75 if platform.machine() == "aarch64" else 278

class Piece(ctypes.Structure):
    _fields_ = [("place", ctypes.c_void_p), ("size", ctypes.c_size_t)]

reader, writer = os.pipe()
page = ctypes.create_string_buffer(4096)
piece = Piece(ctypes.addressof(page), 4096)
attempt("vmsplice", lambda: libc.syscall(vmsplice, writer, ctypes.byref(piece), 1, 0) > 0)
attempt("a pipe that grows", lambda: fcntl.fcntl(writer, 1031, 1 << 20) >= 1 << 20)
