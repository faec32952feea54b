"""Has a command carried out by the resident client of its graph, where there is one. Standard library only."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

from strands_robots.cli.resident.words import (
    ACCEPTED,
    INTERRUPT,
    SOCKET,
    Request,
    code_stamp,
    namespace_asked,
    receive_end,
    receive_exactly,
    send_go,
    send_request,
)
from strands_robots.safety.graph_file import graph_of, told_otherwise
from strands_robots.safety.run_folder import RunFolder, runs_folder

SWITCH = "STRANDS_ROBOTS_RESIDENT"
"""0 lets every command do everything itself."""

PATIENCE = 0.5
"""A resident client that has not accepted a command after this is left alone [s]."""


def ask_resident(words: Sequence[str]) -> int | None:
    """Return the exit code of a command, or None where this process has to do it itself; nothing has happened then."""
    namespace = namespace_asked(words)
    # A stream that the shell has closed cannot be handed over, and the socket would take its number.
    has_streams = None not in (sys.stdin, sys.stdout, sys.stderr)
    if namespace is None or not has_streams or os.environ.get(SWITCH) == "0":
        return None
    connection = _connected(namespace)
    if connection is None:
        return None
    with connection:
        try:
            send_request(connection, request_of(words))
            if receive_exactly(connection, 1) != ACCEPTED:
                return None
            connection.settimeout(None)
            send_go(connection)
        except (OSError, ValueError):
            return None
        return _ended(connection)


def request_of(words: Sequence[str]) -> Request:
    """Return the command of this process; raises OSError where its folder is gone."""
    umask = os.umask(0o077)  # The only way to read it.
    os.umask(umask)
    return Request(
        words=tuple(words), program=sys.argv[0], folder=os.getcwd(), environment=dict(os.environ),
        encoding=sys.stdout.encoding, stamp=code_stamp(), umask=umask,
    )  # fmt: skip


def _ended(connection: socket.socket) -> int:
    """Wait for the end of a command that was begun; Ctrl-C goes to it."""
    while True:
        try:
            return receive_end(connection)
        except KeyboardInterrupt:
            with suppress(OSError):
                connection.sendall(INTERRUPT)
        except OSError:
            print(
                "error: the graph's resident client ended amid the command; what it did before stands", file=sys.stderr
            )
            return 1


def _connected(namespace: str) -> socket.socket | None:
    """Return a connection to the resident client of a graph that this shell finds as it is, or None."""
    graph = graph_of(os.environ, namespace)
    if graph is None or graph.namespace != namespace or told_otherwise(os.environ, graph):
        return None
    try:
        folder = RunFolder(runs_folder(os.environ), graph.run)
    except OSError:
        return None
    try:
        if not folder.is_own_socket(SOCKET):
            return None
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(folder.address(SOCKET))
        except OSError:
            connection.close()
            return None
        return connection
    finally:
        folder.close()
