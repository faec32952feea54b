"""`strands-robots keys`: from a new key to a keyring, and what is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from strands_robots.cli import keys
from strands_robots.cli.keys import app, find_key, load_operator_key
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.key_file import KeyFileError
from strands_robots.operators.keyring import Role, load_keyring


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROS_HOME", str(tmp_path))
    monkeypatch.delenv(keys.KEY_VARIABLE, raising=False)
    return tmp_path / "strands_robots"


def run(*words: str) -> list[str]:
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None:
        raise result.exception
    return result.output.splitlines()


def test_new_key_goes_into_a_keyring_and_out_again(home: Path) -> None:
    line, private, key_id = run("create", "anna")
    assert stat.S_IMODE((home / "operator_keys" / "anna.key").stat().st_mode) == 0o600
    assert str(home / "operator_keys" / "anna.key") in private
    assert run("show") == run("show", str(home / "operator_keys" / "anna.pub")) == [line, key_id]
    run("add", line, "--role", "resume")
    run("add", str(home / "operator_keys" / "anna.pub"), "--role", "resume", "--role", "approve")
    (operator,) = load_keyring(home / "keyring.yaml").operators
    assert (operator.source, operator.roles) == ("operator/anna", frozenset(Role))
    identity = key_id.split()[-1]
    assert run("list") == [f"{identity}  anna  approve, resume"]
    run("remove", identity)
    assert run("list") == []


def test_role_that_does_not_exist_is_refused(home: Path) -> None:
    line = run("create", "anna")[0]
    with pytest.raises(UnknownNameError, match="valid: approve, resume"):
        run("add", line, "--role", "root")


def test_keyring_behind_a_link_is_not_replaced(home: Path, tmp_path: Path) -> None:
    line = run("create", "anna")[0]
    (home / "keyring.yaml").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError, match="cannot be opened"):
        run("add", line, "--role", "resume")


def test_public_key_that_is_none_is_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        run("add", str(tmp_path / "missing.pub"), "--role", "resume")
    with pytest.raises(KeyFileError, match="no public key"):
        run("add", "some words", "--role", "resume")


def test_passphrase_protects_the_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys.getpass, "getpass", lambda prompt: "secret")
    run("create", "anna", "--passphrase")
    path = find_key(None)
    assert b"ENCRYPTED" in path.read_bytes()
    assert load_operator_key(path, lambda prompt: "secret").name == "anna"


@pytest.mark.parametrize("answers", [["", ""], ["one", "other"]])
def test_passphrase_must_be_given_twice(home: Path, monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> None:
    given = iter(answers)
    monkeypatch.setattr(keys.getpass, "getpass", lambda prompt: next(given))
    with pytest.raises(ConfigurationError, match="same text twice"):
        run("create", "anna", "--passphrase")


def test_key_is_found_by_option_variable_or_because_it_is_the_only_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="no single operator key"):
        find_key(None)
    run("create", "anna")
    assert find_key(None).name == "anna.key"
    run("create", "bob")
    with pytest.raises(ConfigurationError, match=r"anna\.key, bob\.key"):
        find_key(None)
    assert find_key(Path("/some/key")) == Path("/some/key")
    monkeypatch.setenv(keys.KEY_VARIABLE, "/other/key")
    assert find_key(None) == Path("/other/key")
