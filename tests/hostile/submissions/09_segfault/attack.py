# expect: killed
# reason: SIGSEGV|SIGBUS
import ctypes

def answer(x):
    return ctypes.string_at(0)
