"""What a simulated world says of its own health on /diagnostics, once a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node

from strands_robots.control.gate import Gate
from strands_robots.ros.process.diagnostics import ERROR, OK, STALE, WARN, DiagnosticsPort, status
from strands_robots.sim.penetration import Penetration
from strands_robots.sim.render.camera_rates import CameraRates
from strands_robots.sim.run.runtime import SimRuntime, WorldMode

MOST_PAIRS = 5
"""Pairs of shapes that are reported of each robot."""

SLOW = 0.9
"""A world slower than this part of its wanted speed is reported."""


class WorldDiagnostics:
    """Status of the world, of its cameras and of every gate. A world whose physics thread stands still is never OK."""

    def __init__(
        self,
        node: Node,
        runtime: SimRuntime,
        gates: Sequence[Gate],
        penetrations: Callable[[], Sequence[Penetration]] = tuple,
    ) -> None:
        self._port = DiagnosticsPort(node)
        self._runtime = runtime
        self._gates = gates
        self._penetrations = penetrations
        self._told: set[str] = set()  # robots that were inside of something, which are told once they are not, too
        self._name = node.get_fully_qualified_name()
        self._last = (time.monotonic(), runtime.ticks, runtime.control.ticks, 0)
        self._cameras = CameraRates()

    def publish(self) -> None:
        """Publish everything measured since the last call."""
        runtime, cameras = self._runtime, self._runtime.cameras
        now = (time.monotonic(), runtime.ticks, runtime.control.ticks, cameras.frames)
        seconds = now[0] - self._last[0]
        is_alive = now[1] != self._last[1]
        control_rate, frame_rate = ((now[i] - self._last[i]) / seconds for i in (2, 3))
        self._last = now
        level, message = self._judge(is_alive)
        lateness = runtime.pace.pacer.lateness.summary()
        world = status(
            f"{self._name}: world",
            level,
            message,
            {
                "mode": runtime.config.mode.value,
                "simulated_time": runtime.now().ros,
                "real_time_factor": runtime.speed.rate,
                "control_rate": control_rate,
                "tick_lateness_p50_ms": lateness.p50 * 1e3,
                "tick_lateness_p99_ms": lateness.p99 * 1e3,
                "tick_lateness_max_ms": lateness.max * 1e3,
                "schedule_shifts": runtime.pace.pacer.shifts,
                "stepping_owner": runtime.stepper.owner,
            },
        )
        pictures = status(
            f"{self._name}: cameras", OK, "rendering on demand", {"frame_rate": frame_rate, "lost_frames": cameras.lost}
        )
        is_paced = runtime.config.mode is not WorldMode.LOCKSTEP
        each = [
            status(f"{self._name}: camera {rate.name}", WARN if rate.is_slow else OK, rate.message, rate.values)
            for rate in self._cameras.read(runtime.now().ros, cameras.tallies, is_paced)
        ]
        deep = self._penetrations()
        self._told |= {entry.robot for entry in deep}
        inside = [self._inside(name, deep) for name in sorted(self._told)]
        self._port.publish(world, pictures, *each, *(self._gate(gate) for gate in self._gates), *inside)

    def _inside(self, name: str, penetrations: Sequence[Penetration]) -> DiagnosticStatus:
        """Return whether a robot's shapes are inside of others: its actuators then push against what cannot move."""
        mine = [each for each in penetrations if each.robot == name]
        values: dict[str, object] = {
            f"{each.shape} in {each.other}": f"{each.depth:.4f} m" for each in mine[:MOST_PAIRS]
        }
        message = "; ".join(str(each) for each in mine[:MOST_PAIRS]) or "no shape is inside of another one"
        return status(f"{self._name}: penetration {name}", WARN if mine else OK, message, values, name)

    def _judge(self, is_alive: bool) -> tuple[bytes, str]:
        runtime = self._runtime
        if runtime.failure is not None or not is_alive:
            return STALE, "the physics thread stands still"
        if runtime.fault:
            return ERROR, runtime.fault
        if runtime.is_paused:
            return OK, "paused"
        wanted = runtime.config.real_time_factor
        if runtime.config.mode is WorldMode.REALTIME and 0.0 < runtime.speed.rate < SLOW * wanted:
            return WARN, f"runs at {runtime.speed.rate:.2f} of real time instead of {wanted:.2f}"
        return OK, "running"

    def _gate(self, gate: Gate) -> DiagnosticStatus:
        report = gate.report(self._runtime.now())
        values: dict[str, object] = {"accepted": report.accepted, "clamped": report.clamped}
        values.update({f"refused_{reason}": count for reason, count in report.refusals.items()})
        message = (
            f"latched: {report.latch_reason}"
            if report.latched
            else f"held by {report.lease_holder}"
            if report.lease_holder
            else "free"
        )
        return status(
            f"{self._name}: gate {report.robot}", WARN if report.latched else OK, message, values, report.robot
        )
