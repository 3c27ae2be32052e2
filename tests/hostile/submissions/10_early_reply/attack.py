# expect: killed
# reason: broke the protocol
# once: the judge reads frames alike from every child
import os, socket, stat

def connection():
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return socket.socket(fileno=os.dup(number))
        except OSError:
            pass

import sys
protocol = sys.modules["sandbox.wire.protocol"]
connection().sendall(protocol.dump(protocol.Answer(1, 1.0, [])))
