"""`strands-robots estop` and `strands-robots resume`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import REASON_BYTES, Namespace, clip_text, connect, operator_source, say
from strands_robots.cli.keys import find_key, load_operator_key

if TYPE_CHECKING:
    from strands_robots.clients.safety_client import StopReport

NOT_LATCHED = 1
NOT_AT_REST = 3
SECOND_OPERATOR = 4


def estop(
    reason: Annotated[str, typer.Option(help="Why, in words.")] = "from the command line",
    wait: Annotated[float, typer.Option(help="Longest wait for evidence of rest [s].", min=0.5, max=9.0)] = 5.0,
    namespace: Namespace = "",
) -> None:
    """Stop every robot of the graph and latch the stop.

    Tells safety_node and the robots directly, so that it also works when safety_node is dead.

    Exit code 0: latched, and every robot reported rest. 3: latched, but a robot did not report rest. 1: not latched.
    """
    with connect(namespace) as client:
        from strands_robots.clients.safety_client import stop_graph

        report = stop_graph(client, operator_source(), clip_text(reason, REASON_BYTES), wait)
    for line in stop_lines(report):
        say(line)
    if not report.is_latched:
        raise typer.Exit(NOT_LATCHED)
    if not report.is_at_rest:
        raise typer.Exit(NOT_AT_REST)


def stop_lines(report: StopReport) -> list[str]:
    """Return what a person needs to know of a stop: the verdict first, then each robot's evidence."""
    if report.is_latched:
        verdict = "STOPPED and latched" if report.is_at_rest else "LATCHED, BUT REST IS NOT CONFIRMED"
    else:
        verdict = (
            "NOT STOPPED" if report.robots or report.supervisor_answered else "NOT STOPPED: nobody heard the request"
        )
    number = f" (stop {report.stop_id})" if report.supervisor_answered else ""
    lines = [f"{verdict}{number}"]
    if report.supervisor_answered:
        lines.append(f"  safety_node: {report.message}")
        lines.append("  audited: yes, on the disk" if report.is_audited else "  audited: NO RECORD IS CONFIRMED")
    else:
        lines.append(
            "  safety_node does not answer; the robots were told directly"
            if report.robots
            else "  no safety_node and no robot was found; check ROS_DOMAIN_ID, the namespace and that the graph runs"
        )
    for robot in report.robots:
        held = f"latched ({robot.latch_reason})" if robot.is_latched else "NOT LATCHED"
        rest = "at rest" if robot.is_at_rest else f"MOVING, {robot.max_velocity:.3f} rad/s"
        lines.append(f"  {robot.name}: {held}, {rest}" if robot.is_heard else f"  {robot.name}: NO ANSWER")
    return lines


def resume(
    reason: Annotated[str, typer.Option(help="Why it is safe to go on.")] = "from the command line",
    stop_id: Annotated[
        int | None, typer.Option(help="The stop that is meant; without it the present one.", min=0)
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="Your operator key; without it $STRANDS_ROBOTS_OPERATOR_KEY or your only one.")
    ] = None,
    namespace: Namespace = "",
) -> None:
    """Clear the latched stop and arm the robots again; signed with your operator key where the graph asks for it.

    Exit code 0: the robots are armed. 4: signed, and another operator has to sign too. 1: refused.
    """
    with connect(namespace) as client:
        from strands_robots.clients.resume_client import resume_graph

        report = resume_graph(
            client,
            operator_source(),
            clip_text(reason, REASON_BYTES),
            stop_id,
            lambda: load_operator_key(find_key(key)),
        )
    if report.is_armed:
        say(f"ARMED, epoch {report.arm_epoch}, stop {report.stop_id} cleared: {report.message}")
        return
    say(f"NOT ARMED ({report.refusal}): {report.message}")
    raise typer.Exit(SECOND_OPERATOR if report.is_waiting_for_second else 1)
