"""What goes between a command and the resident client: which commands may, and the request. Standard library only.

command -> resident   one request (length, JSON)
resident -> command   ACCEPTED or REFUSED; nothing has happened yet
command -> resident   GO with its three standard streams, which a process that hangs thus never holds open; without it the request is
                      dropped, since the command has begun to do it itself
command -> resident   INTERRUPT for every Ctrl-C; the end of the connection is one as well
resident -> command   ENDED and the exit code
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

SOCKET = "commands.sock"
"""Name of the socket in the folder of the run."""

COMMANDS = frozenset({"state", "move", "grip", "render", "graph"})
"""Commands that end by themselves and ask nothing. A stop has a way of its own, and what needs a key stays in its own process."""

ACCEPTED, REFUSED, GO, INTERRUPT, ENDED = b"A", b"N", b"G", b"I", b"E"
LARGEST_REQUEST = 1 << 20
STREAMS = 3

_LENGTH = struct.Struct("!I")
_CODE = struct.Struct("!i")


@dataclass(frozen=True)
class Request:
    """One command.

    Attributes:
        words: Its arguments.
        program: How it was called.
        folder: Its working directory.
        environment: Its environment.
        encoding: Encoding of its output.
        stamp: Which program it is; see `code_stamp`.
        umask: Permissions that files it makes do not get.
    """

    words: tuple[str, ...]
    program: str
    folder: str
    environment: Mapping[str, str]
    encoding: str
    stamp: str
    umask: int


def namespace_asked(words: Sequence[str]) -> str | None:
    """Return the namespace of the graph that a command asks, without slashes at its ends; None where the resident client may not."""
    if not words or words[0] not in COMMANDS or {"-h", "--help", "-f", "--follow"} & set(words):
        return None
    namespace = ""
    for word, following in zip(words, [*words[1:], ""]):
        if word == "--namespace":
            namespace = following
        elif word.startswith("--namespace="):
            namespace = word.partition("=")[2]
    return namespace.strip("/")


def code_stamp() -> str:
    """Return what differs where the command line of two processes does: the interpreter, the files, and when one was last edited."""
    package = Path(__file__).resolve().parents[2]
    newest = 0
    for room in ("cli", "clients"):
        with os.scandir(package / room) as entries:
            newest = max([newest, *(entry.stat().st_mtime_ns for entry in entries if entry.name.endswith(".py"))])
    return f"{sys.executable}:{package}:{newest}"


def send_request(connection: socket.socket, request: Request) -> None:
    """Send a request; raises OSError."""
    data = json.dumps(asdict(request)).encode("ascii")
    connection.sendall(_LENGTH.pack(len(data)) + data)


def receive_request(connection: socket.socket) -> Request:
    """Return a request.

    Raises:
        OSError: If the other side is gone or too slow.
        ValueError: If it is no request.
    """
    (size,) = _LENGTH.unpack(receive_exactly(connection, _LENGTH.size))
    if size > LARGEST_REQUEST:
        raise ValueError(f"a request of {size} bytes")
    return _read_request(receive_exactly(connection, size))


def send_go(connection: socket.socket) -> None:
    """Have a request carried out with the standard streams of this process; raises OSError."""
    socket.send_fds(connection, [GO], list(range(STREAMS)))


def receive_go(connection: socket.socket) -> list[int]:
    """Return the descriptors of the streams; empty where there is no GO. Raises OSError."""
    word, streams, _, _ = socket.recv_fds(connection, 1, STREAMS)
    if word == GO and len(streams) == STREAMS:
        return streams
    for descriptor in streams:
        os.close(descriptor)
    return []


def _read_request(data: bytes) -> Request:
    try:
        given = json.loads(data)
        environment = {str(name): str(value) for name, value in given.pop("environment").items()}
        words, umask = tuple(map(str, given.pop("words"))), int(given.pop("umask"))
        rest = {name: str(value) for name, value in given.items()}
        return Request(words=words, environment=environment, umask=umask, **rest)
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError("no request") from error


def receive_exactly(connection: socket.socket, size: int) -> bytes:
    """Return so many bytes; raises OSError where the connection ends before."""
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionResetError("the connection ended")
        data += piece
    return data


def send_end(connection: socket.socket, code: int) -> None:
    """Say that a command ended with an exit code."""
    connection.sendall(ENDED + _CODE.pack(code))


def receive_end(connection: socket.socket) -> int:
    """Wait for the exit code of a command; raises OSError where none comes."""
    data = receive_exactly(connection, len(ENDED) + _CODE.size)
    return int(_CODE.unpack(data[len(ENDED) :])[0])
