"""One process for one command: it waits with a client that has found the graph, becomes the command, and ends."""

from __future__ import annotations

import codecs
import os
import select
import signal
import socket
import sys
import threading
import traceback
from contextlib import suppress

from strands_robots.cli.resident import prepared
from strands_robots.cli.resident.words import (
    ACCEPTED,
    REFUSED,
    Request,
    code_stamp,
    namespace_asked,
    receive_go,
    receive_request,
    send_end,
)

AFTER_COMMAND = 0.5
"""The next process joins the graph this long after the last was given a command [s], so as not to take the processor from it."""

PATIENCE = 1.0
"""A command that has not sent its request after this is gone [s]."""

LONGEST_END = 5.0
"""A command whose caller is gone is interrupted, and ended the hard way after this [s]."""


def wait_for_command(channel: socket.socket, namespace: str, stamp: str) -> int:
    """Join the graph, wait for a command, carry it out, and return its exit code.

    Args:
        channel: Where the connection of a command comes from.
        namespace: The graph's namespace.
        stamp: Which program this process was made from; see `code_stamp`.
    """
    if not select.select([channel], [], [], AFTER_COMMAND)[0]:
        prepared.prepare(namespace)
    _, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    if not descriptors:
        prepared.close_rest()
        return 0
    with socket.socket(fileno=descriptors[0]) as connection:
        request = _accepted(connection, namespace, stamp)
        if request is None:
            prepared.close_rest()
            return 0
        is_over = threading.Event()
        _watch(connection, is_over)
        code = _carried_out()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # First: the watcher may interrupt until it sees that it is over.
        is_over.set()
        _flush()
        prepared.close_rest()
        with suppress(OSError):
            send_end(connection, code)
        return code


def _accepted(connection: socket.socket, namespace: str, stamp: str) -> Request | None:
    """Return the command that is to be carried out, with its streams and surroundings; None where its process does it itself."""
    connection.settimeout(PATIENCE)
    try:
        request = receive_request(connection)
    except (OSError, ValueError):
        return None
    streams: list[int] = []
    try:
        if namespace_asked(request.words) != namespace.strip("/") or request.stamp != stamp or stamp != code_stamp():
            connection.sendall(REFUSED)
            return None
        os.chdir(request.folder)
        connection.sendall(ACCEPTED)
        connection.settimeout(
            None
        )  # A caller that is slow to say GO is there; the connection of one that is gone ends.
        streams = receive_go(connection)
        if not streams:
            return None
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
    except OSError:
        return None
    finally:
        for descriptor in streams:
            os.close(descriptor)
    os.umask(request.umask & 0o777)
    os.environ.clear()
    os.environ.update(request.environment)
    sys.argv = [request.program, *request.words]
    _open_streams(request.encoding)
    return request


def _open_streams(encoding: str) -> None:
    """Give Python the streams as an interpreter that starts with them has them."""
    try:
        known = codecs.lookup(encoding).name
    except LookupError:
        known = "ascii"
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        errors = "backslashreplace" if name == "stderr" else "strict"
        is_line = mode == "w" and (name == "stderr" or os.isatty(number))
        setattr(sys, name, open(number, mode, 1 if is_line else -1, known, errors, closefd=False))  # noqa: SIM115 - for the process's life


def _watch(connection: socket.socket, is_over: threading.Event) -> None:
    """Interrupt the command for every Ctrl-C of its caller, and when the caller is gone."""

    def watch() -> None:
        is_there = True
        while is_there:
            try:
                is_there = bool(connection.recv(1))
            except OSError:
                is_there = False
            if not is_over.is_set():
                os.kill(os.getpid(), signal.SIGINT)
        if not is_over.wait(LONGEST_END):
            os._exit(130)

    threading.Thread(target=watch, name="caller", daemon=True).start()


def _carried_out() -> int:
    """Run the command line; a mistake of ours ends as it would in a process of the command's own."""
    from strands_robots.cli.main import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return main()
    except (BrokenPipeError, KeyboardInterrupt):
        return 1
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        return 1


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
