"""Checks of what servers answer, before a row of it moves anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.text import printable
from strands_robots.policies.remote.errors import ProtocolError


def mapping(answer: Any, what: str) -> Mapping[Any, Any]:
    """Return the answer as a mapping; raises ProtocolError if it is none, or reports an error."""
    if not isinstance(answer, Mapping):
        raise ProtocolError(f"{what} is {type(answer).__name__}; valid: a mapping")
    if answer.get("type") == "error":  # vLLM-Omni's binary errors
        raise ProtocolError(f"the server reports: {printable(answer.get('message', 'an error without words'))[:1024]}")
    if answer.get("error"):
        raise ProtocolError(f"the server reports: {printable(answer['error'])[:1024]}")
    return answer


def rows(answer: Mapping[Any, Any], key: str, width: int, horizon: int) -> FloatArray:
    """Return one array of an answer as (H, width) float64.

    Args:
        answer: The answer.
        key: Name of the array.
        width: Numbers in one row.
        horizon: Rows; 0 takes any number.

    Raises:
        ProtocolError: If it is missing, or its type, shape or numbers are wrong.
    """
    if key not in answer:
        raise ProtocolError(f"the answer has {_names(answer)}; valid: '{key}' among them")
    value = answer[key]
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        kind = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise ProtocolError(f"'{key}' is of type {kind}; valid: an array of float32 or float64")
    if value.ndim == 1 and width == 1:
        value = value[:, None]
    if value.ndim != 2 or value.shape[1] != width or len(value) < 1 or (horizon and len(value) != horizon):
        raise ProtocolError(f"'{key}' has shape {value.shape}; valid: ({horizon or 'H'}, {width})")
    if not np.isfinite(value).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(value))[0])
        raise ProtocolError(f"'{key}' is {value[row, column]} in row {row}, column {column}; valid: finite")
    result: FloatArray = value.astype(np.float64)
    return result


def joined(parts: list[FloatArray]) -> FloatArray:
    """Return arrays (H, d) side by side; raises ProtocolError if their H differ."""
    if len({len(part) for part in parts}) != 1:
        raise ProtocolError(
            f"the parts of the action have {', '.join(str(len(part)) for part in parts)} rows; valid: as many"
        )
    return np.concatenate(parts, axis=1)


def same_keys(what: str, ours: Iterable[str], theirs: Iterable[str]) -> None:
    """Raise ProtocolError if two lists of names differ; it shows both."""
    mine, other = sorted(ours), sorted(theirs)
    if mine != other:
        raise ProtocolError(f"{what}: the settings have [{', '.join(mine)}], the server [{', '.join(other)}]")


def _names(answer: Mapping[Any, Any]) -> str:
    return ", ".join(ascii(key)[:64] for key in list(answer)[:32]) or "nothing"
