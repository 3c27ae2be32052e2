# expect: denied
# The answers may be friendly lies; the file is looked at from outside.
import ctypes, os
path = bait["path"]
libc = ctypes.CDLL(None, use_errno=True)
for action in (
    lambda: os.chmod(path, 0o777), lambda: os.utime(path, (1, 1)), lambda: os.chown(path, os.getuid(), os.getgid()),
    lambda: libc.setxattr(path.encode(), b"user.note", b"1", 1, 0),
):
    try:
        action()
    except OSError:
        pass
attempt("truncate", lambda: os.truncate(path, 0))
attempt("append", lambda: open(path, "a").close())
attempt("unlink", lambda: os.unlink(path))
attempt("rename", lambda: os.rename(path, path + ".old"))
attempt("create", lambda: open(path + ".new", "w").close())
attempt("mkdir", lambda: os.mkdir(path + ".d"))
attempt("rmdir", lambda: os.rmdir(bait["folder"] + "/tests"))
attempt("symlink", lambda: os.symlink("/", path + ".link"))
attempt("fifo", lambda: os.mkfifo(path + ".fifo"))
