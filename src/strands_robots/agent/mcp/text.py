"""JSON of MCP clients in whole characters: half a character, which JSON can spell, makes the SDK drop the whole call unanswered."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

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


async def whole_lines(lines: AsyncIterable[str]) -> AsyncIterator[str]:
    """Yield lines of JSON in whole characters."""
    async for line in lines:
        yield whole_characters(line)
