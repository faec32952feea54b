"""Bounds on model text that others than the operator give: XML bombs, and few words that make a huge model."""

from __future__ import annotations

import struct
from typing import Any
from xml.etree import ElementTree

from strands_robots.core.errors import ModelError
from strands_robots.description.file_rule import shown

MAX_BYTES = 16 * 1024 * 1024  # of one model text
MAX_ELEMENTS = 200_000
MAX_DEPTH = 200
MAX_COPIES = 10_000
MAX_SIDE = 8192  # of textures and height fields
MAX_NUMBERS = 1_000_000  # of an array whose size an attribute gives
MAX_MEMORY = 1024**3

_PNG = b"\x89PNG\r\n\x1a\n"
_COPYING = ("replicate", "composite", "flexcomp")
_SIDES = ("width", "height", "nrow", "ncol")
_NUMBERS = ("nuserdata", "nkey", "njmax", "nconmax", "nstack", "nsample")


def parse_bounded(data: bytes, what: str) -> ElementTree.Element:
    """Return the root of XML that is small, shallow, UTF-8 and declares nothing.

    Raises:
        ModelError: If it is anything else; nothing is expanded before it is refused.
    """
    if len(data) > MAX_BYTES:
        raise ModelError(f"{what} has {len(data)} bytes; valid: at most {MAX_BYTES}")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data:
        raise ModelError(f"{what} is not UTF-8 text")
    lowered = data.lower()
    if b"<!doctype" in lowered or b"<!entity" in lowered:
        raise ModelError(f"{what} declares a document type or entities; valid: XML without them")
    parser: Any = ElementTree.XMLPullParser(("start", "end"))
    depth = count = 0
    try:
        for start in range(0, len(data), 65536):
            parser.feed(data[start : start + 65536])
            for event, _ in parser.read_events():
                depth += 1 if event == "start" else -1
                count += 1
                if depth > MAX_DEPTH or count > 2 * MAX_ELEMENTS:
                    raise ModelError(
                        f"{what} is too large; valid: {MAX_ELEMENTS} elements, {MAX_DEPTH} inside of each other"
                    )
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ModelError(f"{what} is not XML: {error}") from error


def check_amounts(root: ElementTree.Element, attached: int, what: str) -> int:
    """Refuse models that a few words make huge.

    Args:
        root: The model, what it includes put in.
        attached: Elements that one <attach> brings at most, with all that those bring.
        what: The model, for the message.

    Returns:
        Number of elements once everything is copied that is to be copied.

    Raises:
        ModelError: If there are too many, or an attribute asks for too much memory.
    """
    total = _weigh(root, 1, attached, what, 0)
    if total > MAX_ELEMENTS:
        raise ModelError(f"{what} is too large: {total} elements with all copies; valid: {MAX_ELEMENTS}")
    return total


def check_asset(data: bytes, name: str) -> None:
    """Refuse pictures that a few bytes make huge.

    Raises:
        ModelError: If a side is longer than `MAX_SIDE`.

    Source: PNG specification, 11.2.2 IHDR.
    """
    if data.startswith(_PNG) and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        if max(width, height) > MAX_SIDE:
            raise ModelError(
                f"the picture '{shown(name)}' has {width} x {height} pixels; valid: at most {MAX_SIDE} each way"
            )


def _weigh(element: ElementTree.Element, copies: int, attached: int, what: str, depth: int) -> int:
    if depth > MAX_DEPTH:
        raise ModelError(f"{what} is too large; valid: {MAX_DEPTH} elements inside of each other")
    for count in element.get("count", "").split() if element.tag in _COPYING else []:
        copies *= max(1, _number(count))
    if copies > MAX_COPIES:
        raise ModelError(f"{what} makes {copies} copies with <{element.tag}>; valid: at most {MAX_COPIES}")
    _check_memory(element, what)
    own = copies * (attached if element.tag == "attach" else 1)
    return own + sum(_weigh(child, copies, attached, what, depth + 1) for child in element)


def _check_memory(element: ElementTree.Element, what: str) -> None:
    bounds = [(key, MAX_SIDE) for key in _SIDES] + [(key, MAX_NUMBERS) for key in _NUMBERS]
    if element.tag == "numeric":
        bounds.append(("size", MAX_NUMBERS))
    if element.tag == "size":
        bounds += [(key, MAX_NUMBERS) for key in element.attrib if key.startswith("nuser_")]
    for key, most in bounds:
        if _number(element.get(key, "0")) > most:
            raise ModelError(f"{what} has <{element.tag} {key}='{shown(element.get(key, ''))}'>; valid: at most {most}")
    if element.tag == "size" and _bytes(element.get("memory", "0")) > MAX_MEMORY:
        raise ModelError(f"{what} asks for memory='{shown(element.get('memory', ''))}'; valid: at most 1G")


def _number(text: str) -> int:
    try:
        return int(float(text))
    except OverflowError:
        return MAX_MEMORY
    except ValueError:
        return 0


def _bytes(text: str) -> int:
    factor = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50, "E": 2**60}.get(text.strip()[-1:].upper(), 1)
    return _number(text.strip() if factor == 1 else text.strip()[:-1]) * factor
