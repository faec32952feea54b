"""One thread that does it all: bytes to the bus, faults from the control socket, and physics at the pace of the clock."""

from __future__ import annotations

import contextlib
import heapq
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.priority import raise_priority
from strands_robots.servo_bus.arm import ServoArm
from strands_robots.servo_bus.bus import ServoBus
from strands_robots.servo_bus.commands import FaultCommands
from strands_robots.servo_bus.kinds import make_wire, servo_kinds
from strands_robots.servo_bus.pty_line import PtyLine
from strands_robots.sim.world.world import World
from strands_robots.sim.world.world_setup import world_config

TIMESTEP = 0.002
LARGEST_LAG = 0.1
"""Physics that is further behind than this [s] lets the time go."""
BITS = 10
"""Of one byte on the wire: start, eight, stop."""


@dataclass(frozen=True)
class BusOptions:
    """Options of a simulated bus.

    Attributes:
        robot: The robot, as sim_node takes it; its description names the servos.
        protocol: One of PROTOCOLS; empty for that of the robot's servos.
        link: Path that leads to the terminal; None for none.
        control: Path of the socket for faults; None for none.
        mounts: Sensor of each servo at joint position 0 [steps]; empty for an arm whose servos were mounted straight.
        is_calibrated: Whether the servos are calibrated as lerobot does it.
        is_paced: Answers take the time that their bytes need on the wire.
        seed: Of the faults' dice.
        holds: The servos hold the arm at the start; else it falls.
    """

    robot: str = "so101"
    protocol: str = ""
    link: Path | None = None
    control: Path | None = None
    mounts: tuple[int, ...] = ()
    is_calibrated: bool = True
    is_paced: bool = True
    seed: int = 0
    holds: bool = True


class BusProcess:
    """A simulated bus with its terminal and its control socket."""

    def __init__(self, options: BusOptions) -> None:
        self.options = options
        world = World(world_config((f"arm={options.robot}",), "", TIMESTEP, 30.0))
        protocol, kinds = servo_kinds(world.robot("arm").config, options.protocol)
        mounts = options.mounts or (2047,) * len(kinds)
        self.arm = ServoArm(world, "arm", mounts, options.is_calibrated, options.holds, kinds)
        self.bus = ServoBus(self.arm.servos, options.seed, make_wire(protocol))
        self._control = _listen(options.control)
        self.line = PtyLine(options.link)
        self._commands = FaultCommands(self.bus, self.arm, lambda on: self.line.plug() if on else self.line.unplug())
        self._clients: dict[socket.socket, bytes] = {}
        self._due: list[tuple[float, int, bytes]] = []
        self._sent = 0

    def run(self, is_over: Callable[[], bool]) -> None:
        """Serve until `is_over` says so; it is asked at least every 2 ms."""
        raise_priority()  # an arm answers in time however busy the machine is
        start = time.monotonic()
        steps = 0
        while not is_over():
            self._turn()
            behind = time.monotonic() - start - steps * TIMESTEP
            if behind > LARGEST_LAG:
                start += behind
                behind = 0.0
            count = int(behind / TIMESTEP)
            if count > 0:
                self.arm.step(count)
                steps += count

    def close(self) -> None:
        """Take terminal and socket away."""
        self.line.unplug()
        for client in self._clients:
            client.close()
        if self._control is not None:
            self._control.close()
        if self.options.control is not None:
            self.options.control.unlink(missing_ok=True)

    def _turn(self) -> None:
        now = time.monotonic()
        wait = min(TIMESTEP, max(self._due[0][0] - now, 0.0)) if self._due else TIMESTEP
        sources: list[PtyLine | socket.socket] = [*self._clients]
        if self._control is not None:
            sources.append(self._control)
        if self.line.is_plugged:
            sources.append(self.line)
        for source in select.select(sources, [], [], wait)[0]:
            if isinstance(source, PtyLine):
                self._exchange()
            elif source is self._control:
                client, _ = source.accept()
                self._clients[client] = b""
            elif isinstance(source, socket.socket):
                self._hear(source)
        while self._due and self._due[0][0] <= time.monotonic():
            data = heapq.heappop(self._due)[2]
            if self.line.is_plugged:
                self.line.write(data)

    def _exchange(self) -> None:
        if not self.line.is_plugged:  # A command of this very turn has pulled the cable.
            return
        request = self.line.read()
        baud_rate = self.line.baud_rate()
        answer = self.bus.receive(request, baud_rate)
        if answer:
            wire = BITS * (len(request) + len(answer)) / baud_rate if self.options.is_paced else 0.0
            self._sent += 1
            heapq.heappush(self._due, (time.monotonic() + wire + self.bus.faults.delay, self._sent, answer))

    def _hear(self, client: socket.socket) -> None:
        try:
            data = client.recv(4096)
        except ConnectionError:
            data = b""
        if not data:
            del self._clients[client]
            client.close()
            return
        *lines, rest = (self._clients[client] + data).split(b"\n")
        self._clients[client] = rest[:4096]
        for line in lines:
            with contextlib.suppress(BrokenPipeError):
                client.sendall(self._commands.run(line.decode("ascii", "replace")).encode() + b"\n")


def send_fault(control: Path, line: str) -> str:
    """Send one command to a running bus and return its answer.

    Raises:
        ConfigurationError: If no process listens there, or the bus refuses.
    """
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(control))
        except OSError as error:
            raise ConfigurationError(
                f"no servo bus listens on '{control}' ({error.strerror}); valid: the path given as --control"
            ) from error
        client.sendall(line.encode() + b"\n")
        answer = client.makefile(encoding="ascii", errors="replace").readline().strip()
    if not answer.startswith("ok"):
        raise ConfigurationError(answer.removeprefix("error: ") or "the servo bus closed the connection")
    return answer[2:].strip()


def _listen(path: Path | None) -> socket.socket | None:
    if path is None:
        return None
    listener = socket.socket(socket.AF_UNIX)
    path.unlink(missing_ok=True)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"control socket '{path}' cannot be made: {error.strerror}") from error
    listener.listen()
    return listener
