# expect: killed
# reason: exit status 0
import os

def answer(x):
    os._exit(0)
