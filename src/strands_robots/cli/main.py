"""Entry point of `strands-robots`: the list of commands, and errors as one line and an exit code."""

from __future__ import annotations

import sys

import typer

from strands_robots.cli import (
    approvals,
    audit,
    calibrate,
    chat,
    check_calibration,
    console,
    critique,
    dataset,
    demonstrate,
    doctor,
    evaluate,
    fleet,
    graph,
    keys,
    mcp,
    move,
    policy,
    real,
    record,
    render,
    robots,
    safety,
    servo_bus,
    sim,
    state,
    teleop,
    view,
)
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.text import printable

app = typer.Typer(
    help="Simulated and real robots on ROS 2, with an emergency stop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("sim")(sim.sim)
app.add_typer(real.app, name="real")
app.command("calibrate")(calibrate.calibrate)
app.command("doctor")(doctor.doctor)
app.command("estop")(safety.estop)
app.command("resume")(safety.resume)
app.command("state")(state.state)
app.command("console")(console.console)
app.command("render")(render.render)
app.command("view")(view.view)
app.command("move", context_settings={"ignore_unknown_options": True})(move.move)
app.command("grip")(move.grip)
app.command("teleop")(teleop.teleop)
app.command("evaluate")(evaluate.evaluate)
app.command("critique")(critique.critique)
app.command("demonstrate")(demonstrate.demonstrate)
app.command("record")(record.record)
app.command("mcp")(mcp.mcp)
app.command("chat")(chat.chat)
app.add_typer(policy.app, name="policy")
app.add_typer(dataset.app, name="dataset")
app.add_typer(audit.app, name="audit")
app.add_typer(approvals.app, name="approvals")
app.add_typer(graph.app, name="graph")
app.add_typer(fleet.app, name="fleet")
app.add_typer(keys.app, name="keys")
app.add_typer(robots.app, name="robots")
app.add_typer(servo_bus.app, name="servo-bus")
app.add_typer(check_calibration.app, name="check-calibration")


def main(begun: object = None) -> int:
    """Run the command line and return the exit code.

    Args:
        begun: What cli/entry.py has begun already, for the command; None for nothing.

    Returns:
        0 when it did what was asked, 2 for arguments that cannot be used, 130 after Ctrl-C, else what the command says.
    """
    try:
        app(obj=begun)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except StrandsRobotsError as error:
        text = str(error)
        print("error: " + (text if text.isascii() else printable(text)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
