"""Whether a cell failed since it reached for the network, which is closed while grading."""

import re

from .wire.protocol import Failure

# How libraries say that no other machine can be reached.
NO_NETWORK = re.compile(
    r"\b(?:URLError|gaierror|NameResolutionError|MaxRetryError|NewConnectionError|ConnectError"
    r"|ConnectTimeout|ClientConnector\w*Error|ServerNotFoundError)\b"
    r"|urlopen error|name resolution|getaddrinfo|Name or service not known|Max retries exceeded"
    r"|Network is unreachable|No address associated|ailed to (?:resolve|establish a new connection)"
    r"|(?:[Cc]ould ?n[o']t|[Cc]an ?n[o']t) (?:connect|reach)"
)
# What the sandbox says to a socket, and a line of code that makes one.
REFUSED = re.compile(r"PermissionError: \[Errno 1\]|ConnectionError|ConnectionRefusedError")
REACHES = re.compile(
    r"\b(?:socket|\w*connect\w*|requests|urllib\d?|urlopen|http\w*|ftp\w*|download\w*)\b"
)


def tried_network(failure: Failure) -> bool:
    """Say whether an exception is what reaching for a closed network ends with."""
    said = f"{failure.type_name}: {failure.message}"
    if NO_NETWORK.search(said):
        return True
    return REFUSED.search(said) is not None and REACHES.search(failure.traceback) is not None
