"""`strands-robots state`: what the robots and their safety do right now."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import Namespace, connect, operator_source, say
from strands_robots.control.latch_advice import latch_advice
from strands_robots.live.terminal import can_show_live

if TYPE_CHECKING:
    from rich.table import Table

    from strands_robots.clients.state_client import GraphSnapshot, RobotSnapshot

PLAIN_PERIOD = 1.0
FIRST_WAIT = 3.0


def state(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    namespace: Namespace = "",
) -> None:
    """Show joints, rates, gates and safety.

    With --follow as a live view in which space stops every robot, or as one line a second where there is no terminal.

    Exit code 1 when neither a robot nor safety_node was heard.
    """
    if follow:
        raise typer.Exit(_follow(namespace))
    with connect(namespace) as client:
        from strands_robots.clients.state_client import StateWatch

        watch = StateWatch(client)
        client.spin_until(lambda: watch.is_complete, FIRST_WAIT)
        watch.collect(PLAIN_PERIOD)
        snapshot = watch.snapshot()
        _print_table(snapshot)
        for line in _advice(snapshot):
            say(line)
        if not snapshot.robots and snapshot.safety is None:
            raise typer.Exit(1)


def _follow(namespace: str) -> int:
    """Show the graph until a person ends it."""
    if can_show_live():
        from rich.console import Console

        from strands_robots.live.live_session import LiveSession

        return LiveSession(lambda: connect(namespace), operator_source(), None).run(Console())
    with connect(namespace) as client:
        from strands_robots.clients.live_watch import LiveWatch
        from strands_robots.live.screen import plain_line

        watch = LiveWatch(client)
        while True:
            time.sleep(PLAIN_PERIOD)
            say(plain_line(watch.look()))


def _safety(snapshot: GraphSnapshot) -> str:
    safety = snapshot.safety
    if safety is None:
        return "safety_node NOT HEARD"
    why = f" by {safety.source} ({safety.reason})" if safety.source else ""
    return f"safety {safety.state}{why}, epoch {safety.arm_epoch}, stop {safety.stop_id}, {safety.rate:.1f} Hz"


def _gate(robot: RobotSnapshot) -> str:
    if not robot.is_heard:
        return "NOT HEARD"
    state = f"latched ({robot.latch_reason})" if robot.is_latched else "armed"
    motion = "at rest" if robot.is_at_rest else f"moving {robot.max_velocity:.2f} rad/s"
    lease = f", lease {robot.lease_holder}" if robot.lease_holder else ""
    return f"{state}, {motion}{lease}"


def _advice(snapshot: GraphSnapshot) -> list[str]:
    """Return a line for each robot that may not move: why, and what to do."""
    robots = [robot for robot in snapshot.robots if robot.is_heard and robot.is_latched]
    return [f"{robot.name} is latched: {latch_advice(robot.latch_reason)}" for robot in robots]


def state_table(snapshot: GraphSnapshot) -> Table:
    """Return the state as a table: one row for each joint, the robot's own state in its first row."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(_safety(snapshot)), title_justify="left", show_edge=False)
    for heading in ("robot", "gate", "refused", "rate [Hz]", "joint"):
        table.add_column(heading)
    for heading in ("position [rad, m]", "velocity", "effort"):
        table.add_column(heading, justify="right")
    for robot in snapshot.robots:
        head = [robot.name, _gate(robot), str(robot.refused), f"{robot.joint_rate:.1f}"]
        for index, joint in enumerate(robot.joint_names or ("-",)):
            numbers = [
                f"{values[index]:.4f}" if index < len(values) else ""
                for values in (robot.position, robot.velocity, robot.effort)
            ]
            table.add_row(*map(Text, [*(head if index == 0 else [""] * 4), joint, *numbers]))
    return table


def _print_table(snapshot: GraphSnapshot) -> None:
    from rich import box
    from rich.console import Console

    table = state_table(snapshot)
    table.box = box.ASCII
    Console(width=None if sys.stdout.isatty() else 160).print(table)
