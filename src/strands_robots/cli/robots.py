"""`strands-robots robots`: which robots there are, and what each one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import say

if TYPE_CHECKING:
    from strands_robots.description.robot_config import RobotConfig

app = typer.Typer(no_args_is_help=True, help="Robots that can be simulated, and what each one is.")


@app.command("list")
def list_robots(
    collection: Annotated[
        str, typer.Option(help="List the robots of one installed collection: example_robot_data or robot_descriptions.")
    ] = "",
) -> None:
    """List the robots that come with the package, and the collections of others that are installed."""
    from strands_robots.core.errors import UnknownNameError
    from strands_robots.core.share import robot_names
    from strands_robots.description.robot_sources import collections, find_model
    from strands_robots.description.robot_summary import robot_summary

    known = {entry.name: entry for entry in collections()}
    if collection:
        if collection not in known:
            raise UnknownNameError("collection of robots", collection, known)
        if not known[collection].is_installed:
            find_model(f"{collection}:")  # its error says what to install
        for name, licence in known[collection].robots.items():
            say(f"{collection}:{name}  [{licence}]")
        return
    for name in robot_names():
        robot = robot_summary(name)
        say(f"{name}  {robot.description}  [{robot.licence or 'no licence stated'}]")
    for entry in known.values():
        if entry.is_installed:
            say(
                f"{entry.name}:<name>  {len(entry.robots)} robots, see: strands-robots robots list --collection {entry.name}"
            )
        else:
            say(f"{entry.name}:<name>  not installed; pip install {entry.package}")


@app.command("show")
def show(
    robot: Annotated[
        str, typer.Argument(help="Name, model file, or <collection>:<name>; see: strands-robots robots list.")
    ],
) -> None:
    """Show joints with their limits, cameras, gripper, files and licence of a robot."""
    from strands_robots.description.model_suffixes import is_model_file
    from strands_robots.description.robot_config import load_robot
    from strands_robots.description.robot_sources import find_model, is_collection_reference

    if is_collection_reference(robot):
        from strands_robots.description.robot_model import describe_model

        found = find_model(robot)
        _print(describe_model(found.path), f"{found.licence}, from {found.collection}")
    elif is_model_file(robot):
        from pathlib import Path

        from strands_robots.description.robot_model import describe_model

        _print(describe_model(Path(robot)), "")
    else:
        config = load_robot(robot)
        _print(config, config.licence)


def _print(config: RobotConfig, licence: str) -> None:
    say(f"{config.name}: {config.description}")
    say(f"  licence        {licence or 'no licence stated'}")
    for label, path in (("MJCF", config.mjcf), ("URDF", config.urdf)):
        if path is not None:
            say(f"  {label}           {path}")
    say(f"  base frame     {config.base_frame}")
    say(f"  tool frame     {config.tool_frame or 'none: motions of joints only'}")
    say(f"  stop category  {int(config.stop_category)} (IEC 60204-1)")
    say(f"  modes          {', '.join(config.modes)}")
    if config.gripper is not None:
        gripper = config.gripper
        say(f"  gripper        {', '.join(gripper.joints)}: open {gripper.open:g}, closed {gripper.closed:g}")
    for name, camera in config.cameras.items():
        say(f"  camera         {name}: {camera.width} x {camera.height}, {camera.rate:g} Hz")
    width = max(len(name) for name in config.joints)
    heading = ("lower", "upper", "velocity", "acceleration", "effort", "home")
    say(f"  {'joint'.ljust(width)}" + "".join(f"{text:>14}" for text in heading) + "   (rad or m, s, Nm or N)")
    for name, joint in config.joints.items():
        numbers = (joint.lower, joint.upper, joint.velocity, joint.acceleration, joint.effort)
        home = f"{config.home[name]:.4g}" if name in config.home else "-"
        say(f"  {name.ljust(width)}" + "".join(f"{number:>14.4g}" for number in numbers) + f"{home:>14}")
