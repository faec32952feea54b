"""Shows what the processes of a graph printed when a test that uses one fails."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            graph = value if hasattr(value, "processes") else getattr(value, "graph", None)
            if graph is not None:
                report.sections.append((f"processes of '{name}'", graph.report()))
    return report


@pytest.fixture
def graph() -> Generator[Any, None, None]:
    """A graph for one test."""
    from graph import Graph

    with Graph() as started:
        yield started
