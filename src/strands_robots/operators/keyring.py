"""The keyring: whose signatures a graph accepts, and for what. A YAML file that only its owner may write."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.key_file import KeyFileError, check_owner
from strands_robots.core.private_folder import PrivateFolder
from strands_robots.core.text import printable
from strands_robots.operators.operator_key import OperatorPublicKey, make_public_key

_LONGEST = 1 << 20


class Role(enum.Enum):
    """What an operator's signature is good for."""

    RESUME = "resume"
    APPROVE = "approve"


@dataclass(frozen=True)
class Operator:
    """One key of the keyring and what it may sign."""

    key: OperatorPublicKey
    roles: frozenset[Role]

    @property
    def source(self) -> str:
        """The operator as the graph names sources."""
        return f"operator/{self.key.name}"


class Keyring:
    """The operators of a graph, by the id of their key.

    Args:
        operators: They.

    Raises:
        ConfigurationError: If a public key comes twice, under one name or two.
    """

    def __init__(self, operators: Iterable[Operator] = ()) -> None:
        self.operators = tuple(operators)
        self._by_id = {operator.key.key_id: operator for operator in self.operators}
        keys = [operator.key.raw for operator in self.operators]
        for operator in self.operators:
            if keys.count(operator.key.raw) > 1:
                raise ConfigurationError(
                    f"the public key of '{operator.key.name}' comes twice in the keyring; valid: every key once"
                )

    def find(self, key_id: str) -> Operator | None:
        """Return the operator with the key id, or None."""
        return self._by_id.get(key_id)

    def with_operator(self, operator: Operator) -> Keyring:
        """Return the keyring with one more key; a key that is there already gets the new roles."""
        others = (known for known in self.operators if known.key.key_id != operator.key.key_id)
        return Keyring((*others, operator))

    def without(self, key_id: str) -> Keyring:
        """Return the keyring without a key.

        Raises:
            ConfigurationError: If it has no such key.
        """
        if key_id not in self._by_id:
            known = ", ".join(f"{identity} ({entry.key.name})" for identity, entry in self._by_id.items())
            raise ConfigurationError(f"no key '{printable(key_id)}' in the keyring; valid: {known or 'none'}")
        return Keyring(known for known in self.operators if known.key.key_id != key_id)


def load_keyring(path: Path) -> Keyring:
    """Return the keyring in a file.

    Raises:
        KeyFileError: If the file is missing, a link, may be written by others than its owner (this user or root), or is
            not a keyring whose names and keys belong together; the message has every field that is wrong.
    """
    try:
        folder = PrivateFolder(path.parent)
        try:
            descriptor = folder.open_existing(path.name, os.O_RDONLY)
        finally:
            folder.close()
    except OSError as error:
        raise KeyFileError(f"the keyring '{path}' cannot be opened: {error.strerror or error}") from error
    with os.fdopen(descriptor, "rb") as file:
        check_owner(descriptor, path, 0o022, "not writable by others (chmod 644)")
        data = file.read(_LONGEST)
    from strands_robots.operators.keyring_file import read_entries  # A graph without a keyring starts without pydantic.

    return Keyring(
        Operator(
            make_public_key(entry.name, bytes.fromhex(entry.public_key), bytes.fromhex(entry.proof)),
            frozenset(map(Role, entry.roles)),
        )
        for entry in read_entries(data, path)
    )


def save_keyring(path: Path, keyring: Keyring) -> None:
    """Replace the file, so that it holds the old keyring or the new one and never half of it.

    Raises:
        KeyFileError: If it cannot be written.
    """
    entries = [
        {
            "name": operator.key.name,
            "public_key": operator.key.raw.hex(),
            "proof": operator.key.proof.hex(),
            "roles": sorted(role.value for role in operator.roles),
        }
        for operator in keyring.operators
    ]
    data = yaml.safe_dump({"version": 1, "keys": entries}, sort_keys=False).encode()
    temporary = f".{path.name}.{os.getpid()}"
    try:
        folder = PrivateFolder(path.parent, create=True)
        try:
            _replace(folder, temporary, path.name, data)
        finally:
            folder.close()
    except OSError as error:
        raise KeyFileError(f"the keyring '{path}' cannot be written: {error.strerror or error}") from error


def _replace(folder: PrivateFolder, temporary: str, name: str, data: bytes) -> None:
    descriptor = folder.create(temporary, 0o644)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
        os.rename(temporary, name, src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)
        folder.sync()
    except OSError:
        folder.remove(temporary)
        raise
    finally:
        os.close(descriptor)
