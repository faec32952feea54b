"""The keys of a log: HMAC for those who hold the secret, Ed25519 for all others."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from strands_robots.core.key_file import LONGEST, KeyFileError, read_secret, write_new
from strands_robots.core.private_folder import PrivateFolder

MAC_FILE = "audit_mac.key"
SIGNING_FILE = "audit_signing.pem"
PUBLIC_FILE = "audit_signing.pub.pem"

_RECORD = b"strands_robots audit record 1\n"
_CHECKPOINT = b"strands_robots audit checkpoint 1\n"
_KEY = b"strands_robots audit key\n"


@dataclass(frozen=True)
class MacKey:
    """The HMAC-SHA256 key of a log, 32 bytes."""

    secret: bytes

    @property
    def name(self) -> str:
        """Identity of the key that tells nothing about it."""
        return hashlib.sha256(_KEY + self.secret).hexdigest()[:16]

    def of_record(self, record: bytes) -> str:
        """Return the MAC of a record's bytes, 64 hex digits."""
        return hmac.digest(self.secret, _RECORD + record, "sha256").hex()

    def of_checkpoint(self, checkpoint: bytes) -> str:
        """Return the MAC of a checkpoint's bytes, 64 hex digits."""
        return hmac.digest(self.secret, _CHECKPOINT + checkpoint, "sha256").hex()


@dataclass(frozen=True)
class AuditPublicKey:
    """The Ed25519 key that checks checkpoints, 32 bytes."""

    raw: bytes

    @property
    def name(self) -> str:
        """The key itself, hex."""
        return self.raw.hex()

    def is_signature(self, signature: bytes, checkpoint: bytes) -> bool:
        """Return whether the signature fits the checkpoint's bytes. Source: RFC 8032."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, _CHECKPOINT + checkpoint)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """The Ed25519 key that signs checkpoints."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> AuditPublicKey:
        """The key that checks."""
        raw = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return AuditPublicKey(raw)

    def sign(self, checkpoint: bytes) -> bytes:
        """Return the signature of a checkpoint's bytes, 64 bytes."""
        return self.private.sign(_CHECKPOINT + checkpoint)


@dataclass(frozen=True)
class LogKeys:
    """Both secrets of a writer."""

    mac: MacKey
    signing: SigningKey


def load_or_create_keys(path: Path, create: bool) -> LogKeys:
    """Return a writer's keys.

    Args:
        path: Folder of the keys.
        create: Make them when neither is there.

    Raises:
        KeyFileError: If one is missing, may be read by others, is a link, or is no key; the message names the file.
    """
    try:
        folder = PrivateFolder(path, create)
    except OSError as error:
        raise KeyFileError(f"the folder of the audit keys '{path}' cannot be opened: {error.strerror}") from error
    try:
        present = {MAC_FILE, SIGNING_FILE} & set(folder.names())
        if not present and create:
            _create(folder)
        return LogKeys(_read_mac(path / MAC_FILE), _read_signing(path / SIGNING_FILE))
    except OSError as error:
        raise KeyFileError(f"the audit keys in '{path}' cannot be used: {error.strerror}") from error
    finally:
        folder.close()


def load_mac_key(path: Path) -> MacKey:
    """Return the HMAC key in a file; raises KeyFileError as `load_or_create_keys`."""
    return _read_mac(path)


def load_public_key(path: Path) -> AuditPublicKey:
    """Return the public key in a PEM file. It is no secret: any mode, links allowed.

    Raises:
        KeyFileError: If it cannot be read or is no Ed25519 public key.
    """
    try:
        data = path.read_bytes()[:LONGEST]
        key = serialization.load_pem_public_key(data)
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileError(
            f"the public key '{path}' cannot be used: {error}; valid: an Ed25519 key as PEM, like {PUBLIC_FILE}"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(
            f"the public key '{path}' is a {type(key).__name__}; valid: an Ed25519 key as PEM, like {PUBLIC_FILE}"
        )
    return AuditPublicKey(key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def _create(folder: PrivateFolder) -> None:
    private = Ed25519PrivateKey.generate()
    signing = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    mac = secrets.token_bytes(32).hex().encode() + b"\n"
    for name, data, mode in ((MAC_FILE, mac, 0o600), (SIGNING_FILE, signing, 0o600), (PUBLIC_FILE, public, 0o644)):
        write_new(folder, name, data, mode)
    folder.sync()


def _read_mac(path: Path) -> MacKey:
    data = read_secret(path).strip()
    if not re.fullmatch(rb"[0-9a-f]{64}", data):
        raise KeyFileError(f"the key file '{path}' holds no key; valid: 64 lower-case hex digits")
    return MacKey(bytes.fromhex(data.decode()))


def _read_signing(path: Path) -> SigningKey:
    data = read_secret(path)
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"the key file '{path}' holds no key: {error}; valid: Ed25519 as PEM (PKCS 8)") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"the key file '{path}' holds a {type(key).__name__}; valid: Ed25519 as PEM (PKCS 8)")
    return SigningKey(key)
