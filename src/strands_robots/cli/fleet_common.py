"""What the fleet's commands share: folders, an operator's station, the authority."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import say
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.ros_home import ros_home

if TYPE_CHECKING:
    from strands_robots.fleet.authority import Authority
    from strands_robots.fleet.station import Station

NOT_CONFIRMED = 3

Member = Annotated[
    Path | None,
    typer.Option(
        "--member", help="Folder of the enrolled member; without it strands_robots/fleet in $ROS_HOME or ~/.ros."
    ),
]
Folder = Annotated[Path, typer.Option("--authority", help="Folder of the fleet's authority.")]


def default_folder() -> Path:
    """Return the folder of this machine's member where none is given."""
    return ros_home() / "strands_robots" / "fleet"


@contextlib.contextmanager
def open_station(member: Path | None, is_kept: bool = False, authority: Authority | None = None) -> Iterator[Station]:
    """Give the station of an operator or auditor; leaving says when the router was not reached.

    Args:
        member: Folder of the member.
        is_kept: It stays: it keeps what it witnesses, and renews its certificate.
        authority: Where it answers members that ask for their next certificate; None for nowhere.
    """
    from strands_robots.fleet.member import MemberKind
    from strands_robots.fleet.member_folder import MemberFolder
    from strands_robots.fleet.renewal_answers import RenewalAnswers
    from strands_robots.fleet.station import Station

    opened = MemberFolder(member or default_folder(), ask_passphrase)
    channel = opened.channel()
    if channel.me.is_robot:
        raise ConfigurationError(f"'{opened.name}' is a robot; valid: an operator or auditor")
    if authority is not None and channel.me.kind is not MemberKind.OPERATOR:
        raise ConfigurationError(f"'{opened.name}' is an auditor, whose answers no member takes; valid: an operator")
    transport = opened.transport()
    desk = RenewalAnswers(authority) if authority is not None else None
    station = Station(channel, transport, folder=opened.folder if is_kept else None, renewals=desk)
    try:
        yield station
    finally:
        problem = getattr(transport, "problem", "")  # Of the link as it was used: closing it is none.
        station.close()
        transport.close()
        if problem:
            say(f"the router was not reached: {problem}")


def open_authority(folder: Path) -> Authority:
    """Return the authority in a folder."""
    from strands_robots.fleet.authority import Authority

    return Authority(folder, ask_passphrase)


def ask_passphrase() -> bytes:
    """Return what a person types."""
    import getpass

    return getpass.getpass("passphrase: ").encode()


def read_text(path: Path) -> bytes:
    """Return the bytes of a file; raises ConfigurationError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"'{path}' cannot be read: {error.strerror}") from error
