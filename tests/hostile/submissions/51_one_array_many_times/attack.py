# expect: killed
# reason: larger than the limit together
# once: the judge decodes values alike from every child
import sys
nodes, encoding = sys.modules["sandbox.wire.nodes"], sys.modules["sandbox.wire.encoding"]
encode = encoding.Encoder.encode

def forge(self, value, depth=0):
    if value == "many":
        self.buffers.append(memoryview(bytes(8)))
        array = nodes.Array("numpy", "int8", [1 << 20], [0], 0, 0)
        return nodes.Sequence([array] * 2_000)
    return encode(self, value, depth)

encoding.Encoder.encode = forge

def answer(x):
    return "many"
