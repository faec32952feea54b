"""A USB button, joystick or keyboard as a stop button, read from the kernel's event interface.

The three ioctls and the one struct of that interface are a stable part of Linux, so no library is needed; python-evdev
has no wheels and wants a compiler on the robot's computer.

Source: docs.kernel.org/input/input.html and event-codes.html; include/uapi/linux/input.h.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.stop_button.button import ButtonError, SwitchContact
from strands_robots.stop_button.key_names import KEY_MAX, key_name

EVENT = struct.Struct("@llHHi")
"""struct input_event: seconds, microseconds, type, code, value."""

EV_SYN, EV_KEY, SYN_DROPPED = 0, 1, 3

_KEY_BYTES = KEY_MAX // 8 + 1
_READ = 2 << 30
_EVIOCGKEY = _READ | _KEY_BYTES << 16 | ord("E") << 8 | 0x18
_EVIOCGBIT_KEY = _READ | _KEY_BYTES << 16 | ord("E") << 8 | (0x20 + EV_KEY)
_EVIOCGRAB = 1 << 30 | 4 << 16 | ord("E") << 8 | 0x90

_DEVICES = Path("/dev/input")
_CLASS = Path("/sys/class/input")


def held_keys(descriptor: int) -> frozenset[int]:
    """Return the codes of the keys that are down now."""
    return _bits(descriptor, _EVIOCGKEY)


def known_keys(descriptor: int) -> frozenset[int]:
    """Return the codes of the keys that the device has."""
    return _bits(descriptor, _EVIOCGBIT_KEY)


def _bits(descriptor: int, request: int) -> frozenset[int]:
    data = bytearray(_KEY_BYTES)
    fcntl.ioctl(descriptor, request, data)
    return frozenset(code for code in range(KEY_MAX + 1) if data[code >> 3] >> (code & 7) & 1)


def find_device(device: str, devices: Path = _DEVICES, classes: Path = _CLASS) -> Path:
    """Return the event file of a device given by its path or by its name.

    Args:
        device: Absolute path, or the name that the kernel gives the device.
        devices: Folder of the event files.
        classes: Folder where the kernel says their names.

    Raises:
        ButtonError: If there is none or more than one of the name; the message lists the devices.
    """
    if device.startswith("/"):
        return Path(device)
    names: dict[str, str] = {}
    for folder in sorted(classes.glob("event*")):
        try:
            names[folder.name] = (folder / "device" / "name").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            continue  # Unplugged meanwhile.
    found = [event for event, name in names.items() if name == device]
    if len(found) != 1:
        listed = ", ".join(f"{devices / event} ('{printable(name)}')" for event, name in names.items()) or "none"
        raise ButtonError(f"{len(found)} input devices are named '{printable(device)}'; valid: one of {listed}")
    return devices / found[0]


@dataclass(frozen=True)
class KernelCalls:
    """The calls that only a real input device answers; tests replace them."""

    held: Callable[[int], frozenset[int]] = held_keys
    known: Callable[[int], frozenset[int]] = known_keys


class EvdevButton:
    """Keys of one input device; any of them stops.

    Args:
        device: Path of the event file, or the device's name.
        keys: Codes that stop; empty for every key of the device.
        contact: Normally open: down means pressed. Normally closed: up means pressed, so `keys` must be given.
        grab: No other process gets the device's events, so that a button that is a keyboard types nowhere.
        kernel: Calls to the kernel.

    Raises:
        ConfigurationError: If a normally closed button names no keys.
    """

    def __init__(
        self,
        device: str,
        keys: frozenset[int] = frozenset(),
        contact: SwitchContact = SwitchContact.NORMALLY_OPEN,
        grab: bool = False,
        kernel: KernelCalls | None = None,
    ) -> None:
        if contact is SwitchContact.NORMALLY_CLOSED and not keys:
            raise ConfigurationError("a normally closed button needs its keys; valid: names or numbers of its keys")
        self._device = device
        self._keys = keys
        self._contact = contact
        self._grab = grab
        self._kernel = kernel or KernelCalls()
        self._file = -1
        self._held: set[int] = set()
        self._rest = b""

    def open(self) -> None:
        """Open the device and read which keys are down."""
        path = find_device(self._device)
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            known = self._kernel.known(self._file)
            self._held = set(self._kernel.held(self._file))
            if self._grab:
                fcntl.ioctl(self._file, _EVIOCGRAB, 1)
        except OSError as error:
            self.close()
            raise ButtonError(_words(path, error)) from error
        missing = sorted(self._keys - known)
        if missing or not known:
            self.close()
            raise ButtonError(
                f"{path} has no {', '.join(map(key_name, missing)) or 'keys'}; "
                f"valid: {', '.join(map(key_name, sorted(known))) or 'another device'}"
            )
        self._rest = b""

    def wait(self, timeout: float) -> str:
        """Wait for an event and return what was pressed; lost events count as a press."""
        ready, _, _ = select.select([self._file], [], [], timeout)
        pressed = self._pressed_now()
        return (self._take_events() or pressed or self._pressed_now()) if ready else pressed

    def close(self) -> None:
        """Let the device go."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _take_events(self) -> str:
        """Take what has happened and return what was pressed in it."""
        try:
            data = os.read(self._file, 64 * EVENT.size)
        except BlockingIOError:
            return ""
        except OSError as error:
            raise ButtonError(_words(Path(self._device), error)) from error
        if not data:
            raise ButtonError(f"{self._device} has ended")
        data = self._rest + data
        whole = len(data) - len(data) % EVENT.size
        self._rest = data[whole:]
        pressed = ""
        for _, _, kind, code, value in EVENT.iter_unpack(data[:whole]):
            pressed = self._on_event(kind, code, value) or pressed
        return pressed

    def _on_event(self, kind: int, code: int, value: int) -> str:
        if kind == EV_SYN and code == SYN_DROPPED:
            try:
                self._held = set(self._kernel.held(self._file))
            except OSError as error:
                raise ButtonError(_words(Path(self._device), error)) from error
            return "events were lost"
        if kind != EV_KEY or (self._keys and code not in self._keys):
            return ""
        (self._held.add if value else self._held.discard)(code)
        is_closed = bool(value)
        if is_closed is (self._contact is SwitchContact.NORMALLY_OPEN):
            return f"{key_name(code)} {'down' if is_closed else 'released'}"
        return ""

    def _pressed_now(self) -> str:
        if self._contact is SwitchContact.NORMALLY_CLOSED:
            open_keys = self._keys - self._held
            return f"{key_name(min(open_keys))} is released" if open_keys else ""
        down = self._held & self._keys if self._keys else self._held
        return f"{key_name(min(down))} is down" if down else ""


def _words(path: Path, error: OSError) -> str:
    hints = {
        errno.EACCES: "; add the user to the group input: sudo usermod -aG input $USER, then log in again",
        errno.ENOTTY: "; it is no input device; valid: /dev/input/event* or a device's name",
        errno.ENODEV: "; it was unplugged",
        errno.EBUSY: "; another program has grabbed it",
    }
    return f"{printable(str(path))}: {error.strerror or error}{hints.get(error.errno or 0, '')}"
