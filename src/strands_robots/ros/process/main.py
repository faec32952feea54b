"""The main of every node's process: exit codes, signals, and no life after the parent's."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence

import rclpy
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.graph_environment import prepare_process
from strands_robots.core.parent_end import signal_with_parent
from strands_robots.core.priority import raise_priority
from strands_robots.core.resident import stay_resident
from strands_robots.core.session_end import close_session
from strands_robots.core.share import find_share
from strands_robots.core.text import printable
from strands_robots.ros.audit.process_audit import report_process
from strands_robots.ros.process.executor import make_executor
from strands_robots.ros.process.graph_names import namespace_in, shared_remappings

PARENT_VARIABLE = "STRANDS_ROBOTS_PARENT_PID"
"""Environment variable by which bringup says its process id; the node ends when that process does."""

EXIT_FAILED = 1
EXIT_CONFIGURATION = 2

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Signalled(SystemExit):
    """A signal arrived before the node was ready."""


class _Shutdown:
    """Turns SIGINT and SIGTERM into a future that ends the spinning, and keeps the process's end below `grace` seconds.

    A second signal changes nothing: after Ctrl-C a node gets one from the terminal and one from bringup.

    Attributes:
        requested: Done when a signal has come.
        ready: Whether the node is there, so that a signal ends it in order.
        exit_code: What the process ends with when its end takes too long: a failure until the node itself has ended.
    """

    def __init__(self, grace: float) -> None:
        self.requested: Future[bool] = Future()
        self.ready = False
        self.exit_code = EXIT_FAILED
        self._grace = grace
        self._read, write = os.pipe()
        os.set_blocking(write, False)
        for number in _SIGNALS:
            signal.signal(number, self._interrupt)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, name="signals", daemon=True).start()

    def limit_end(self) -> None:
        """Leave the process the hard way if it is still there after the grace."""
        timer = threading.Timer(self._grace, self._leave)
        timer.daemon = True
        timer.start()

    def _interrupt(self, number: int, frame: object) -> None:
        if not self.ready:
            raise _Signalled(0)

    def _watch(self) -> None:
        """Wake the executor, which may wait in C code where Python's own handlers do not run."""
        os.read(self._read, 1)
        self.limit_end()
        self.requested.set_result(True)

    def _leave(self) -> None:
        print(f"forced exit: the shutdown took longer than {self._grace} s", file=sys.stderr, flush=True)
        os._exit(self.exit_code)


def run_node(
    factory: Callable[[], Node],
    args: Sequence[str] | None = None,
    grace: float = 0.9,
    *,
    has_pictures: bool = False,
    is_critical: bool = False,
    is_audited: bool = True,
) -> int:
    """Make a node, spin it until a signal or an error, and return the process's exit code.

    SIGINT and SIGTERM end the node: its `destroy_node` runs (nodes stop their own threads there), and the code is 0.
    A StrandsRobotsError while the node is made prints one line and gives 2. Any other exception leaves this function;
    Python then prints the traceback and gives 1.

    Args:
        factory: Makes the node after rclpy is up.
        args: Command line; None takes sys.argv.
        grace: Longest time between the signal, or the error, and the end of the process [s].
        has_pictures: The node publishes or reads images, so that it needs shared memory.
        is_critical: The node must not be late, so that it takes a higher priority where the system allows it, and stays in memory.
        is_audited: The process reports its start and changes of its parameters; False for audit_node, which writes.
    """
    shutdown = _Shutdown(grace)
    shut_down: Callable[[], None] = _shut_down_unmade
    _end_with_parent()
    prepare_process(find_share(), has_pictures)
    if is_critical:
        raise_priority()
    try:
        try:
            given = list(args) if args is not None else sys.argv
            words = [*given, *shared_remappings(namespace_in(given))]
            rclpy.init(args=words, signal_handler_options=SignalHandlerOptions.NO)
        except (rclpy_implementation.RCLError, rclpy_implementation.UnknownROSArgsError) as error:
            return _refuse(error)
        try:
            node = factory()
        except StrandsRobotsError as error:
            return _refuse(error)
        shut_down = rclpy.try_shutdown
        audit = report_process(node) if is_audited else None
        if is_critical:
            stay_resident()
        try:
            code = _spin(node, shutdown)
        finally:
            node.destroy_node()
            if audit is not None:
                audit.close(0.0)
        shutdown.exit_code = (
            code  # What follows is the middleware's own end, which a hung process elsewhere may hold up.
        )
        return code
    except _Signalled:
        return 0
    finally:
        shutdown.limit_end()
        if close_session(shut_down, grace):
            shutdown.exit_code = EXIT_FAILED


def _shut_down_unmade() -> None:
    """Shut down where no node was made. Since Kilted rclpy ends every node by itself, one too that lacks what it would end."""
    with contextlib.suppress(AttributeError):
        rclpy.try_shutdown()


def _spin(node: Node, shutdown: _Shutdown) -> int:
    executor = make_executor()
    executor.add_node(node)
    shutdown.ready = True
    try:
        executor.spin_until_future_complete(shutdown.requested)
    finally:
        executor.remove_node(node)
        executor.shutdown()
    return 0


def _refuse(error: Exception) -> int:
    """Print the error's message in one line of ASCII."""
    text = "; ".join(line.strip() for line in str(error).splitlines() if line.strip()) or type(error).__name__
    print("error: " + (text if text.isascii() else printable(text)), file=sys.stderr, flush=True)
    return EXIT_CONFIGURATION


def _end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent ends, if bringup said that it is the parent."""
    given = os.environ.get(PARENT_VARIABLE, "")
    if not given:
        return
    signal_with_parent(signal.SIGTERM)
    if not given.isdigit() or not _is_running(int(given)):
        print(f"error: the process of {PARENT_VARIABLE}={given!a} does not exist", file=sys.stderr, flush=True)
        raise SystemExit(EXIT_CONFIGURATION)


def _is_running(pid: int) -> bool:
    """Return whether a process runs; one that has ended but was not waited for yet does not.

    Source: proc_pid_stat(5), the field "state".
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZXx"
    except OSError:
        return False
