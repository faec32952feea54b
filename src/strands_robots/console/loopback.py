"""Under which names a listener may be addressed, and how one is bound. No ROS."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from strands_robots.core.errors import ConfigurationError

HOST = "127.0.0.1"

MOST_REMOTE = 256
"""Connections of other machines at once, to pages and to the stop each. More would take the files that this machine's stop needs."""


@dataclass(frozen=True)
class Names:
    """Names under which a listener may be addressed. A site that points its own name here has none of these.

    Attributes:
        names: Host names and addresses, in lower case; any port, for ssh -L may give another one.
        is_open: A browser that has not signed in may look on; else it sees nothing.
    """

    names: tuple[str, ...]
    is_open: bool = False

    def is_host(self, text: str) -> bool:
        """Return whether a Host header names this listener."""
        return _name(f"//{text}") in self.names

    def is_origin(self, text: str) -> bool:
        """Return whether an Origin header names a page of it."""
        return text.startswith(("http://", "https://")) and _name(text) in self.names


LOOPBACK = Names(("127.0.0.1", "localhost", "::1"))


class _Few(socket.socket):
    """A listening socket of which only so many connections are open at once; further ones are closed."""

    most = 0

    def accept(self) -> tuple[socket.socket, Any]:
        made, address = super().accept()
        held: list[socket.socket] = [one for one in getattr(self, "_held", []) if one.fileno() >= 0]
        if len(held) >= self.most:
            made.close()
            raise ConnectionAbortedError("too many connections are open")
        self._held = [*held, made]
        return made, address


def bound(port: int, host: str = HOST, most: int = 0) -> socket.socket:
    """Return a listening socket.

    Args:
        port: Port; 0 for a free one.
        host: Address of this machine.
        most: Connections at once, for a loop of asyncio; 0 for any number.

    Raises:
        ConfigurationError: If it cannot be had.
    """
    made = (_Few if most else socket.socket)(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    if isinstance(made, _Few):
        made.most = most
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(128)
    except (OSError, OverflowError) as error:
        made.close()
        raise ConfigurationError(
            f"port {port} of {host} cannot be used: {error}; valid: a free port, or 0 for any"
        ) from error
    return made


def _name(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    is_plain = not parts.path and not parts.query and not parts.fragment and "@" not in parts.netloc
    return parts.hostname if is_plain else None
