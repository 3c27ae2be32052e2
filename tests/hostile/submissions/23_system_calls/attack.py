# expect: denied
import ctypes, os, platform
libc = ctypes.CDLL(None, use_errno=True)
arm = platform.machine() == "aarch64"
CALLS = {  # x86-64, aarch64, arguments
    "ptrace": (101, 117, (16, bait["decoy"], 0, 0)),
    "unshare user": (272, 97, (0x10000000,)),
    "unshare mount": (272, 97, (0x20000,)),
    "mount": (165, 40, (b"none", b".", b"tmpfs", 0, 0)),
    "io_uring_setup": (425, 425, (8, ctypes.create_string_buffer(120))),
    "bpf": (321, 280, (5, ctypes.create_string_buffer(120), 120)),
    "keyctl": (250, 219, (0, -3, 1)),
    "add_key": (248, 217, (b"user", b"note", b"1", 1, -3)),
    "perf_event_open": (298, 241, (ctypes.create_string_buffer(b"\x01\0\0\0\x70", 128), 0, -1, -1, 0)),
    "userfaultfd": (323, 282, (1,)),
    "pidfd_open": (434, 434, (bait["decoy"], 0)),
    "memfd_create": (319, 279, (b"note", 0)),
    "open_by_handle_at": (304, 265, (-100, ctypes.create_string_buffer(128), 0)),
    "process_vm_readv": (310, 270, (bait["decoy"], 0, 0, 0, 0, 0)),
    "shmget": (29, 194, (0, 4096, 0o1600)),
    "msgget": (68, 186, (0, 0o1600)),
    "inotify_init and watch": (254, 27, (0, bait["folder"].encode(), 0x100)),
    "clone user": (56, 220, (0x10000000 | 17, 0, 0, 0, 0)),
}
for name, (x86, aarch64, arguments) in CALLS.items():
    def call():
        result = libc.syscall(aarch64 if arm else x86, *arguments)
        if name == "clone user" and result == 0:
            os._exit(0)
        return result >= 0
    attempt(name, call)
attempt("uid 0", lambda: os.getuid() != 0 and libc.setresuid(0, 0, 0) == 0)
