"""What became of a stop: who was asked, who confirmed, and whether the robots stand. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from strands_robots.safety.local_stop import LocalStop, Target, is_suspended


@dataclass(frozen=True)
class RestReport:
    """What one robot's own gate said after the stop, on gate_state or at its socket.

    Attributes:
        name: Name of the robot.
        is_heard: False when it is named but says nothing.
        is_latched: Nothing may move it.
        latch_reason: Why.
        is_at_rest: It reports rest.
        max_velocity: Largest measured joint velocity [rad/s] or [m/s].
        note: What else is known of its process; empty when nothing is.
    """

    name: str
    is_heard: bool
    is_latched: bool = False
    latch_reason: str = ""
    is_at_rest: bool = False
    max_velocity: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class StopReport:
    """What a stop achieved.

    Attributes:
        supervisor_answered: safety_node answered.
        supervisor_latched: It says that the stop is latched.
        stop_id: Number of the stop, 0 without safety_node's answer to the service.
        message: safety_node's words.
        robots: Evidence of each robot, by name.
        is_audited: audit_node has this stop on its disk.
        problem: Why the graph could not be asked over ROS; empty when it was.
    """

    supervisor_answered: bool = False
    supervisor_latched: bool = False
    stop_id: int = 0
    message: str = ""
    robots: tuple[RestReport, ...] = ()
    is_audited: bool = False
    problem: str = ""

    @property
    def is_latched(self) -> bool:
        """True when every robot says that it is latched; without any robot, when safety_node says so."""
        return all(robot.is_latched for robot in self.robots) and (self.supervisor_latched or bool(self.robots))

    @property
    def is_at_rest(self) -> bool:
        """True when every robot says that it is latched and at rest."""
        return self.is_latched and all(robot.is_at_rest for robot in self.robots)

    @property
    def moving(self) -> tuple[str, ...]:
        """Robots without evidence of rest."""
        return tuple(robot.name for robot in self.robots if not robot.is_at_rest)

    def with_local(self, local: LocalStop, own: str) -> StopReport:
        """Return the report with what was said at the sockets of this machine. Of two words on a robot the better evidence counts.

        Args:
            local: The stop at the sockets.
            own: The graph that was asked over ROS, as RunRecord.graph; robots of others are named with their graph.
        """
        robots = {robot.name: robot for robot in self.robots}
        for robot in local_evidence(local.targets, own):
            known = robots.get(robot.name)
            if (
                known is None
                or not known.is_heard
                or (robot.is_latched, robot.is_at_rest)
                > (
                    known.is_latched,
                    known.is_at_rest,
                )
            ):
                robots[robot.name] = robot
        supervisors = [target for target in local.targets if target.record.is_supervisor and not target.is_gone]
        return replace(
            self,
            robots=tuple(robots[name] for name in sorted(robots)),
            supervisor_latched=self.supervisor_latched or any(target.is_latched for target in supervisors),
        )


def local_evidence(targets: Iterable[Target], own: str) -> list[RestReport]:
    """Return the evidence of each robot behind the sockets of this machine; a process that ended has none."""
    found = []
    for target in targets:
        record = target.record
        if target.is_gone or record.is_supervisor:
            continue
        ending = "" if record.graph == own else f" ({record.graph})"
        if target.robots is None:
            note = f"process {record.pid} of {record.node} " + (
                "is suspended" if is_suspended(record.pid) else "does not answer"
            )
            names = record.robots or (f"{record.node} without a known robot",)
            found += [RestReport(f"{name}{ending}", False, note=note) for name in names]
            continue
        found += [
            RestReport(
                f"{robot.name}{ending}", True, robot.is_latched, robot.reason, robot.is_at_rest, robot.max_velocity,
                f"confirmed on this machine by {record.node}, process {record.pid}",
            )
            for robot in target.robots
        ]  # fmt: skip
    return found


def verdict(report: StopReport) -> str:
    """Return what became of a stop in a few words, the worst first."""
    if report.is_latched:
        return "STOPPED and latched" if report.is_at_rest else "LATCHED, BUT REST IS NOT CONFIRMED"
    if report.supervisor_answered or any(robot.is_heard for robot in report.robots):
        return "NOT STOPPED"
    return "NOT STOPPED: nothing confirmed the request"
