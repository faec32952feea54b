"""`strands-robots check-calibration`: marked poses of a real arm, and whether it still is where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import Namespace, complain, connect, operator_source, say
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.names import FILE_NAME_RULE, is_file_name
from strands_robots.core.text import printable

if TYPE_CHECKING:
    from strands_robots.clients.arm_watch import ArmWatch
    from strands_robots.clients.client import GraphClient
    from strands_robots.description.robot_config import RobotConfig
    from strands_robots.drivers.calibration import Calibration
    from strands_robots.drivers.calibration_marks import JointDrift, Mark

app = typer.Typer(no_args_is_help=True, help="Marked poses of a real arm, and whether it still is where it was.")

DRIFTED = 3

_Robot = Annotated[str, typer.Option(help="Robot on the graph of strands-robots real.")]
_Model = Annotated[str, typer.Option(help="Its description, if it was not given by name; else what its driver says.")]
_Threshold = Annotated[float, typer.Option(help="Largest drift of a joint [deg].", min=0.1, max=90.0)]
_Json = Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")]


@dataclass(frozen=True)
class _Arm:
    """An arm that is heard: how it is calibrated, and what it was marked with."""

    watch: ArmWatch
    config: RobotConfig
    calibration: Calibration
    marks: dict[str, Mark]

    def now(self) -> Mark:
        from strands_robots.drivers.calibration_marks import make_mark

        return make_mark(self.config, self.calibration, self.watch.rest())


@app.command("mark")
def mark(
    name: Annotated[str, typer.Argument(help="Name of the pose.")],
    robot: _Robot,
    model: _Model = "",
    namespace: Namespace = "",
) -> None:
    """Keep the pose in which the arm stands; a mark of the same name is replaced."""
    from strands_robots.drivers.calibration_marks import save_marks

    if not is_file_name(name):
        raise ConfigurationError(f"mark '{printable(name)}' given; valid: {FILE_NAME_RULE}")
    with connect(namespace) as client:
        arm = _arm(client, robot, model)
        arm.marks[name] = arm.now()
    path = save_marks(arm.calibration.path, arm.marks)
    say(f"'{name}' marked in {path}: " + ", ".join(f"{j} {p:.4f}" for j, p in arm.marks[name].positions.items()))


@app.command("list")
def list_marks(robot: _Robot, model: _Model = "", namespace: Namespace = "") -> None:
    """List the marked poses of the arm that is connected."""
    with connect(namespace) as client:
        arm = _arm(client, robot, model)
    for name, entry in arm.marks.items():
        say(f"{name}  {entry.marked}  " + ", ".join(f"{j} {p:.4f}" for j, p in entry.positions.items()))
    if not arm.marks:
        say("no pose is marked; strands-robots check-calibration mark NAME")


@app.command("run")
def run(
    robot: _Robot,
    names: Annotated[list[str] | None, typer.Argument(help="Poses to go to; all when none is named.")] = None,
    threshold: _Threshold = 2.0,
    speed: Annotated[float, typer.Option(help="Part of the velocity limits to use.", min=0.01, max=0.5)] = 0.1,
    as_json: _Json = False,
    model: _Model = "",
    namespace: Namespace = "",
) -> None:
    """Move the arm slowly to its marked poses, and compare positions and servo shafts with what was measured there then.

    Finds an arm that was calibrated anew and joints that do not get there any more. A horn that slipped on its shaft is found by `here`.
    Exit code 0 when no joint has drifted, 3 when one has or did not get there, 1 when nothing could be said.
    """
    from strands_robots.drivers.calibration_marks import compare, find_mark

    findings: dict[str, list[JointDrift]] = {}
    problems: dict[str, str] = {}
    with connect(namespace) as client:
        arm = _arm(client, robot, model)
        if not arm.marks:
            raise ConfigurationError("no pose is marked; valid: strands-robots check-calibration mark NAME first")
        for name in names or list(arm.marks):
            marked = find_mark(arm.marks, name)
            problem = _move(client, robot, marked, speed)
            if problem:
                problems[name] = problem
                break
            findings[name] = compare(marked, arm.now(), threshold)
    _report(arm, findings, problems, threshold, as_json)


@app.command("here")
def here(
    name: Annotated[str, typer.Argument(help="Name of the pose in which a person has set the arm.")],
    robot: _Robot,
    threshold: _Threshold = 2.0,
    as_json: _Json = False,
    model: _Model = "",
    namespace: Namespace = "",
) -> None:
    """Compare the pose in which the arm stands with a marked one; nothing moves.

    For a pose that is set by hand against something that stands still, a jig or the arm's own ends of travel, and was marked like
    that. Finds horns that slipped as well. Exit codes as of `run`.
    """
    from strands_robots.drivers.calibration_marks import compare, find_mark

    with connect(namespace) as client:
        arm = _arm(client, robot, model)
        marked = find_mark(arm.marks, name)
        findings = {name: compare(marked, arm.now(), threshold)}
    _report(arm, findings, {}, threshold, as_json)


def _arm(client: GraphClient, robot: str, model: str) -> _Arm:
    from strands_robots.clients.arm_watch import ArmWatch
    from strands_robots.description.robot_config import load_robot
    from strands_robots.drivers.calibration_marks import load_marks
    from strands_robots.drivers.calibration_plausibility import load_plausible

    watch = ArmWatch(client, robot)
    identity = watch.identity()
    config = load_robot(model or identity.get("model", ""))
    path = Path(identity["calibration"])
    calibration = load_plausible(path, config)
    if calibration.sha256 != identity.get("calibration_sha256"):
        raise ConfigurationError(
            f"calibration '{path}' is not the one that '{robot}' was connected with; "
            "valid: this machine's own arm, connected again after its calibration"
        )
    return _Arm(watch, config, calibration, load_marks(path, tuple(config.joints)))


def _move(client: GraphClient, robot: str, marked: Mark, speed: float) -> str:
    """Move to a mark; return why the arm is not there, or nothing."""
    from strands_robots.clients.motion_client import move_joints_goal, run_motion

    goal = move_joints_goal(
        list(marked.positions),
        list(marked.positions.values()),
        robot=robot,
        source=operator_source(),
        speed_scale=speed,
    )
    result = run_motion(client, goal, complain)
    return "" if result.success else f"{result.termination_reason}: {result.message}"


def _report(
    arm: _Arm, findings: Mapping[str, list[JointDrift]], problems: Mapping[str, str], threshold: float, as_json: bool
) -> None:
    is_fine = not problems and all(drift.is_fine for drifts in findings.values() for drift in drifts)
    changed = [name for name in findings if arm.marks[name].calibration_sha256 != arm.calibration.sha256]
    if as_json:
        account = {
            "calibration": str(arm.calibration.path),
            "calibration_sha256": arm.calibration.sha256,
            "threshold_deg": threshold,
            "is_fine": is_fine,
            "calibration_changed_since": changed,
            "poses": {name: [asdict(drift) for drift in drifts] for name, drifts in findings.items()},
            "not_reached": dict(problems),
        }
        say(json.dumps(account, indent=2))
    else:
        _print_table(findings, problems, changed, threshold)
        say("no joint has drifted" if is_fine else "DRIFTED: calibrate the arm anew, or find what slipped")
    if not is_fine:
        raise typer.Exit(DRIFTED)


def _print_table(
    findings: Mapping[str, list[JointDrift]], problems: Mapping[str, str], changed: list[str], threshold: float
) -> None:
    for name, drifts in findings.items():
        say(f"{name}{'  (the calibration was changed since)' if name in changed else ''}")
        for drift in drifts:
            verdict = "fine" if drift.is_fine else f"DRIFTED, valid: up to {threshold:g}"
            say(f"  {drift.joint:<16} position {drift.position:+7.2f} deg   shaft {drift.shaft:+7.2f} deg   {verdict}")
    for name, problem in problems.items():
        say(f"{name}  NOT REACHED: {problem}")
