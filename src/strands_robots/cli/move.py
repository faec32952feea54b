"""`strands-robots move` and `grip`: move a robot's joints, tool or gripper, and wait until it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from strands_robots.cli.cli_options import Namespace, complain, connect, operator_source, say
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable

if TYPE_CHECKING:
    from strands_robots.clients.client import GraphClient

CANCELLED = 130
ORIENTATIONS = ("free", "axis", "full")
_IDENTITY = (0.0, 0.0, 0.0, 1.0)

Robot = Annotated[str, typer.Option(help="Robot to move.")]
Speed = Annotated[float, typer.Option(help="Part of the velocity limits to use.", min=0.01, max=1.0)]
Lockstep = Annotated[bool, typer.Option(help="Step a world that runs in lockstep.")]


def move(
    targets: Annotated[
        list[str],
        typer.Argument(help="'<joint>=<position>' each, in rad or m; or three numbers: x y z of the tool in m."),
    ],
    robot: Robot,
    quaternion: Annotated[str, typer.Option(help="Orientation of the tool, 'x y z w'; for axis and full.")] = "",
    orientation: Annotated[str, typer.Option(help="What of it counts: free, axis (the tool's z axis) or full.")] = "",
    frame: Annotated[str, typer.Option(help="Frame of the pose: base_link, or the tool's frame. Empty: base.")] = "",
    straight: Annotated[bool, typer.Option(help="Move the tool on a straight line.")] = False,
    planner: Annotated[str, typer.Option(help="Go around what stands in the scene, for example: rrt_connect.")] = "",
    held: Annotated[list[str] | None, typer.Option(help="Object that moves with the tool; with --planner.")] = None,
    through: Annotated[str, typer.Option(help="Point 'x y z' in m that an arc goes through; with --straight.")] = "",
    min_fraction: Annotated[
        float, typer.Option(help="Part of a straight line or arc that will do.", min=0.0, max=1.0)
    ] = 0.0,
    region: Annotated[
        str, typer.Option(help="Half lengths 'x y z' in m of a box about the place; any place in it will do.")
    ] = "",
    upright: Annotated[float, typer.Option(help="Largest change of the tool's tilt on the way, in rad.")] = 0.0,
    cone: Annotated[str, typer.Option(help="Largest angle of the tool's z axis from a direction: 'angle x y z'.")] = "",
    box: Annotated[str, typer.Option(help="Box that the tool stays in: two corners 'x y z x y z' in m.")] = "",
    tool_speed: Annotated[float, typer.Option(help="Largest speed of the tool, in m/s.")] = 0.0,
    preempt: Annotated[bool, typer.Option(help="Take the place of the motion that the robot carries out.")] = False,
    speed: Speed = 0.5,
    lockstep: Lockstep = False,
    namespace: Namespace = "",
) -> None:
    """Move joints to positions, or the tool to a place; Ctrl-C cancels it.

    Exit code 0 when the robot is measured to be there, 130 when it was cancelled, else 1.
    """
    joints, position = parse_targets(targets)
    kind, turn = parse_orientation(orientation, quaternion)
    fields: dict[str, Any] = {
        "robot": robot, "source": operator_source(), "straight": straight, "speed_scale": speed, "lockstep": lockstep,
        "min_fraction": min_fraction, "preempt": preempt,
    }  # fmt: skip
    points = parse_numbers("through", through, 3), parse_numbers("region", region, 3)
    limits = parse_numbers("cone", cone, 4), parse_numbers("box", box, 6)
    with connect(namespace) as client:
        from strands_robots.clients.motion_client import (
            move_joints_goal,
            move_pose_goal,
            planning_options,
            points_of,
            tool_limits,
            vectors_of,
        )

        fields["planning"] = tool_limits(planning_options(planner, held or []), upright, *limits, tool_speed)
        fields |= {"through": points_of(points[0]), "region": vectors_of(points[1])}
        if joints:
            goal = move_joints_goal(list(joints), list(joints.values()), **fields)
        else:
            goal = move_pose_goal(position, turn, frame, orientation=kind, **fields)
        result = _carry_out(client, goal)
    if result.positions:
        say("  " + ", ".join(f"{name} {value:.4f}" for name, value in zip(result.joint_names, result.positions)))
    say(f"  {result.elapsed:.2f} s, {result.chunks} chunks")
    tool = f"{1e3 * result.position_error:.2f} mm, {result.orientation_error:.4f} rad"
    say(f"  measured errors: tool {tool}, joints {result.joint_error:.4f}")
    _exit(result)


def grip(
    fraction: Annotated[float, typer.Argument(help="Where to, from closed (0) to open (1).", min=0.0, max=1.0)],
    robot: Robot,
    max_effort: Annotated[float, typer.Option(help="Effort to hold an object with; 0 is the robot's own.")] = 0.0,
    speed: Speed = 0.5,
    lockstep: Lockstep = False,
    namespace: Namespace = "",
) -> None:
    """Open or close the gripper, until it is there or holds something; Ctrl-C cancels it.

    Exit code 0 when it is there or holds something, 130 when it was cancelled, else 1.
    """
    with connect(namespace) as client:
        from strands_robots.clients.motion_client import grip_goal

        goal = grip_goal(
            fraction, robot=robot, source=operator_source(), max_effort=max_effort, speed_scale=speed, lockstep=lockstep
        )
        result = _carry_out(client, goal)
    say(f"  {100.0 * result.fraction:.1f} percent open at {result.position:.4f}, effort {result.effort:.3f}")
    _exit(result)


def parse_targets(targets: list[str]) -> tuple[dict[str, float], tuple[float, float, float]]:
    """Return joint positions by name, or else a place.

    Raises:
        ConfigurationError: If the arguments are neither.
    """
    problem = ConfigurationError(
        f"targets '{printable(' '.join(targets))}' given; valid: '<joint>=<position>' each, or three numbers x y z"
    )
    pairs = [target.partition("=") for target in targets]
    try:
        if all(separator for _, separator, _ in pairs):
            joints = {name: float(value) for name, _, value in pairs}
            if len(joints) == len(targets):
                return joints, (0.0, 0.0, 0.0)
        elif len(targets) == 3:
            x, y, z = (float(target) for target in targets)
            return {}, (x, y, z)
    except ValueError:
        raise problem from None
    raise problem


def parse_numbers(name: str, text: str, count: int) -> tuple[float, ...]:
    """Return numbers of an option; none where it is empty.

    Raises:
        ConfigurationError: If there are not as many.
    """
    try:
        numbers = tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        numbers = (0.0,)
    if numbers and len(numbers) != count:
        raise ConfigurationError(f"{name} is '{printable(text)}'; valid: {count} numbers")
    return numbers


def parse_orientation(orientation: str, quaternion: str) -> tuple[int, tuple[float, float, float, float]]:
    """Return the number of an orientation's kind (full where a quaternion is given alone), and the quaternion.

    Raises:
        ConfigurationError: If one of them cannot be read, or the quaternion is missing.
    """
    kind = orientation or ("full" if quaternion else "free")
    if kind not in ORIENTATIONS:
        raise ConfigurationError(f"orientation '{printable(kind)}' given; valid: {', '.join(ORIENTATIONS)}")
    if not quaternion:
        if kind != "free":
            raise ConfigurationError(f"orientation is {kind} without a quaternion; valid: --quaternion 'x y z w'")
        return 0, _IDENTITY
    try:
        x, y, z, w = (float(text) for text in quaternion.replace(",", " ").split())
    except ValueError:
        raise ConfigurationError(f"quaternion '{printable(quaternion)}' given; valid: four numbers x y z w") from None
    return ORIENTATIONS.index(kind), (x, y, z, w)


def _carry_out(client: GraphClient, goal: Any) -> Any:
    from strands_robots.clients.motion_client import run_motion

    result = run_motion(client, goal, complain)
    say(f"{result.termination_reason}: {result.message}")
    return result


def _exit(result: Any) -> None:
    if not result.success:
        raise typer.Exit(CANCELLED if result.termination_reason == "cancelled" else 1)
