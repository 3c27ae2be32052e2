# expect: timeout
# once: the judge reads frames alike from every child
import os, socket, stat

def connection():
    for number in range(3, 64):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return socket.socket(fileno=os.dup(number))
        except OSError:
            pass

import sys, time
protocol, nodes = sys.modules["sandbox.wire.protocol"], sys.modules["sandbox.wire.nodes"]

def answer(x):
    node = nodes.Array("numpy", "float64", [4], [1], 0, 0)
    connection().sendall(protocol.dump(protocol.Answer(3, node, [100_000_000])))
    time.sleep(60)
