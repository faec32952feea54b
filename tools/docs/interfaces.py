"""The reference of every message, service and action, from the interface files and their comments."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_CONSTANT = re.compile(r"^(?P<type>[\w/<=]+)\s+(?P<name>[A-Z][A-Z0-9_]*)\s*=\s*(?P<value>.+)$")
_FIELD = re.compile(
    r"^(?P<type>[A-Za-z][\w/]*(<=\d+)?(\[[<=\d]*\])?)\s+(?P<name>[a-z]\w*)(\s+(?P<default>[-\d.\"'\[tTfF].*))?$"
)

PARTS = {"msg": ("Fields",), "srv": ("Request", "Response"), "action": ("Goal", "Result", "Feedback")}


@dataclass(frozen=True)
class Entry:
    """One field or constant with the comment above or behind it."""

    type: str
    name: str
    value: str
    comment: str


@dataclass
class Interface:
    """One interface file: its own comment, and its parts."""

    name: str
    comment: str
    parts: list[list[Entry]] = field(default_factory=list)


def parse(text: str, name: str) -> Interface:
    """Return an interface file's content.

    A comment belongs to the lines that follow it, up to a blank line or a comment; the first, with a blank line behind it, to the file.

    Raises:
        ValueError: If a line is neither a field, a constant nor a comment.
    """
    interface, comment, above = Interface(name, ""), [], ""
    entries: list[Entry] = []
    for number, line in enumerate(text.splitlines(), 1):
        content, _, behind = line.strip().partition("#")
        content, behind = content.strip(), behind.strip()
        if not content and behind:
            comment.append(behind)
        elif not content:
            if comment and not entries and not interface.parts and not interface.comment:
                interface.comment = " ".join(comment)
                comment = []
        elif content == "---":
            interface.parts.append(entries)
            entries, comment = [], []
        else:
            words = " ".join([*comment, *([behind] if behind else [])])
            entries.append(_entry(content, words or above, name, number))
            above, comment = entries[-1].comment, []
            continue
        above = ""
    interface.parts.append(entries)
    return interface


def _entry(content: str, comment: str, name: str, number: int) -> Entry:
    constant, plain = _CONSTANT.match(content), _FIELD.match(content)
    if constant:
        return Entry(constant["type"], constant["name"], constant["value"].strip(), comment)
    if plain:
        return Entry(plain["type"], plain["name"], plain["default"] or "", comment)
    raise ValueError(f"{name}, line {number}: '{content}' is neither a field nor a constant")


def page(root: Path, kind: str, title: str) -> str:
    """Return the page of all interfaces of a kind ("msg", "srv" or "action") as Markdown."""
    lines = [f"# {title}", "", f"Generated from the comments in `{kind}/`.", ""]
    for path in sorted((root / kind).glob(f"*.{kind}")):
        interface = parse(path.read_text(encoding="utf-8"), path.name)
        lines += [f"## {path.stem}", "", f"`strands_robots/{kind}/{path.stem}`", ""]
        if interface.comment:
            lines += [escape(interface.comment), ""]
        for part, entries in zip(PARTS[kind], interface.parts):
            if len(PARTS[kind]) > 1:
                lines += [f"**{part}**", ""]
            lines += _table(entries) if entries else ["nothing", ""]
    return "\n".join(lines)


def _table(entries: list[Entry]) -> list[str]:
    rows = ["| name | type | meaning |", "|---|---|---|"]
    for entry in entries:
        name = f"`{entry.name}`" + (f" = `{entry.value}`" if entry.value else "")
        rows.append(f"| {name} | `{entry.type}` | {escape(entry.comment)} |")
    return [*rows, ""]


def escape(text: str) -> str:
    """Return text that Markdown takes as it is, also in a table."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;")):
        text = text.replace(sign, entity)
    return re.sub(r"([\\`*_\[\]{}])", r"\\\1", text)
