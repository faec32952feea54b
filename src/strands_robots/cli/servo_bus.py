"""`strands-robots servo-bus`: a simulated Feetech or Dynamixel bus on a pseudo-terminal, and its faults on command."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import say
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.priority import raise_priority
from strands_robots.core.text import printable

app = typer.Typer(invoke_without_command=True, no_args_is_help=False)

_Control = Annotated[Path | None, typer.Option(help="Path of the socket for faults.")]


@app.callback()
def servo_bus(
    context: typer.Context,
    robot: Annotated[str, typer.Option(help="Robot behind the servos.")] = "so101",
    protocol: Annotated[str, typer.Option(help="feetech or dynamixel; empty: that of the robot's servos.")] = "",
    link: Annotated[Path | None, typer.Option(help="Path that shall lead to the terminal.")] = None,
    control: _Control = None,
    mounts: Annotated[str, typer.Option(help="Sensor of each servo at 0 rad, 0 to 4095, between commas.")] = "",
    calibrated: Annotated[bool, typer.Option(help="Servos with homing offset and range in their memory.")] = True,
    paced: Annotated[bool, typer.Option(help="Answers take as long as their bytes on the wire.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of the faults.")] = 0,
    holds: Annotated[bool, typer.Option(help="Servos that hold the arm at the start; else it falls.")] = True,
) -> None:
    """Simulate an arm's servo bus until Ctrl-C; the first line says its port."""
    if context.invoked_subcommand is not None:
        return
    from strands_robots.servo_bus.process import BusOptions, BusProcess

    over = False

    def end(number: int, frame: object) -> None:
        nonlocal over
        over = True

    raise_priority()  # Servos do not wait for a processor.
    process = BusProcess(BusOptions(robot, protocol, link, control, _mounts(mounts), calibrated, paced, seed, holds))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    say(f"port: {process.line.port}")
    try:
        process.run(lambda: over)
    finally:
        process.close()


@app.command()
def fault(
    control: Annotated[Path, typer.Argument(help="Path of the socket, as given to --control.")],
    words: Annotated[list[str], typer.Argument(help="For example: drop 5; stall elbow_flex; unplug; plug; heal.")],
) -> None:
    """Make a running servo bus fail, or heal it."""
    from strands_robots.servo_bus.process import send_fault

    say(send_fault(control, " ".join(words)) or "done")


def _mounts(text: str) -> tuple[int, ...]:
    try:
        mounts = tuple(int(word) for word in text.split(",") if word)
    except ValueError:
        mounts = (-1,)
    if any(not 0 <= mount <= 4095 for mount in mounts):
        raise ConfigurationError(f"mounts are '{printable(text)}'; valid: whole numbers from 0 to 4095 between commas")
    return mounts
