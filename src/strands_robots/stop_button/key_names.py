"""Key codes of evdev by name. A code that is not listed is given as a number.

Source: Linux, include/uapi/linux/input-event-codes.h.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

KEY_MAX = 0x2FF

KEY_CODES: Mapping[str, int] = MappingProxyType(
    {
        "KEY_ESC": 1,
        "KEY_BACKSPACE": 14,
        "KEY_TAB": 15,
        "KEY_ENTER": 28,
        "KEY_SPACE": 57,
        **{f"KEY_F{number}": 58 + number for number in range(1, 11)},
        "KEY_KPENTER": 96,
        "KEY_UP": 103,
        "KEY_LEFT": 105,
        "KEY_RIGHT": 106,
        "KEY_DOWN": 108,
        "KEY_POWER": 116,
        "KEY_PAUSE": 119,
        "KEY_STOP": 128,
        **{f"BTN_{number}": 0x100 + number for number in range(10)},
        "BTN_LEFT": 0x110,
        "BTN_RIGHT": 0x111,
        "BTN_MIDDLE": 0x112,
        "BTN_TRIGGER": 0x120,
        "BTN_THUMB": 0x121,
        "BTN_TOP": 0x123,
        "BTN_DEAD": 0x12F,
        "BTN_SOUTH": 0x130,
        "BTN_EAST": 0x131,
        "BTN_NORTH": 0x133,
        "BTN_WEST": 0x134,
        "BTN_TL": 0x136,
        "BTN_TR": 0x137,
        "BTN_SELECT": 0x13A,
        "BTN_START": 0x13B,
        "BTN_MODE": 0x13C,
    }
)

_NAMES = {code: name for name, code in KEY_CODES.items()}


def parse_keys(given: Iterable[str]) -> frozenset[int]:
    """Return the codes of keys given as names or numbers; nothing given is nothing returned.

    Raises:
        ConfigurationError: If one is neither; the message lists the names.
    """
    return frozenset(map(_parse_key, given))


def _parse_key(text: str) -> int:
    if text.upper() in KEY_CODES:
        return KEY_CODES[text.upper()]
    try:
        code = int(text, 0)
    except ValueError:
        code = 0
    if not 0 < code <= KEY_MAX:
        raise ConfigurationError(
            f"key '{printable(text)}' is not known; valid: a number from 1 to {KEY_MAX}, or {', '.join(KEY_CODES)}"
        )
    return code


def key_name(code: int) -> str:
    """Return the name of a code, or its number in words."""
    return _NAMES.get(code, f"key {code}")
