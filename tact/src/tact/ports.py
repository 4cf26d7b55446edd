"""Free loopback ports for the servers that the one-machine mode starts."""

from __future__ import annotations

import random
import socket

#: Below the range from which Linux draws the local ports of outgoing connections (32768 and up).
_LOWEST, _HIGHEST = 20_000, 32_767
_TRIES = 500


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on right now."""
    for _ in range(_TRIES):
        port = random.randint(_LOWEST, _HIGHEST)
        if is_free(port):
            return port
    raise OSError(f"no free port found on 127.0.0.1 between {_LOWEST} and {_HIGHEST}")


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
