"""Real processes on a ROS domain of their own, and a client that talks to them. For contract and system tests."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

T = TypeVar("T")

# Above 101 the ports of DDS reach into Linux's ephemeral range.
DOMAINS = range(1, 102)


def wait_for(condition: Callable[[], T], timeout: float = 10.0, what: str = "") -> T:
    """Return what `condition` returns as soon as it is true; fail after `timeout` [s]."""
    end = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what or 'the condition'} did not come true within {timeout} s")
        time.sleep(0.005)
    return result


def claim_domain() -> tuple[int, Any]:
    """Return a free ROS domain id and the open file whose lock keeps it from other test processes of this machine."""
    folder = Path(tempfile.gettempdir()) / "strands_robots_test_domains"
    folder.mkdir(exist_ok=True)
    for domain in random.sample(DOMAINS, len(DOMAINS)):
        lock = (folder / str(domain)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        return domain, lock
    raise AssertionError("every ROS domain is taken by another test")


def executable(name: str) -> str:
    """Return the path of an installed executable of the package, as ros2 run finds it; an absolute path as it is."""
    if Path(name).is_absolute():
        return name
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        path = Path(prefix) / "lib" / "strands_robots" / name
        if prefix and path.is_file():
            return str(path)
    raise AssertionError(f"'{name}' is not installed; build first and source install/setup.bash")


class Process:
    """One process of a graph; its output is kept and shown when something fails."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self.name = Path(command[0]).name
        self.output: deque[str] = deque(maxlen=400)
        self._process = subprocess.Popen(
            command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True,
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    @property
    def text(self) -> str:
        """What it has printed."""
        return "".join(self.output)

    def send(self, number: int) -> None:
        """Send a signal to the process."""
        self._process.send_signal(number)

    def wait(self, timeout: float = 10.0) -> int:
        """Return the exit code once it has ended and everything it printed is read."""
        code = self._process.wait(timeout)
        self._reader.join(timeout)
        return code

    def stop(self, timeout: float = 5.0) -> None:
        """Interrupt the process; kill its group when that does not end it."""
        if self.exit_code is None:
            self.send(signal.SIGINT)
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output.append(line)


class Messages(deque[Any]):
    """Messages of a topic. A loop over them sees those that were there when it began: more come in another thread."""

    def __iter__(self) -> Iterator[Any]:
        return iter(tuple(super().__iter__()))


class Client(Node):
    """A node in the test's own process, spun by a thread."""

    def __init__(self, domain: int, name: str = "test_client") -> None:
        self._own_context = rclpy.Context()
        rclpy.init(context=self._own_context, domain_id=domain)
        super().__init__(name, context=self._own_context, enable_rosout=False, start_parameter_services=False)
        self._spinner = SingleThreadedExecutor(context=self._own_context)
        self._spinner.add_node(self)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def listen(self, kind: Any, topic: str, profile: Any = 10, keep: int = 2000) -> deque[Any]:
        """Subscribe, and return what the messages go to."""
        messages = Messages(maxlen=keep)
        self.create_subscription(kind, topic, lambda message: messages.append(message), profile)
        return messages

    def call(self, kind: Any, name: str, request: Any, timeout: float = 10.0) -> Any:
        """Call a service and return its response."""
        client = self.create_client(kind, name)
        try:
            assert client.wait_for_service(timeout), f"service {name} is not there"
            future = client.call_async(request)
            wait_for(future.done, timeout, f"answer of {name}")
            return future.result()
        finally:
            self.destroy_client(client)

    def close(self) -> None:
        self._spinner.shutdown(timeout_sec=2.0)
        self._thread.join(2.0)
        self.destroy_node()
        rclpy.try_shutdown(context=self._own_context)

    def _spin(self) -> None:
        try:
            self._spinner.spin()
        except rclpy.executors.ExternalShutdownException:
            return


class Graph:
    """Processes on a ROS domain of their own; leaving it ends them all, and a failure shows what they printed."""

    def __init__(self) -> None:
        self.domain, self._lock = claim_domain()
        self._home = tempfile.TemporaryDirectory(prefix="strands_robots_test_", ignore_cleanup_errors=True)
        self.environment = {
            **os.environ,
            "ROS_HOME": self._home.name,  # a stop of one test finds no graph of another
            "ROS_DOMAIN_ID": str(self.domain),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "PYTHONUNBUFFERED": "1",
            "STRANDS_ROBOTS_PARENT_PID": str(os.getpid()),  # a test run that is killed leaves no robots behind
        }
        if os.environ.get("ROS_DISTRO") == "humble":
            self.environment["ROS_LOCALHOST_ONLY"] = "1"
        self.processes: list[Process] = []
        self._clients: list[Client] = []

    def start(self, name: str, /, *arguments: str, **parameters: Any) -> Process:
        """Start an installed executable of the package with ROS parameters; safety_node arms sooner than by default."""
        if name == "safety_node":
            parameters.setdefault("settle_time", 0.2)
        command = [executable(name), *arguments, "--ros-args"]
        for key, value in parameters.items():
            command += ["-p", f"{key}:={_as_yaml(value)}"]
        process = Process(command, self.environment)
        self.processes.append(process)
        return process

    def client(self, name: str = "test_client") -> Client:
        """Return a new client node on the graph."""
        client = Client(self.domain, name)
        self._clients.append(client)
        return client

    def __enter__(self) -> Graph:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        for client in self._clients:
            client.close()
        for process in self.processes:
            process.stop()
        self._lock.close()
        self._home.cleanup()

    def report(self) -> str:
        """Return what every process has printed."""
        return "\n".join(
            f"--- {process.name} (exit code {process.exit_code})\n{process.text}" for process in self.processes
        )


def _as_yaml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_as_yaml(item) for item in value) + "]"
    return f"'{value}'" if isinstance(value, str) else repr(value)
