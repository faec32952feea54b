"""What several commands have in common: options, the way to ROS, and output in ASCII."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.resident.prepared import take
from strands_robots.core.errors import ConfigurationError

if TYPE_CHECKING:
    from strands_robots.clients.client import GraphClient

Namespace = Annotated[str, typer.Option(help="Namespace of the graph.")]

NAME_BYTES = 128
REASON_BYTES = 256


@contextlib.contextmanager
def connect(namespace: str, is_starting: bool = False) -> Iterator[GraphClient]:
    """Give a client of the running graph, or with `is_starting` of one that was just started.

    Raises:
        ConfigurationError: If ROS, or the interfaces of this package, cannot be imported.
    """
    with contextlib.closing(connected(namespace, is_starting)) as client:
        yield client


def connected(namespace: str, is_starting: bool = False) -> GraphClient:
    """Return a client of the running graph; raises as `connect`."""
    find_graph(namespace, is_starting)
    prepared = take(namespace)
    if prepared is not None:
        return prepared
    try:
        from strands_robots.clients.client import GraphClient
    except ImportError as error:
        raise ConfigurationError(
            f"ROS 2 is not available in this shell ({error}); source the setup.bash of the installation first"
        ) from error
    return GraphClient(namespace)


def find_graph(namespace: str, is_starting: bool = False) -> None:
    """Use what the graph of this domain uses, and say on the error output why it may not be found."""
    from strands_robots.doctor.zenoh_router import no_router_words
    from strands_robots.safety.graph_file import join_graph

    for words in join_graph(os.environ, namespace):
        complain(words)
    problem = "" if is_starting else no_router_words(os.environ)
    if problem:
        complain(problem)


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
