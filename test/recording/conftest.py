"""Tests of datasets need LeRobot 0.6, which needs Python 3.12."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .hub import Hub

CORE = ("test_stream.py", "test_sampler.py", "test_units.py", "test_writer.py", "test_provenance.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    old = pytest.mark.skip(reason="LeRobotDataset of lerobot 0.6 needs Python 3.12 or newer")
    for item in items:
        if "/recording/" in item.path.as_posix() and item.path.name not in CORE:
            item.add_marker(pytest.mark.learning)
            if sys.version_info < (3, 12):
                item.add_marker(old)


@pytest.fixture(autouse=True)
def _own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """LeRobot and datasets keep caches in the home folder; a test's go to its own."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    yield


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A stand-in for the Hugging Face Hub."""
    server = Hub()
    yield server
    server.close()
