"""Which of two policies comes first in each pair, kept in a file that is not looked into before the end."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from strands_robots.core.errors import ConfigurationError

NAME = "sealed.json"
SIDES = ("a", "b")


@dataclass(frozen=True)
class SealedOrder:
    """The order of a trial.

    Attributes:
        key: Random, 32 bytes as hexadecimal digits; decides about every pair.
    """

    key: str

    @property
    def seal(self) -> str:
        """SHA-256 of the key: known from the beginning, so that a changed order is noticed."""
        return hashlib.sha256(self.key.encode()).hexdigest()

    def side(self, episode: int) -> str:
        """Return "a" or "b" for an episode; two episodes make a pair, which has both in an order of its own."""
        pair, place = divmod(episode, 2)
        first = hashlib.sha256(f"{self.key}/{pair}".encode()).digest()[0] & 1
        return SIDES[first ^ place]


def open_sealed(folder: Path) -> SealedOrder:
    """Return the order of the trial in a folder, drawn now where there is none; the file is the owner's alone.

    Raises:
        ConfigurationError: If the file is not readable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    order = SealedOrder(secrets.token_hex(32))
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(json.dumps({"key": order.key}) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return order


def _read(path: Path) -> SealedOrder:
    try:
        key = json.loads(path.read_text(encoding="ascii"))["key"]
        if len(bytes.fromhex(key)) != 32:
            raise ValueError("the key has another length")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path} is not the order of a trial ({error}); valid: another folder") from error
    return SealedOrder(str(key))
