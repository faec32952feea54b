"""What a person asks of a recording, by keys as users of lerobot-record know them. No ROS.

Source: lerobot/utils/keyboard_input.py, lerobot 0.6.1: right arrow, left arrow, Escape. Letters serve terminals that change arrows.
"""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Mapping

ESCAPE = "\x1b"
SPLIT = 0.15
"""How long the rest of an arrow's characters may take after its Escape: a network may part them [s]."""


class Wish(enum.Enum):
    """What a person asks of a recording."""

    NEXT = "next"
    AGAIN = "again"
    STOP = "stop"
    PAUSE = "pause"


_ARROWS = {"C": Wish.NEXT, "D": Wish.AGAIN}
_LETTERS = {"n": Wish.NEXT, "r": Wish.AGAIN, "q": Wish.STOP, "p": Wish.PAUSE}


class KeyParser:
    """Characters of a terminal as wishes.

    An arrow is Escape, "[" or "O", and a letter, maybe in several pieces. Escape alone is the key itself.
    """

    def __init__(self, letters: Mapping[str, Wish] = _LETTERS) -> None:
        self._letters = letters
        self._pending = ""
        self._since = 0.0

    def press(self, character: str, now: float) -> Wish | None:
        """Take a character at `now` [s, steady time]; return the wish that it completes.

        An Escape that stayed alone counts when the next character comes, too.
        """
        alone = self.poll(now)
        if self._pending == ESCAPE and character in "[O":
            self._pending, self._since = self._pending + character, now
            return alone
        if len(self._pending) > 1:
            # Parameters of a longer sequence, as of an arrow with Shift, end with a letter.
            if character.isdigit() or character == ";":
                self._since = now
                return alone
            self._pending = ""
            return _ARROWS.get(character)
        if character == ESCAPE:
            wish = Wish.STOP if self._pending else alone  # Twice Escape is Escape.
            self._pending, self._since = ESCAPE, now
            return wish
        self._pending = ""
        return alone or self._letters.get(character.lower())

    def poll(self, now: float) -> Wish | None:
        """Return the wish of an Escape that stayed alone until `now` [s, steady time]."""
        if self._pending and now - self._since > SPLIT:
            is_alone, self._pending = self._pending == ESCAPE, ""
            return Wish.STOP if is_alone else None
        return None


class Pause:
    """The time before an episode, which a person may hold for as long as the scene needs. Safe in any thread.

    Args:
        now: Steady time [s].
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._left: float | None = None
        self._since = 0.0
        self._is_held = False

    def begin(self, duration: float) -> None:
        """Begin a pause [s]; one that was held before it began stays held."""
        with self._lock:
            self._left, self._since = duration, self._now()

    def end(self) -> None:
        """End the pause, held or not."""
        with self._lock:
            self._left, self._is_held = None, False

    def toggle(self) -> None:
        """Hold the present or the next pause, or let it go on with the time that was left."""
        with self._lock:
            self._count()
            self._is_held = not self._is_held

    @property
    def is_held(self) -> bool:
        """Whether a person holds it."""
        return self._is_held

    @property
    def left(self) -> float | None:
        """Time until the episode begins [s]; None where no pause is."""
        with self._lock:
            self._count()
            return self._left

    @property
    def is_over(self) -> bool:
        """Whether the next episode may begin."""
        return not self._is_held and not self.left

    def _count(self) -> None:
        """Let the time pass, unless the pause is held; the caller holds the lock."""
        now = self._now()
        if self._left is not None and not self._is_held:
            self._left = max(self._left - (now - self._since), 0.0)
        self._since = now


class Wishes:
    """What a person asked for and was not taken yet; safe in any thread.

    Args:
        letters: Keys besides arrows and Escape, and what each asks for.

    Attributes:
        pause: The time before an episode.
    """

    def __init__(self, letters: Mapping[str, Wish] = _LETTERS) -> None:
        self.pause = Pause()
        self._lock = threading.Lock()
        self._parser = KeyParser(letters)
        self._wish: Wish | None = None

    def press(self, character: str) -> None:
        """Take a key."""
        with self._lock:
            self._add(self._parser.press(character, time.monotonic()))

    def ask(self, wish: Wish) -> None:
        """Ask for something."""
        with self._lock:
            self._add(wish)

    @property
    def pending(self) -> Wish | None:
        """What is asked for."""
        with self._lock:
            self._add(self._parser.poll(time.monotonic()))
            return self._wish

    def take(self) -> Wish | None:
        """Return what is asked for, once."""
        wish = self.pending
        with self._lock:
            self._wish = None
        return wish

    def _add(self, wish: Wish | None) -> None:
        """Keep a wish; nothing takes the place of a stop."""
        if wish is Wish.PAUSE:
            self.pause.toggle()
        elif wish is not None and self._wish is not Wish.STOP:
            self._wish = wish
