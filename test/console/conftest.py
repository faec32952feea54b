"""A console before a graph that the test moves by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .rig import Console


@pytest.fixture
def console() -> Iterator[Console]:
    from .rig import Console, HandGraph

    made = Console(HandGraph())
    yield made
    made.close()
