"""A console before a graph that the test moves by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install -r requirements/console.txt")

from .rig import Console, HandGraph


@pytest.fixture
def console() -> Iterator[Console]:
    made = Console(HandGraph())
    yield made
    made.close()
