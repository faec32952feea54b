"""Whether a Zenoh router answers: the first step of Zenoh's own handshake, which a hung router leaves unanswered. Standard library only."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

ROUTER_ADDRESS = ("localhost", 7447)
"""Where rmw_zenoh_cpp's sessions look for a router, and where its rmw_zenohd listens."""

ANSWER_TIMEOUT = 1.0
"""A router that needs longer for the first step hangs [s]; on this machine it takes less than a millisecond."""

_HEAD = bytes.fromhex("2000c109f2")
_TAIL = bytes.fromhex("0ac8ff81c205b6f79fc7062701")
"""Around an identity of 16 bytes: InitSyn of a client, as eclipse-zenoh 1.10.2 sends it (protocol version 9).

The router keeps nothing for it: its answer, InitAck, carries all that the next step would need.
"""

_INIT = 0x01
_IS_ANSWER = 0x20


def uses_zenoh(environ: Mapping[str, str]) -> bool:
    """Return whether the processes of an environment need a Zenoh router at its usual place.

    A configuration of the user's for sessions may name another one, or none.
    """
    return environ.get("RMW_IMPLEMENTATION") == "rmw_zenoh_cpp" and not environ.get("ZENOH_SESSION_CONFIG_URI")


def router_answers(address: tuple[str, int] = ROUTER_ADDRESS, timeout: float = ANSWER_TIMEOUT) -> bool:
    """Return whether a router at an address takes the first step of a handshake within `timeout` [s]."""
    try:
        with socket.create_connection(address, timeout=timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(_HEAD + os.urandom(15) + b"\x01" + _TAIL)
            answer = connection.recv(4096)
    except OSError:
        return False
    return len(answer) > 3 and answer[2] & 0x1F == _INIT and bool(answer[2] & _IS_ANSWER)


def no_router_words(environ: Mapping[str, str]) -> str:
    """Return in words that the middleware of an environment needs a router and none answers; empty when all is well."""
    if not uses_zenoh(environ) or router_answers():
        return ""
    port = ROUTER_ADDRESS[1]
    return (
        f"no Zenoh router answers on port {port}: programs that start now find nothing of the graph; "
        "every graph's bringup starts one (strands-robots sim), or: ros2 run rmw_zenoh_cpp rmw_zenohd"
    )
