"""Operator keys and keyrings: what is written, and every file that is refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.key_file import KeyFileError
from strands_robots.operators import keyring as keyring_module
from strands_robots.operators import operator_key as keys_module
from strands_robots.operators.keyring import Keyring, Operator, Role, load_keyring, save_keyring
from strands_robots.operators.operator_key import (
    OperatorPublicKey,
    create_key,
    load_key,
    make_public_key,
    parse_public_key,
)

from .operators import keyring, operator_key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def test_key_survives_its_file(folder: Path) -> None:
    made = create_key(folder, "anna")
    loaded = load_key(folder / "anna.key")
    assert (loaded.name, loaded.public.raw) == ("anna", made.public.raw)
    assert parse_public_key((folder / "anna.pub").read_text()) == made.public


def test_private_file_is_for_its_owner_only(folder: Path) -> None:
    create_key(folder, "anna")
    assert stat.S_IMODE((folder / "anna.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_key_is_never_overwritten(folder: Path) -> None:
    made = create_key(folder, "anna")
    with pytest.raises(KeyFileError, match="without a key of this name"):
        create_key(folder, "anna")
    assert load_key(folder / "anna.key").public.raw == made.public.raw


def test_key_does_not_go_through_a_link(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "anna.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError):
        create_key(folder, "anna")
    assert not (tmp_path / "elsewhere").exists()


def test_folder_that_others_may_write_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(ConfigurationError, match="not writable by others"):
        create_key(folder, "anna")


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match="cannot be used"):
        create_key(tmp_path / "file", "anna")


@pytest.mark.parametrize("name", ["", "Anna", "a/b", "../a", "a b", "1anna", "a" * 64, "an\u00e4", "anna\n"])
def test_name_that_cannot_be_one_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="operator name"):
        create_key(folder, name)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o700])
def test_private_key_that_others_can_read_is_refused(folder: Path, mode: int) -> None:
    create_key(folder, "anna")
    (folder / "anna.key").chmod(mode)
    with pytest.raises(KeyFileError, match=f"has mode {mode:04o}; valid: 0600"):
        load_key(folder / "anna.key")


def test_private_key_of_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create_key(folder, "anna")
    os.chown(folder / "anna.key", 12345, -1)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(KeyFileError, match="belongs to user 12345"):
        load_key(folder / "anna.key")


def test_private_key_behind_a_link_is_refused(folder: Path) -> None:
    create_key(folder, "anna")
    (folder / "link.key").symlink_to(folder / "anna.key")
    with pytest.raises(KeyFileError, match="a link"):
        load_key(folder / "link.key")


def test_pipe_instead_of_a_key_is_refused_without_waiting(folder: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / "anna.key", 0o600)
    with pytest.raises(KeyFileError):
        load_key(folder / "anna.key")


@pytest.mark.parametrize("path", ["missing.key", "no_folder/anna.key"])
def test_missing_key_is_named(folder: Path, path: str) -> None:
    folder.mkdir()
    with pytest.raises(KeyFileError, match="anna.key" if "anna" in path else "missing.key"):
        load_key(folder / path)


@pytest.mark.parametrize(
    "content", [b"", b"operator: anna\n", b"operator: anna\nno pem", b"-----BEGIN PRIVATE KEY-----"]
)
def test_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "anna.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError):
        load_key(path)


def test_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    pem = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "anna.key"
    path.write_bytes(b"operator: anna\n" + pem)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="valid: Ed25519"):
        load_key(path)


def test_passphrase_is_asked_for_and_needed(folder: Path) -> None:
    made = create_key(folder, "anna", b"secret")
    path = folder / "anna.key"
    assert load_key(path, lambda: b"secret").public.raw == made.public.raw
    for ask in (None, lambda: b"wrong"):
        with pytest.raises(KeyFileError, match="cannot be read"):
            load_key(path, ask)


def test_name_is_bound_to_the_key() -> None:
    anna = operator_key("anna").public
    with pytest.raises(KeyFileError, match="does not prove"):
        make_public_key("bob", anna.raw, anna.proof)
    assert OperatorPublicKey("bob", anna.raw, anna.proof).key_id != anna.key_id


@pytest.mark.parametrize("point", sorted(point.hex() for point in keys_module._SMALL_ORDER))
@pytest.mark.parametrize("sign", [0x00, 0x80])
def test_key_under_which_everybody_can_sign_is_refused(point: str, sign: int) -> None:
    raw = bytearray.fromhex(point)
    raw[31] |= sign
    with pytest.raises(KeyFileError, match="small order"):
        make_public_key("anna", bytes(raw), bytes(64))


def test_signature_is_for_one_purpose() -> None:
    key = operator_key("anna")
    signature = key.sign("resume", b"x")
    assert key.public.is_signature(signature, "resume", b"x")
    assert not key.public.is_signature(signature, "approval", b"x")
    assert not key.public.is_signature(signature, "resume", b"y")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "strands-robots-operator-key-1 anna 00",
        "something-else anna 00 00",
        "strands-robots-operator-key-1 anna zz 00",
        "strands-robots-operator-key-1 anna 00 00",
        "strands-robots-operator-key-1 anna " + "00" * 32 + " " + "00" * 64,
    ],
)
def test_line_that_is_no_public_key_is_refused(line: str) -> None:
    with pytest.raises(KeyFileError):
        parse_public_key(line)


def test_keyring_survives_its_file(tmp_path: Path) -> None:
    anna, bob = operator_key("anna").public, operator_key("bob").public
    ring = Keyring([Operator(anna, frozenset({Role.RESUME})), Operator(bob, frozenset(Role))])
    path = tmp_path / "folder" / "keyring.yaml"
    save_keyring(path, ring)
    loaded = load_keyring(path)
    assert loaded.operators == ring.operators
    assert loaded.find(anna.key_id) == ring.operators[0]
    assert loaded.find("other") is None
    assert os.listdir(path.parent) == ["keyring.yaml"]


def test_operator_added_again_gets_the_new_roles() -> None:
    anna = operator_key("anna").public
    ring = Keyring([Operator(anna, frozenset(Role))]).with_operator(Operator(anna, frozenset({Role.APPROVE})))
    assert ring.operators == (Operator(anna, frozenset({Role.APPROVE})),)


def test_operator_is_taken_out_by_key_id() -> None:
    anna, bob = operator_key("anna"), operator_key("bob")
    assert [entry.source for entry in keyring(anna, bob).without(anna.public.key_id).operators] == ["operator/bob"]
    with pytest.raises(ConfigurationError, match="no key 'x'"):
        keyring(anna).without("x")


def test_one_key_under_two_names_is_refused() -> None:
    anna = operator_key("anna")
    bob = type(anna)("bob", anna.private)
    with pytest.raises(ConfigurationError, match="comes twice"):
        keyring(anna, bob)


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: 2\nkeys: []\n",
        "version: 1\nkeys: [{name: anna}]\n",
        "version: 1\nkeys: []\nmore: 1\n",
        "{",
        "version: 1\nkeys: [{name: anna, public_key: '" + "0" * 64 + "', proof: '" + "0" * 128 + "', roles: []}]\n",
        "version: 1\nkeys: [{name: anna, public_key: '"
        + "0" * 64
        + "', proof: '"
        + "0" * 128
        + "', roles: [resume]}]\n",
        "version: 1\nkeys: [{name: anna, public_key: '" + "0" * 64 + "', proof: '" + "0" * 128 + "', roles: [root]}]\n",
    ],
)
def test_keyring_that_is_not_valid_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(KeyFileError):
        load_keyring(_write(tmp_path / "keyring.yaml", text))


def test_keyring_with_a_changed_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keyring.yaml"
    save_keyring(path, keyring(operator_key("anna")))
    _write(path, path.read_text().replace("anna", "bob"))
    with pytest.raises(KeyFileError, match="does not prove"):
        load_keyring(path)


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_keyring_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keyring.yaml"
    save_keyring(path, keyring(operator_key("anna")))
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="not writable by others"):
        load_keyring(path)


def test_keyring_behind_a_link_is_refused(tmp_path: Path) -> None:
    save_keyring(tmp_path / "keyring.yaml", keyring(operator_key("anna")))
    (tmp_path / "link.yaml").symlink_to(tmp_path / "keyring.yaml")
    with pytest.raises(KeyFileError, match="cannot be opened"):
        load_keyring(tmp_path / "link.yaml")
    with pytest.raises(KeyFileError, match="cannot be opened"):
        load_keyring(tmp_path / "missing" / "keyring.yaml")


def test_keyring_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keyring.yaml"
    save_keyring(path, keyring(operator_key("anna")))
    before = path.read_bytes()

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keyring_module.os, "write", full)
    with pytest.raises(KeyFileError, match="No space left"):
        save_keyring(path, keyring(operator_key("bob")))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["keyring.yaml"]
