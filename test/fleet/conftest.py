"""A fleet for one test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fleet_rig import Fleet


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    rig = Fleet()
    yield rig
    rig.close()
