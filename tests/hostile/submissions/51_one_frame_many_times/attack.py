# expect: killed
# reason: larger than the limit together
# once: the judge decodes values alike from every child
import sys
protocol, encoding = sys.modules["sandbox.wire.protocol"], sys.modules["sandbox.wire.encoding"]
encode = encoding.Encoder.encode

def forge(self, value, depth=0):
    if value == "many":
        none = protocol.Made("RangeIndex", [0, 0, 1, None])
        parts = [none, none, protocol.Sequence([]), protocol.Mapping([])]
        return protocol.Sequence([protocol.Made("DataFrame", parts)] * 12_000)
    return encode(self, value, depth)

encoding.Encoder.encode = forge

def answer(x):
    return "many"
