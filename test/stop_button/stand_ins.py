"""Stand-ins for hardware: an input device made of a FIFO with the kernel's event bytes, and a GPIO line."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from strands_robots.stop_button.evdev import EV_KEY, EV_SYN, EVENT, KernelCalls
from strands_robots.stop_button.key_names import KEY_CODES

SPACE, ENTER = KEY_CODES["KEY_SPACE"], KEY_CODES["KEY_ENTER"]


class FifoDevice:
    """The writing side of an input device; what its keys are is kept in a file beside it, for another process too."""

    def __init__(self, folder: Path, known: tuple[int, ...] = (SPACE, ENTER)) -> None:
        self.path = folder / "event0"
        self.known = known
        os.mkfifo(self.path)
        self.set_held()
        self._file = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)

    def set_held(self, *codes: int) -> None:
        """Say which keys the kernel would call down."""
        self.path.with_suffix(".held").write_text(" ".join(map(str, codes)), encoding="ascii")

    def key(self, code: int, value: int) -> None:
        self.event(EV_KEY, code, value)
        self.event(EV_SYN, 0, 0)

    def event(self, kind: int, code: int, value: int) -> None:
        os.write(self._file, EVENT.pack(1, 2, kind, code, value))

    def press(self, code: int = SPACE) -> None:
        self.key(code, 1)
        self.key(code, 0)

    def unplug(self) -> None:
        """End the stream: the reader gets an end of file, where a real device gives ENODEV."""
        self.path.rename(self.path.with_suffix(".gone"))
        os.close(self._file)

    def plug(self) -> None:
        """Come back as the same device."""
        self.path.with_suffix(".gone").unlink()
        os.mkfifo(self.path)
        self._file = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)


def kernel_of(path: Path, known: tuple[int, ...] = (SPACE, ENTER)) -> KernelCalls:
    """Return the calls that a FIFO cannot answer."""
    held = path.with_suffix(".held")
    return KernelCalls(
        lambda descriptor: frozenset(map(int, held.read_text(encoding="ascii").split())),
        lambda descriptor: frozenset(known),
    )


class FakeLine:
    """A GPIO line whose level and edges the test sets."""

    def __init__(self, level: bool) -> None:
        self.value = level
        self.edges = 0
        self.is_gone = False
        self.is_released = False

    def wait(self, timeout: float) -> int:
        self._check()
        edges, self.edges = self.edges, 0
        return edges

    def level(self) -> bool:
        self._check()
        return self.value

    def release(self) -> None:
        self.is_released = True

    def _check(self) -> None:
        if self.is_gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
