"""`strands-robots keys`: an operator's key pair, and the keyring that says whose signatures a graph accepts."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import say
from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.operators.own_key import KEY_VARIABLE as KEY_VARIABLE  # part of the commands that sign
from strands_robots.operators.own_key import default_folder, operators_home
from strands_robots.operators.own_key import find_key as find_key

if TYPE_CHECKING:
    from strands_robots.operators.keyring import Keyring
    from strands_robots.operators.operator_key import OperatorKey, OperatorPublicKey

app = typer.Typer(help="Operator keys: who may resume and who may approve.", no_args_is_help=True)

Folder = Annotated[
    Path | None,
    typer.Option(help="Folder of private keys; without it strands_robots/operator_keys in $ROS_HOME or ~/.ros."),
]
KeyringFile = Annotated[
    Path | None,
    typer.Option("--keyring", help="The keyring; without it strands_robots/keyring.yaml in $ROS_HOME or ~/.ros."),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The operator, for example anna.")],
    folder: Folder = None,
    passphrase: Annotated[bool, typer.Option(help="Ask for a passphrase that encrypts the private key.")] = False,
) -> None:
    """Make a key pair for one person. The private key stays in its file, mode 0600; the line that is printed is for the
    keyring.
    """
    from strands_robots.operators.operator_key import KEY_SUFFIX, create_key

    place = folder or default_folder()
    secret = _new_passphrase() if passphrase else b""
    key = create_key(place, name, secret)
    say(key.public.line())
    say(f"private key: {place / (name + KEY_SUFFIX)}")
    say(f"key id: {key.public.key_id}")


@app.command()
def show(
    key: Annotated[Path | None, typer.Argument(help="A .key or .pub file; without it your only private key.")] = None,
) -> None:
    """Print the public line and the id of a key."""
    from strands_robots.operators.operator_key import KEY_SUFFIX

    path = key or find_key(None)
    public = load_operator_key(path).public if path.suffix == KEY_SUFFIX else _read_public(path)
    say(public.line())
    say(f"key id: {public.key_id}")


@app.command()
def add(
    public_key: Annotated[str, typer.Argument(help="A .pub file, or the line in it.")],
    role: Annotated[list[str], typer.Option("--role", help="resume or approve; may be given twice.")],
    keyring: KeyringFile = None,
) -> None:
    """Put an operator's public key into a keyring, or give the key that is there other roles. Restart the nodes that
    use it.
    """
    from strands_robots.operators.keyring import Keyring, Operator, Role, load_keyring, save_keyring
    from strands_robots.operators.operator_key import parse_public_key

    path = keyring or default_keyring()
    roles = [entry.value for entry in Role]
    for given in role:
        if given not in roles:
            raise UnknownNameError("role", given, roles)
    public = parse_public_key(public_key) if " " in public_key else _read_public(Path(public_key))
    ring = load_keyring(path) if path.exists() or path.is_symlink() else Keyring()
    save_keyring(path, ring.with_operator(Operator(public, frozenset(Role(entry) for entry in role))))
    say(f"{public.name} ({public.key_id}) may {' and '.join(sorted(set(role)))}; keyring {path}")


@app.command()
def remove(
    key_id: Annotated[str, typer.Argument(help="Id of the key, see list.")],
    keyring: KeyringFile = None,
) -> None:
    """Take a key out of a keyring. Restart the nodes that use it."""
    from strands_robots.operators.keyring import load_keyring, save_keyring

    path = keyring or default_keyring()
    save_keyring(path, load_keyring(path).without(key_id))
    say(f"removed {key_id}; keyring {path}")


@app.command("list")
def list_keys(keyring: KeyringFile = None) -> None:
    """Print the operators of a keyring, the id of each key and its roles."""
    from strands_robots.operators.keyring import load_keyring

    for line in _rows(load_keyring(keyring or default_keyring())):
        say(line)


def _rows(ring: Keyring) -> list[str]:
    return [
        f"{operator.key.key_id}  {operator.key.name}  {', '.join(sorted(role.value for role in operator.roles))}"
        for operator in ring.operators
    ]


def default_keyring() -> Path:
    """Return the default keyring."""
    return operators_home() / "keyring.yaml"


def load_operator_key(path: Path, ask: Callable[[str], str] = getpass.getpass) -> OperatorKey:
    """Return a private key; asks for its passphrase when it has one."""
    from strands_robots.operators.operator_key import load_key

    return load_key(path, lambda: ask(f"passphrase of {path.name}: ").encode())


def _new_passphrase() -> bytes:
    secret = getpass.getpass("passphrase: ")
    if not secret or secret != getpass.getpass("again: "):
        raise ConfigurationError("the passphrases are empty or differ; valid: the same text twice")
    return secret.encode()


def _read_public(path: Path) -> OperatorPublicKey:
    from strands_robots.core.key_file import KeyFileError
    from strands_robots.operators.operator_key import parse_public_key

    try:
        text = path.read_text(encoding="ascii")[:4096]
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"the public key '{path}' cannot be read: {error}") from error
    return parse_public_key(text)
