# expect: denied
import ctypes, mmap, os, platform
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"
file = os.open(os.__file__, os.O_RDONLY)
page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
place = ctypes.addressof(ctypes.c_char.from_buffer(page))
room = ctypes.create_string_buffer(256)

def call(x86, aarch64, *arguments):
    return libc.syscall(aarch64 if arm else x86, *arguments) >= 0

attempt("posix_fadvise", lambda: os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED))
attempt("a read that does not wait", lambda: os.preadv(file, [bytearray(1)], 0, os.RWF_NOWAIT))
attempt("mincore", lambda: call(27, 232, ctypes.c_void_p(place), mmap.PAGESIZE, room))
attempt("readahead", lambda: call(187, 213, file, 0, 4096))
attempt("cachestat", lambda: call(451, 451, file, room, room, 0))
for name, advice in {"MERGEABLE": 12, "COLD": 20, "PAGEOUT": 21}.items():
    attempt(name, lambda: call(28, 233, ctypes.c_void_p(place), mmap.PAGESIZE, advice))
for name in ("stat", "loadavg", "uptime", "meminfo", "vmstat", "interrupts", "softirqs", "diskstats", "zoneinfo"):
    attempt(name, lambda: len(open(f"/proc/{name}").read(16)) > 0)
attempt("sysinfo", lambda: call(99, 179, room))
attempt("another's clock", lambda: call(228, 113, (~bait["decoy"] << 3) | 2, room))
