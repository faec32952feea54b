"""What several commands have in common: options, the way to ROS, and output in ASCII."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.core.errors import ConfigurationError

if TYPE_CHECKING:
    from strands_robots.clients.client import GraphClient

Namespace = Annotated[str, typer.Option(help="Namespace of the graph.")]

NAME_BYTES = 128
REASON_BYTES = 256


@contextlib.contextmanager
def connect(namespace: str) -> Iterator[GraphClient]:
    """Give a client of the running graph.

    Raises:
        ConfigurationError: If ROS, or the interfaces of this package, cannot be imported.
    """
    with contextlib.closing(connected(namespace)) as client:
        yield client


def connected(namespace: str) -> GraphClient:
    """Return a client of the running graph; raises as `connect`."""
    from strands_robots.bringup.environment import middleware_environment
    from strands_robots.core.share import share_directory

    os.environ.update(middleware_environment(os.environ, share_directory()))
    try:
        from strands_robots.clients.client import GraphClient
    except ImportError as error:
        raise ConfigurationError(
            f"ROS 2 is not available in this shell ({error}); source the setup.bash of the installation first"
        ) from error
    return GraphClient(namespace)


def operator_source() -> str:
    """Return who is asking, as the lease and the log name sources: "operator/<login name>"."""
    return f"operator/{clip_text(getpass.getuser(), NAME_BYTES - len('operator/'))}"


def clip_text(text: str, length: int) -> str:
    """Return the text in ASCII with at most `length` characters."""
    return text.encode("ascii", "backslashreplace").decode("ascii")[:length]


def say(text: str) -> None:
    """Print a line of ASCII at once."""
    print(clip_text(text, len(text) * 10), flush=True)


def complain(text: str) -> None:
    """Print a line of ASCII on the error output at once."""
    print(clip_text(text, len(text) * 10), file=sys.stderr, flush=True)
