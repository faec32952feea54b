"""Answers that say what was wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def refusal(kind: Any) -> Callable[[str], Any]:
    """Return a function that makes the response of a service type which refuses, in the given words."""

    def refuse(message: str) -> Any:
        return kind.Response(success=False, message=message)

    return refuse
