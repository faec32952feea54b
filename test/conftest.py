"""Shows what the processes of a graph printed when a test that uses one fails, and repeats tests that a busy machine can starve."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from typing import Any

import hypothesis
import pytest

# A shell starts what runs in the background with Ctrl-C ignored, nohup with SIGHUP, and programs inherit that; these tests send both.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A deadline for one example would be a timing test: a busy machine is not a failure.
# `make test` tries the same examples every time, so that it judges the change at hand; `make test-long` looks for new ones.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

PROCESS_TESTS = ("contract/", "system/", "launch/", "_node.py", "test_main.py")
"""Tests of real processes, by a part of their path."""

ALSO_GRAPHS = ("docs/test_commands.py", "cli/test_approvals.py", "live/test_processes.py")
"""Other tests that start ROS processes, besides those of modules that import `graph.Graph`."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Repeat a failed test of real processes at most twice, and mark those that start a graph.

    Their robots stop when the machine gives no processor to a heartbeat for 0.25 s. That is right, and not what these tests are about. A
    repetition is shown in the summary as RERUN; a test that fails three times fails. `make test` runs the graphs one after the other, with
    nothing beside them (tools/run_tests.py).
    """
    for item in items:
        path = item.path.as_posix()
        is_process = any(part in path for part in PROCESS_TESTS)
        if is_process:
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1))
        imported = getattr(getattr(item, "module", None), "Graph", None)
        if is_process or path.endswith(ALSO_GRAPHS) or getattr(imported, "__module__", "") == "graph":
            item.add_marker(pytest.mark.graph)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let a repetition begin with a graph of its own: the one before may be stopped, and would fail every test after it."""
    if getattr(item, "execution_count", 1) == 1 or not isinstance(item, pytest.Function):
        return
    for definitions in item._fixtureinfo.name2fixturedefs.values():
        for definition in definitions:
            if definition.scope == "module":
                definition.finish(item._request)


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
