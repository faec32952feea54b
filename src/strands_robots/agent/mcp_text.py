"""JSON of MCP clients in whole characters: half a character, which JSON can spell, makes the SDK drop the whole call unanswered."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import AsyncIterator
from typing import Any

import anyio

_MAY_BE_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")


def whole_characters(text: str) -> str:
    """Return JSON text in which U+FFFD stands for each half of a character; any other text stays as it is."""
    if not _MAY_BE_HALF.search(text):
        return text
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return text  # The SDK says what is wrong with it.
    mended = _mended(values)
    return text if mended == values else json.dumps(mended)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(item) for name, item in value.items()}
    return value


class WholeLines:
    """Standard input for the SDK's server, line by line."""

    def __init__(self) -> None:
        self._file = anyio.wrap_file(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace"))

    async def __aiter__(self) -> AsyncIterator[str]:
        async for line in self._file:
            yield whole_characters(line)
