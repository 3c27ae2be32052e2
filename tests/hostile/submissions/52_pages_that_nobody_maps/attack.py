# expect: denied|killed
import mmap
PIECE = 16 << 20

def hide(size, descriptor=-1):
    memory = mmap.mmap(descriptor, size)  # shared, without a file
    for start in range(0, size, PIECE):
        memory[start : start + PIECE] = b"x" * PIECE
        memory.madvise(mmap.MADV_DONTNEED, start, PIECE)
    return memory[0] == 120

attempt("pages shared without a file", lambda: hide(2 * PIECE))

def hide_in_a_device():
    with open("/dev/zero", "r+b") as device:
        return hide(2 * PIECE, device.fileno())

attempt("pages of /dev/zero", hide_in_a_device)
