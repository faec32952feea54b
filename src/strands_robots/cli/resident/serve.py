"""`python -m strands_robots.cli.resident.serve RUN_FOLDER NAMESPACE`: the resident client of a graph, started by bringup.

It has imported what commands need and forks one process at a time, which joins the graph and waits. A command gets that
process; the next one is forked. This process itself never joins the graph, so that it can be forked.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import socket
import struct
import sys
import traceback
import warnings
from pathlib import Path
from typing import NoReturn

from strands_robots.cli.resident.words import COMMANDS, SOCKET, code_stamp
from strands_robots.core.parent_end import signal_with_parent
from strands_robots.safety.run_folder import RunFolder

# The threads that it means belong to numpy's BLAS, which prepares them for a fork; none of Python's is there.
warnings.filterwarnings("ignore", r"This process .* is multi-threaded, use of fork", DeprecationWarning)

_CREDENTIALS = struct.Struct("3i")
_BACKLOG = 8


def main() -> int:
    """Serve commands until SIGTERM or SIGINT."""
    folder, namespace = Path(sys.argv[1]), sys.argv[2].strip("/")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nothing is asked of a process that ended.
    stamp = code_stamp()
    _import_commands()
    try:
        run = RunFolder(folder.parent, folder.name, create=True)
        listener = _listening(run)
    except OSError as error:
        print(f"no resident client: {error}; commands do everything themselves", file=sys.stderr, flush=True)
        return 0
    try:
        _serve(listener, namespace, stamp)
    finally:
        run.remove(SOCKET)
        run.close()


def _leave(number: int, frame: object) -> None:
    raise SystemExit(0)


def _import_commands() -> None:
    """Import what commands would; a module that cannot be is the command's own matter."""
    from strands_robots.cli.main import load_command

    for name in sorted(COMMANDS):
        load_command(name)
    for module in (
        "clients.client",
        "clients.state_client",
        "clients.motion_client",
        "clients.render_client",
        "clients.graph_survey",
    ):
        with contextlib.suppress(ImportError):
            importlib.import_module(f"strands_robots.{module}")
    gc.freeze()  # A collection in a child would only copy its pages.


def _listening(run: RunFolder) -> socket.socket:
    """Return the socket in the folder of the run; raises OSError."""
    run.remove(SOCKET)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        before = os.umask(0o177)
        try:
            listener.bind(run.address(SOCKET))
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _serve(listener: socket.socket, namespace: str, stamp: str) -> NoReturn:
    """Give each connection to the process that waits, and have the next one wait."""
    waiting = _forked(listener, namespace, stamp)
    while True:
        connection, _ = listener.accept()
        with connection:
            if not _is_own_user(connection):
                continue
            try:
                socket.send_fds(waiting, [b"C"], [connection.fileno()])
            except OSError:
                pass  # It ended, for example because the graph's middleware did; the command does it itself.
        waiting.close()
        waiting = _forked(listener, namespace, stamp)


def _is_own_user(connection: socket.socket) -> bool:
    """Return whether the other side is a process of this user. Source: unix(7), SO_PEERCRED."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return bool(_CREDENTIALS.unpack(data)[1] == os.geteuid())


def _forked(listener: socket.socket, namespace: str, stamp: str) -> socket.socket:
    """Fork a process that joins the graph and waits; return where it takes its command from."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    if os.fork():
        theirs.close()
        return ours
    code = 1
    try:
        ours.close()
        listener.close()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal_with_parent(signal.SIGTERM)
        from strands_robots.cli.resident.worker import wait_for_command

        code = wait_for_command(theirs, namespace, stamp)
    except Exception:  # noqa: BLE001 - else the end below would swallow it; commands do everything themselves then
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
