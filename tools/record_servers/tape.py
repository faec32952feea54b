"""Bytes of one conversation between a server and its own client, on disk: NAME.json says what they are, NAME.bin.xz has them."""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Tape:
    """One conversation, in order.

    Attributes:
        about: Repository, commit, files that were run, and settings.
        messages: (who sent it: client or server, binary or text, bytes).
    """

    about: dict[str, Any]
    messages: list[tuple[str, str, bytes]] = field(default_factory=list)

    def add(self, sender: str, message: bytes | str) -> None:
        """Keep one message."""
        if isinstance(message, str):
            self.messages.append((sender, "text", message.encode()))
        else:
            self.messages.append((sender, "binary", bytes(message)))

    def save(self, folder: Path, name: str) -> None:
        """Write the tape."""
        folder.mkdir(parents=True, exist_ok=True)
        index, at = [], 0
        for sender, kind, content in self.messages:
            index.append({"from": sender, "kind": kind, "offset": at, "bytes": len(content)})
            at += len(content)
        text = json.dumps({**self.about, "messages": index}, indent=1, sort_keys=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        packed = lzma.compress(b"".join(content for _, _, content in self.messages), preset=9)
        (folder / f"{name}.bin.xz").write_bytes(packed)
        print(f"{folder.name}/{name}: {len(self.messages)} messages, {at} bytes, {len(packed)} packed")


class TapedSocket:
    """Stands between a client and its websockets connection and keeps what passes."""

    def __init__(self, connection: Any, tape: Tape) -> None:
        self._connection = connection
        self._tape = tape

    def send(self, message: bytes | str) -> None:
        self._tape.add("client", message)
        self._connection.send(message)

    def recv(self, *arguments: Any, **named: Any) -> bytes | str:
        message: bytes | str = self._connection.recv(*arguments, **named)
        self._tape.add("server", message)
        return message

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def tape_websockets(tape: Tape) -> None:
    """Make every further websockets client connection of this process pass through a tape."""
    import websockets.sync.client as client

    connect = getattr(client.connect, "untaped", client.connect)

    def taped(*arguments: Any, **named: Any) -> TapedSocket:
        return TapedSocket(connect(*arguments, **named), tape)

    taped.untaped = connect  # type: ignore[attr-defined]
    client.connect = taped  # type: ignore[assignment]
