"""Keys are made once, readable by nobody else, and refused otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from strands_robots.audit.audit_key import (
    MAC_FILE,
    PUBLIC_FILE,
    SIGNING_FILE,
    load_mac_key,
    load_or_create_keys,
    load_public_key,
)
from strands_robots.core.key_file import KeyFileError

PRIVATE_FILES = (MAC_FILE, SIGNING_FILE)
OTHER_KIND = X25519PrivateKey.generate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    load_or_create_keys(tmp_path / "keys", create=True)
    return tmp_path / "keys"


def test_keys_are_made_private_and_read_back(folder: Path) -> None:
    first, second = (load_or_create_keys(folder, create=create) for create in (True, False))
    assert first.mac == second.mac and first.signing.public == second.signing.public
    assert load_mac_key(folder / MAC_FILE) == first.mac
    assert load_public_key(folder / PUBLIC_FILE) == first.signing.public
    assert [os.stat(folder / name).st_mode & 0o777 for name in PRIVATE_FILES] == [0o600, 0o600]
    assert os.stat(folder).st_mode & 0o777 == 0o700


def test_missing_keys_are_made_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be opened"):
        load_or_create_keys(tmp_path / "keys", create=False)
    (tmp_path / "keys").mkdir()
    with pytest.raises(KeyFileError, match="is missing"):
        load_or_create_keys(tmp_path / "keys", create=False)


@pytest.mark.parametrize("name", PRIVATE_FILES)
def test_half_a_pair_is_refused_and_not_replaced(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(KeyFileError, match=f"{name}' is missing"):
        load_or_create_keys(folder, create=True)


@pytest.mark.parametrize("name", PRIVATE_FILES)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o700, 0o666])
def test_readable_key_is_refused(folder: Path, name: str, mode: int) -> None:
    (folder / name).chmod(mode)
    with pytest.raises(KeyFileError, match=f"{name}' has mode {mode:04o}; valid: 0600"):
        load_or_create_keys(folder, create=True)


@pytest.mark.parametrize("name", PRIVATE_FILES)
def test_link_to_a_key_is_refused(folder: Path, name: str) -> None:
    (folder / name).rename(folder / "elsewhere")
    (folder / name).symlink_to("elsewhere")
    with pytest.raises(KeyFileError, match="link"):
        load_or_create_keys(folder, create=True)


def test_link_as_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(KeyFileError, match="cannot be opened"):
        load_or_create_keys(tmp_path / "link", create=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_key_of_somebody_else_is_refused(folder: Path) -> None:
    os.chown(folder / MAC_FILE, 12345, -1)
    with pytest.raises(KeyFileError, match="belongs to user 12345"):
        load_mac_key(folder / MAC_FILE)


@pytest.mark.parametrize("name", PRIVATE_FILES)
@pytest.mark.parametrize("content", [b"", b"abc", b"A" * 64, b"-----BEGIN PRIVATE KEY-----\n"])
def test_file_without_a_key_is_refused(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(KeyFileError, match="holds no key"):
        load_or_create_keys(folder, create=True)


def test_key_of_another_kind_is_refused(folder: Path) -> None:
    private = OTHER_KIND.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = OTHER_KIND.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / SIGNING_FILE).write_bytes(private)
    (folder / PUBLIC_FILE).write_bytes(public)
    with pytest.raises(KeyFileError, match="X25519"):
        load_or_create_keys(folder, create=True)
    with pytest.raises(KeyFileError, match="X25519"):
        load_public_key(folder / PUBLIC_FILE)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="is missing"):
        load_mac_key(tmp_path / "none.key")
    with pytest.raises(KeyFileError, match="is missing"):
        load_mac_key(tmp_path / "no folder" / "none.key")
    with pytest.raises(KeyFileError, match="cannot be used"):
        load_public_key(tmp_path / "none.pem")
