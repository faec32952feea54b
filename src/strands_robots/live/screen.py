"""What the live view shows of a moment. Only text in, only a renderable out.

Frames are drawn with box characters; rich takes ASCII where the terminal's encoding has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from strands_robots.clients.live_watch import LiveSnapshot
    from strands_robots.clients.state_client import RobotSnapshot, SafetySnapshot

_STYLES = {
    "ARMED": "bold black on green",
    "STOPPING": "bold black on yellow",
    "STOPPED": "bold white on red",
    "STOP_NOT_CONFIRMED": "bold white on magenta",
}
_BORDERS = {"ARMED": "green", "STOPPING": "yellow", "STOPPED": "red"}
_MOST_REFUSALS = 5
_LOG_STYLES = (("[ERROR]", "red"), ("[FATAL]", "bold red"), ("Traceback", "red"), ("[WARN]", "yellow"))


@dataclass(frozen=True)
class ScreenContent:
    """Everything on the screen.

    Attributes:
        snapshot: What is known of the graph; None before the first look.
        notice: What the last key did, or what is being waited for.
        log: Last lines of the processes' output; empty where the view started no process.
        log_path: File with all of them, or why there is none.
        keys: What the keys do.
        height: Lines of the terminal.
    """

    snapshot: LiveSnapshot | None
    notice: str
    log: Sequence[str]
    log_path: str
    keys: str
    height: int


def render(frame: ScreenContent) -> Layout:
    """Return the screen: safety, robots, refusals, log, keys, from the top."""
    snapshot = frame.snapshot
    robots = _robots(snapshot) if snapshot else Text("looking for the graph ...")
    refusals = _refusals(snapshot)
    robot_lines = 3 + max(_robot_lines(snapshot), 1)
    parts = [
        Layout(_head(frame), size=3),
        Layout(_panel("robots", robots), size=robot_lines),
        Layout(_panel("last refusals", refusals), size=2 + len(refusals.renderables)),
    ]
    if frame.log_path:
        parts.append(Layout(_log(frame), minimum_size=4))
    else:
        parts.append(Layout(Text("")))
    parts.append(Layout(Text(frame.keys, style="reverse", no_wrap=True), size=1))
    layout = Layout()
    layout.split_column(*parts)
    return layout


def _robot_lines(snapshot: LiveSnapshot | None) -> int:
    robots = snapshot.graph.robots if snapshot else ()
    return sum(1 + len(_cameras_of(robot, snapshot)) for robot in robots) + len(_other_cameras(snapshot))


def _panel(title: str, content: Table | Group | Text, border: str = "bright_black") -> Panel:
    heading = Text(title, style="bold")
    return Panel(content, title=heading, title_align="left", box=box.ROUNDED, border_style=border, padding=(0, 1))


def _head(frame: ScreenContent) -> Panel:
    line = Text(no_wrap=True, overflow="crop")
    snapshot = frame.snapshot
    safety = snapshot.graph.safety if snapshot else None
    if safety is None:
        line.append(" safety_node NOT HEARD ", style="bold white on magenta" if snapshot else "")
    else:
        line.append(f" {safety.state} ", style=_STYLES.get(safety.state, "bold"))
        line.append(_why(safety))
    if snapshot is not None:
        line.append(f"  {real_time_words(snapshot)}")
        for name, problem in snapshot.buttons:
            line.append(f"  button {name}: {problem or 'ready'}", style="bold red" if problem else "")
    if frame.notice:
        line.append(f"  {frame.notice}", style="bold")
    return _panel("safety", line, _BORDERS.get(safety.state, "magenta") if safety else "magenta")


def _why(safety: SafetySnapshot) -> str:
    why = f" by {safety.source}: {safety.reason}" if safety.source else ""
    return f"{why}  stop {safety.stop_id}, epoch {safety.arm_epoch}, {safety.rate:.0f} Hz"


def real_time_words(snapshot: LiveSnapshot) -> str:
    """Return the world's time and pace in words; "no clock" where none is published."""
    if snapshot.sim_time is None:
        return "no clock"
    return f"t {snapshot.sim_time:.1f} s, real-time factor {snapshot.real_time_factor:.2f}"


def _cameras_of(robot: RobotSnapshot, snapshot: LiveSnapshot | None) -> list[tuple[str, float]]:
    cameras = snapshot.cameras if snapshot else ()
    return [(name, rate) for name, rate in cameras if name.startswith(f"{robot.name}/")]


def _other_cameras(snapshot: LiveSnapshot | None) -> list[tuple[str, float]]:
    """Return the cameras that belong to no robot: those of the scene."""
    if snapshot is None:
        return []
    names = {robot.name for robot in snapshot.graph.robots}
    return [(name, rate) for name, rate in snapshot.cameras if name.partition("/")[0] not in names]


def _robots(snapshot: LiveSnapshot) -> Table:
    table = Table(box=None, expand=True, pad_edge=False)
    for heading in ("robot", "gate", "motion", "lease"):
        table.add_column(Text(heading), overflow="crop", no_wrap=True)
    for heading in ("refused", "rate [Hz]"):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    table.add_column(Text("joints [rad, m]"), overflow="crop", no_wrap=True, ratio=1)
    for robot in snapshot.graph.robots:
        table.add_row(*_robot_row(robot))
        for name, rate in _cameras_of(robot, snapshot):
            table.add_row("", Text(f"camera {name.partition('/')[2]}"), "", "", "", f"{rate:.1f}", "")
    for name, rate in _other_cameras(snapshot):
        table.add_row(Text("scene"), Text(f"camera {name}"), "", "", "", f"{rate:.1f}", "")
    if not snapshot.graph.robots:
        table.add_row(Text("none heard"))
    return table


def _robot_row(robot: RobotSnapshot) -> list[Text]:
    if not robot.is_heard:
        gate = Text("NOT HEARD", style="bold magenta")
    elif robot.is_latched:
        gate = Text(f"LATCHED {robot.latch_reason}", style="bold red")
    else:
        gate = Text("armed", style="green")
    motion = "at rest" if robot.is_at_rest else f"moving {robot.max_velocity:.2f}/s"
    positions = " ".join(f"{value:+.2f}" for value in robot.position)
    rest = [motion, robot.lease_holder or "free", str(robot.refused), f"{robot.joint_rate:.1f}", positions]
    return [Text(robot.name, style="bold"), gate, *map(Text, rest)]


def _refusals(snapshot: LiveSnapshot | None) -> Group:
    shown = list(snapshot.refusals)[-_MOST_REFUSALS:] if snapshot else []
    lines = [Text(f"{clock} {robot}: {text}", no_wrap=True, overflow="crop") for clock, robot, text in shown]
    return Group(*(lines or [Text("none")]))


def _log(frame: ScreenContent) -> Panel:
    shown = frame.log[-max(frame.height - 10, 1) :]
    lines = [Text(line, style=_log_style(line), no_wrap=True, overflow="crop") for line in shown]
    return _panel(f"log, all of it in {frame.log_path}", Group(*lines))


def _log_style(line: str) -> str:
    return next((style for mark, style in _LOG_STYLES if mark in line), "")


def plain_line(snapshot: LiveSnapshot) -> str:
    """Return the moment in one line of ASCII, for a log."""
    graph = snapshot.graph
    safety = graph.safety
    parts = [f"safety {safety.state}{_why(safety)}" if safety else "safety_node NOT HEARD", real_time_words(snapshot)]
    for robot in graph.robots:
        gate, motion, lease, refused, rate, positions = (text.plain for text in _robot_row(robot)[1:])
        parts.append(f"{robot.name} {gate}, {motion}, lease {lease}, refused {refused}, {rate} Hz, q [{positions}]")
    parts += [f"camera {name} {rate:.1f} Hz" for name, rate in snapshot.cameras]
    parts += [f"button {name} {problem or 'ready'}" for name, problem in snapshot.buttons]
    if snapshot.refusals:
        clock, name, text = snapshot.refusals[-1]
        parts.append(f"last refusal {clock} {name}: {text}")
    return " | ".join(parts)
