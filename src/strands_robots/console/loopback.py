"""What is on this machine: names of the loopback in requests, and listeners on it. No ROS."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from strands_robots.core.errors import ConfigurationError

HOST = "127.0.0.1"
NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names in a Host header. Any port: ssh -L may give another one. A site that points its own name here has none of these."""


def is_loopback_host(text: str) -> bool:
    """Return whether a Host header names this machine."""
    return _name(f"//{text}") in NAMES


def is_loopback_origin(text: str) -> bool:
    """Return whether an Origin header names a page of this machine."""
    return text.startswith(("http://", "https://")) and _name(text) in NAMES


def bound(port: int) -> socket.socket:
    """Return a listening socket on the loopback.

    Args:
        port: Port; 0 for a free one.

    Raises:
        ConfigurationError: If it cannot be had.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((HOST, port))
        made.listen(128)
    except (OSError, OverflowError) as error:
        made.close()
        raise ConfigurationError(
            f"port {port} of {HOST} cannot be used: {error}; valid: a free port, or 0 for any"
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
