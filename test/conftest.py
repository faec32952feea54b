"""Shows what the processes of a graph printed when a test that uses one fails, and repeats tests that a busy machine can starve."""

from __future__ import annotations

import functools
import os
import re
import signal
import threading
from collections.abc import Generator
from pathlib import Path
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

IMPORTS_GRAPH = re.compile(r"^ *from graph import .*\bGraph\b", re.M)


@functools.cache
def starts_processes(path: Path) -> bool:
    """Tell whether a file of tests starts ROS processes, from its name and text."""
    name = path.as_posix()
    if any(part in name for part in PROCESS_TESTS) or name.endswith(ALSO_GRAPHS):
        return True
    return IMPORTS_GRAPH.search(path.read_text(encoding="utf-8")) is not None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--failed-to", type=Path, help="file that gets the names of the tests that failed, a line each")
    parser.addoption(
        "--middleware", help="RMW implementation of every graph, for example rmw_zenoh_cpp; installed in ROS"
    )
    parser.addoption(
        "--part", choices=("graph", "rest"), help="import only the files that start ROS processes, or only the others"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose the middleware before a test module imports rclpy; the processes of a graph inherit it."""
    middleware = config.getoption("middleware")
    if middleware:
        os.environ["RMW_IMPLEMENTATION"] = middleware


@pytest.fixture(scope="session", autouse=True)
def zenoh_router() -> Generator[None, None, None]:
    """Keep a Zenoh router running where the middleware needs one: one for all graphs, whose domains have keys of their own."""
    from strands_robots.doctor.zenoh_router import router_answers, uses_zenoh

    if not uses_zenoh(os.environ):
        yield
        return
    from graph import wait_for

    from strands_robots.bringup.prepare import find_executable
    from strands_robots.bringup.zenoh_router import RouterWatch, router_environment

    watch = RouterWatch([str(find_executable("rmw_zenoh_cpp", "rmw_zenohd"))], router_environment(os.environ))
    thread = threading.Thread(target=watch.run, name="zenoh router", daemon=True)
    thread.start()
    wait_for(router_answers, 30.0, "a Zenoh router")
    yield
    watch.end()
    thread.join(5.0)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the files of the other part alone: to import all of them takes longer than many tests."""
    part, is_whole = config.getoption("part"), config.args_source is not pytest.Config.ArgsSource.ARGS
    if part is None or not is_whole or not re.fullmatch(r"test_.*\.py", collection_path.name):
        return None
    return None if starts_processes(collection_path) == (part == "graph") else True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Repeat a failed test of real processes, twice where it has the machine for itself, and mark those that start a graph.

    Their robots stop when the machine gives no processor to a heartbeat for 0.25 s. That is right, and not what these tests are about.
    A repetition is shown in the summary as REPEATED, with the reason; a test that fails each time fails. What failed beside others is
    tried once more alone (tools/run_tests.py).
    """
    is_alone = not hasattr(config, "workerinput")
    slow = frozenset((Path(__file__).parent / "slow_tests.txt").read_text(encoding="utf-8").split())
    for item in items:
        if any(part in item.path.as_posix() for part in PROCESS_TESTS):
            item.add_marker(pytest.mark.flaky(reruns=2 if is_alone else 1, reruns_delay=1))
        if starts_processes(item.path):
            item.add_marker(pytest.mark.graph)
        if item.path.relative_to(Path(__file__).parent).as_posix() in slow:
            item.add_marker(pytest.mark.slow)


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


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say why a test was repeated, and write down what failed, for tools/run_tests.py."""
    stats = terminalreporter.stats
    for report in stats.get("rerun", []):
        crash = getattr(report.longrepr, "reprcrash", None)
        where = "" if crash is None else f" ({Path(crash.path).name}:{crash.lineno})"
        why = str(report.longrepr if crash is None else crash.message).splitlines()
        terminalreporter.write_line(f"REPEATED {report.nodeid}{where}: {' | '.join(why[:3])[:300]}")
    file = config.getoption("failed_to")
    if file is not None:
        names = dict.fromkeys(report.nodeid for kind in ("failed", "error") for report in stats.get(kind, []))
        file.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


@pytest.fixture
def graph() -> Generator[Any, None, None]:
    """A graph for one test."""
    from graph import Graph

    with Graph() as started:
        yield started
