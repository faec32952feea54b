"""A datagram socket in the run's folder: whatever arrives there stops the robots of this process. Standard library only.

It needs no middleware, router or discovery, and no executor: a thread of its own waits in the kernel and touches nothing that
another thread of the process may hold for long (docs/adr/0009).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from strands_robots.safety.run_folder import RECORD, SOCKET, RunFolder, RunRecord, run_name
from strands_robots.safety.stop_words import LARGEST_DATAGRAM, StopWords, read_stop_words


class StopSocket:
    """Takes stops for one process. `close` ends it.

    Args:
        runs: The folder of all runs.
        record: This process, as it is written down beside the socket.
        stop: Stops; called before a word of the request is read.
        explain: Takes the words of the request, afterwards.
        state: Returns what the answer says: "robots", a list of their states, and more.

    Raises:
        OSError: If the folder or the socket cannot be made.
    """

    def __init__(
        self,
        runs: Path,
        record: RunRecord,
        stop: Callable[[], None],
        explain: Callable[[StopWords], None],
        state: Callable[[], dict[str, Any]],
    ) -> None:
        self._stop, self._explain, self._state = stop, explain, state
        self._record = record
        self._folder = RunFolder(runs, run_name(record.run), create=True)
        self._is_closing = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            remove_stale(self._folder)
            self._folder.remove(record.stem + SOCKET, record.stem + RECORD)
            # The socket first: a stop that finds no file beside it stops all the same.
            self._socket.bind(self._folder.address(record.stem + SOCKET))
            os.chmod(self._folder.address(record.stem + SOCKET), 0o600)
            self._folder.write(record)
        except OSError as error:
            if not self._is_bound():
                self._socket.close()
                self._folder.close()
                raise
            print(
                f"the run's folder cannot be written: {error}; stops are still accepted there",
                file=sys.stderr,
                flush=True,
            )
        self._thread = threading.Thread(target=self._serve, name="stop socket", daemon=True)
        self._thread.start()

    @property
    def path(self) -> Path:
        """Where the socket is."""
        return self._folder.path / (self._record.stem + SOCKET)

    def rename_robots(self, record: RunRecord) -> None:
        """Write down other robots; not from the socket's own thread, which must not wait for a disk. Raises OSError."""
        self._folder.write(record)
        self._record = record

    def close(self) -> None:
        """Take no more stops, and take the files away."""
        if self._is_closing:
            return
        self._is_closing = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(0.5)
        self._socket.close()
        self._folder.remove(self._record.stem + SOCKET, self._record.stem + RECORD)
        with contextlib.suppress(OSError):  # Others of the run, or its journal, may still be there.
            self._folder.path.rmdir()
        self._folder.close()

    def _is_bound(self) -> bool:
        return bool(self._socket.getsockname())

    def _serve(self) -> None:
        buffer = bytearray(LARGEST_DATAGRAM)
        view = memoryview(buffer)
        while True:
            try:
                size, sender = self._socket.recvfrom_into(buffer)
            except OSError as error:
                if self._is_closing or error.errno in (errno.EBADF, errno.ENOTSOCK):
                    return
                continue
            if self._is_closing:
                return
            try:
                self._stop()
                self._explain(read_stop_words(bytes(view[:size])))
                self._answer(sender)
            except Exception:  # noqa: BLE001
                # Whatever went wrong with one request, the next one must still stop.
                traceback.print_exc()

    def _answer(self, sender: Any) -> None:
        """Say what became of it, to a sender that can be answered; never waits."""
        if not sender:
            return
        record = self._record
        said = {"run": record.run, "node": record.node, "pid": record.pid, **self._state()}
        with contextlib.suppress(OSError):
            self._socket.sendto(json.dumps(said).encode("ascii"), socket.MSG_DONTWAIT, sender)


def remove_stale(folder: RunFolder) -> None:
    """Take away the files of processes that are gone: nothing answers at their sockets."""
    for name in folder.names():
        if name.endswith(SOCKET) and folder.is_own_socket(name) and not is_served(folder, name):
            folder.remove(name, name.removesuffix(SOCKET) + RECORD)


def is_served(folder: RunFolder, name: str) -> bool:
    """Return whether a process holds the socket of this name; one that hangs holds it too."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
        try:
            probe.connect(folder.address(name))
        except ConnectionRefusedError:
            return False
        except OSError:
            return True
    return True
