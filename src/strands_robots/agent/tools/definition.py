"""Interface files as data: fields, constants and comments of any installed .msg, .srv and .action. No ROS.

Source: design.ros2.org, "Interface definition". A comment above a field, or behind it, is the field's; the first block of
comments, when a blank line follows it, is the interface's. Constants belong to the next field of their type that follows
them directly or names one of them.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import lru_cache

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.interface_files import interface_text
from strands_robots.core.text import printable

_LINE = re.compile(
    r"(?P<type>[A-Za-z]\w*(?:/(?:msg/)?[A-Za-z]\w*)?)(?:<=(?P<text>\d+))?"
    r"(?P<array>\[(?:<=)?\d*\])?\s+(?P<name>[A-Za-z]\w*)\s*(?P<equals>=)?\s*(?P<rest>.*)"
)
_ALIASES = {"byte": "uint8", "char": "uint8"}
BASIC = frozenset(
    {"bool", "float32", "float64", "string", "wstring"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)


@dataclass(frozen=True)
class Constant:
    """A constant of an interface."""

    name: str
    kind: str
    value: object


@dataclass(frozen=True)
class Field:
    """A field of an interface.

    Attributes:
        name: Its name.
        kind: A basic type, or the full name of a message, as "geometry_msgs/msg/Pose".
        comment: Its comment in one line.
        constants: The constants above it that have its type.
        default: Its default; None when the file gives none.
        longest_text: Bound of a text [bytes]; None for none.
        is_list: Whether it is an array.
        length: Exact length of an array; None when it may vary.
        most: Bound of an array's length; None for none.
    """

    name: str
    kind: str
    comment: str = ""
    constants: tuple[Constant, ...] = ()
    default: object = None
    longest_text: int | None = None
    is_list: bool = False
    length: int | None = None
    most: int | None = None


@dataclass(frozen=True)
class Part:
    """A message, or one part of a service or an action: request and response; goal, result and feedback."""

    fields: tuple[Field, ...]
    constants: tuple[Constant, ...]


@dataclass(frozen=True)
class Definition:
    """An interface: its full name, what its first comment says, and its parts."""

    name: str
    comment: str
    parts: tuple[Part, ...]


@lru_cache(maxsize=512)
def load_definition(name: str) -> Definition:
    """Return an installed interface; its files are read once.

    Args:
        name: Full name, as "std_srvs/srv/Trigger".

    Raises:
        UnknownNameError: If its file is not installed.
        ConfigurationError: If a line cannot be read.
    """
    return parse_definition(name, interface_text(name))


def parse_definition(name: str, text: str) -> Definition:
    """Return the interface that a text defines; raises ConfigurationError for a line that cannot be read."""
    wanted = {"msg": 1, "srv": 2, "action": 3}[name.split("/")[1]]
    reader = _Reader(name)
    for line in text.splitlines():
        reader.read(line)
    parts = reader.finish()
    if len(parts) != wanted:
        raise ConfigurationError(f"{name} has {len(parts)} parts; valid: {wanted}, between lines of ---")
    return Definition(name, reader.comment, parts)


class _Reader:
    """Reads line after line."""

    def __init__(self, name: str) -> None:
        self.comment = ""
        self._name = name
        self._parts: list[Part] = []
        self._above: list[str] = []
        self._is_first = True
        self._begin()

    def _begin(self) -> None:
        self._fields: list[Field] = []
        self._constants: list[Constant] = []
        self._waiting: list[Constant] = []
        self._follows_constants = False

    def read(self, line: str) -> None:
        code, comment = _split_comment(line)
        if code.strip() == "---":
            self._keep_comment()
            self._parts.append(Part(tuple(self._fields), tuple(self._constants)))
            self._begin()
        elif code.strip():
            self._read_code(code.strip(), comment)
        elif comment:
            self._above.append(comment)
        else:
            self._keep_comment()

    def finish(self) -> tuple[Part, ...]:
        self._keep_comment()
        self._parts.append(Part(tuple(self._fields), tuple(self._constants)))
        return tuple(self._parts)

    def _keep_comment(self) -> None:
        """A block with nothing directly below describes the interface when it is the first; otherwise it is dropped."""
        if self._is_first and self._above:
            self.comment, self._is_first = " ".join(self._above), False
        self._above = []

    def _read_code(self, code: str, comment: str) -> None:
        match = _LINE.fullmatch(code)
        if match is None:
            raise ConfigurationError(
                f"{self._name} has the line '{printable(code)[:100]}'; valid: a type, a name, and a value"
            )
        self._is_first = False
        words = " ".join([*self._above, comment]).strip()
        kind = self._full_kind(match["type"])
        if match["equals"]:
            constant = Constant(match["name"], kind, _value(match["rest"], kind))
            self._constants.append(constant)
            self._waiting.append(constant)
            self._follows_constants = True
            return  # The comment above constants is often the field's; it is kept.
        self._above = []
        own = tuple(entry for entry in self._waiting if entry.kind == kind)
        if own and (self._follows_constants or any(entry.name in words for entry in own)):
            self._waiting = []
        else:
            own = ()
        self._follows_constants = False
        self._fields.append(_field(match, kind, words, own))

    def _full_kind(self, kind: str) -> str:
        kind = _ALIASES.get(kind, kind)
        if kind in BASIC:
            return kind
        package, _, stem = kind.replace("/msg/", "/").rpartition("/")
        return f"{package or ('std_msgs' if stem == 'Header' else self._name.split('/')[0])}/msg/{stem}"


def _field(match: re.Match[str], kind: str, words: str, constants: tuple[Constant, ...]) -> Field:
    array = match["array"] or ""
    number = int(digits) if (digits := array.strip("[]<=")) else None
    rest = match["rest"].strip()
    return Field(
        match["name"],
        kind,
        words,
        constants,
        _value(rest, kind) if rest else None,
        int(match["text"]) if match["text"] else None,
        bool(array),
        number if number is not None and "<=" not in array else None,
        number if "<=" in array else None,
    )


def _split_comment(line: str) -> tuple[str, str]:
    """Return code and comment of a line; a "#" in quotes begins none."""
    quote = ""
    for index, sign in enumerate(line):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'" and "=" in line[:index]:
            quote = sign
        elif sign == "#":
            return line[:index].rstrip(), line[index:].strip("# \t")
    return line.rstrip(), ""


def _value(text: str, kind: str) -> object:
    """Return the value of a constant or a default."""
    text = text.strip()
    if kind in ("string", "wstring") and not text.startswith("["):
        return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        found: object = ast.literal_eval(text.replace("true", "True").replace("false", "False"))
    except (ValueError, SyntaxError) as error:
        raise ConfigurationError(f"'{printable(text)[:100]}' is no value of type {kind}") from error
    return bool(found) if kind == "bool" and not isinstance(found, list) else found
