"""The keys of `strands-robots record`. No ROS."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from strands_robots.clients.record_wishes import Wishes
from strands_robots.live.terminal import Keys

HELP = (
    "keys: right arrow (n) ends the episode or the pause, left arrow (r) records the episode again, p holds the pause or lets it go on, "
    "Escape (q) stops"
)


@contextmanager
def reading_keys(wishes: Wishes, tell: Callable[[str], None], words: str = HELP) -> Iterator[None]:
    """Hand the terminal's keys to `wishes`; without a terminal do nothing.

    Args:
        wishes: Takes each character.
        tell: Takes the line that says which key does what.
        words: That line.
    """
    if not sys.stdin.isatty():
        yield
        return
    with Keys(wishes.press, sys.stdin.fileno()):
        tell(words)
        yield
