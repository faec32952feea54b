"""Operator keys: Ed25519 pairs that sign what only a person may decide, each bound to that person's name.

A private key is one file, `<name>.key`, mode 0600: a line with the operator's name, then PEM (PKCS 8, optionally under
a passphrase). What others need is one line of text, `<name>.pub`: the name, the key, and the key's own signature over
both, which shows that the line's author held the private key and meant this name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.key_file import KeyFileError, read_secret, write_new
from strands_robots.core.private_folder import PrivateFolder
from strands_robots.core.text import printable

if TYPE_CHECKING:  # Most processes that name a key never sign or check: cryptography is loaded by those that do.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_SUFFIX = ".key"
PUBLIC_SUFFIX = ".pub"

_LINE = "strands-robots-operator-key-1"
_HEAD = "operator: "
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,62}")
_SMALL_ORDER = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
"""Points of small order without their sign bit: under such a "key" any person can make signatures that fit.

Source: libsodium, ge25519_has_small_order.
"""


@dataclass(frozen=True)
class OperatorPublicKey:
    """What checks an operator's signatures.

    Attributes:
        name: The operator.
        raw: Ed25519 public key, 32 bytes.
        proof: The key's own signature over name and key, 64 bytes.
    """

    name: str
    raw: bytes
    proof: bytes

    @property
    def key_id(self) -> str:
        """Identity of name and key together, 32 hex digits: another name is another key."""
        return hashlib.sha256(_signed("key id", _bound(self.name, self.raw))).hexdigest()[:32]

    def is_signature(self, signature: bytes, purpose: str, statement: bytes) -> bool:
        """Return whether the signature is this key's, over the statement and for the purpose. Source: RFC 8032."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, _signed(purpose, statement))
        except (InvalidSignature, ValueError):
            return False
        return True

    def line(self) -> str:
        """Return the public key as the line of text that is handed to others."""
        return f"{_LINE} {self.name} {self.raw.hex()} {self.proof.hex()}"


@dataclass(frozen=True)
class OperatorKey:
    """An operator's name and private key."""

    name: str
    private: Ed25519PrivateKey

    @property
    def public(self) -> OperatorPublicKey:
        """The public key, with a proof that the private one was there."""
        from cryptography.hazmat.primitives import serialization

        raw = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return OperatorPublicKey(self.name, raw, self.sign("key", _bound(self.name, raw)))

    def sign(self, purpose: str, statement: bytes) -> bytes:
        """Return the signature over a statement, 64 bytes; it is valid for no other purpose."""
        return self.private.sign(_signed(purpose, statement))


def _signed(purpose: str, statement: bytes) -> bytes:
    return b"strands_robots operator " + purpose.encode() + b" 1\n" + statement


def _bound(name: str, raw: bytes) -> bytes:
    return name.encode() + b"\n" + raw


def check_name(name: str) -> str:
    """Return the operator's name.

    Raises:
        ConfigurationError: If it cannot be one.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"operator name '{printable(name)}' cannot be used; valid: a lower-case letter, then lower-case letters, "
            "digits and _ . - , at most 63"
        )
    return name


def make_public_key(name: str, raw: bytes, proof: bytes) -> OperatorPublicKey:
    """Return a public key from outside after a check that name and key belong together.

    Raises:
        KeyFileError: If the proof does not fit.
    """
    key = OperatorPublicKey(check_name(name), raw, proof)
    if len(raw) == 32 and raw[:31] + bytes([raw[31] & 0x7F]) in _SMALL_ORDER:
        raise KeyFileError(f"the key of '{name}' is a point of small order, under which any person can sign")
    if len(raw) != 32 or not key.is_signature(proof, "key", _bound(name, raw)):
        raise KeyFileError(
            f"the key of '{name}' does not prove that it belongs to this name; valid: a line from keys show"
        )
    return key


def parse_public_key(text: str) -> OperatorPublicKey:
    """Return the public key in a line of text.

    Raises:
        KeyFileError: If the line is none, or its proof does not fit.
    """
    words = text.split()
    if len(words) != 4 or words[0] != _LINE:
        raise KeyFileError(f"no public key of an operator; valid: one line '{_LINE} <name> <key> <proof>'")
    try:
        raw, proof = bytes.fromhex(words[2]), bytes.fromhex(words[3])
    except ValueError as error:
        raise KeyFileError(f"the public key of '{printable(words[1])}' is not hexadecimal") from error
    return make_public_key(words[1], raw, proof)


def create_key(folder: Path, name: str, passphrase: bytes = b"") -> OperatorKey:
    """Make a key pair and write both files. Nothing is ever overwritten.

    Args:
        folder: Where; made with mode 0700 when missing.
        name: The operator.
        passphrase: Encrypts the private key; empty for none.

    Raises:
        KeyFileError: If a file of that name exists, or the folder may be written by others or cannot be used.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = OperatorKey(check_name(name), Ed25519PrivateKey.generate())
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    pem = key.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    files = (
        (name + KEY_SUFFIX, f"{_HEAD}{name}\n".encode() + pem, 0o600),
        (name + PUBLIC_SUFFIX, key.public.line().encode() + b"\n", 0o644),
    )
    try:
        place = PrivateFolder(folder, create=True)
    except OSError as error:
        raise KeyFileError(f"the folder '{folder}' cannot be used: {error.strerror}") from error
    try:
        place.check_private()
        for file, data, mode in files:
            write_new(place, file, data, mode)
        place.sync()
    except OSError as error:
        raise KeyFileError(
            f"the key of '{name}' cannot be written to '{folder}': {error.strerror}; "
            "valid: a folder of your own without a key of this name"
        ) from error
    finally:
        place.close()
    return key


def load_key(path: Path, ask_passphrase: Callable[[], bytes] | None = None) -> OperatorKey:
    """Return the private key in a file.

    Args:
        path: The file.
        ask_passphrase: Called when the key is under a passphrase; None refuses such a key.

    Raises:
        KeyFileError: If the file is missing, a link, belongs to another user, may be read by others, or holds no key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    head, _, pem = read_secret(path).partition(b"\n")
    name = head.decode("ascii", "replace").removeprefix(_HEAD)
    if not head.startswith(_HEAD.encode()):
        raise KeyFileError(f"the file '{path}' is no operator key; valid: one made with `strands-robots keys create`")
    try:
        passphrase = None
        if b"ENCRYPTED" in pem and ask_passphrase is not None:
            passphrase = ask_passphrase()
        private = serialization.load_pem_private_key(pem, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"the operator key '{path}' cannot be read: {error}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFileError(f"the operator key '{path}' is a {type(private).__name__}; valid: Ed25519")
    return OperatorKey(check_name(name), private)
