"""Python imports this first, from PYTHONPATH: every attempt of the process to reach a network is written down."""

import os
import sys

EVENTS = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"}
EVENTS |= {"socket.gethostbyname", "socket.gethostbyaddr"}
BOOK = os.environ["NETWORK_BOOK"]


def _listen(event: str, arguments: tuple) -> None:
    if event in EVENTS:
        # What follows the socket itself: an address or a name.
        line = f"{event}\t{arguments[1:] if event.startswith(('socket.connect', 'socket.send')) else arguments}\t{sys.argv}"
        descriptor = os.open(BOOK, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, line.replace("\n", " ").encode("utf-8", "backslashreplace") + b"\n")
        os.close(descriptor)


sys.addaudithook(_listen)
