"""What can go wrong with a server."""

from __future__ import annotations

from strands_robots.core.errors import PolicyError


class LinkError(PolicyError):
    """The connection failed or answered too late; it will be made anew."""


class BusyError(LinkError):
    """A server listens and does not answer: its program is busy, for example with compiling its model."""


class ProtocolError(PolicyError):
    """The server answered something that the protocol does not allow, or an error of its own."""
