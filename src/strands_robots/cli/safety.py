"""`strands-robots estop` and `strands-robots resume`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import REASON_BYTES, Namespace, clip_text, complain, connect, operator_source, say
from strands_robots.cli.estop_words import LONGEST_WAIT, REASON, SHORTEST_WAIT, WAIT, EstopWords
from strands_robots.cli.first_stop import FirstStop
from strands_robots.cli.keys import find_key, load_operator_key
from strands_robots.safety.stop_report import StopReport, verdict

NOT_LATCHED = 1
NOT_AT_REST = 3
SECOND_OPERATOR = 4


def estop(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why, in words.")] = REASON,
    wait: Annotated[
        float, typer.Option(help=f"Longest wait for evidence of rest, {SHORTEST_WAIT:g} to {LONGEST_WAIT:g} [s].")
    ] = WAIT,
    namespace: Annotated[
        str | None,
        typer.Option(help="Namespace of the graph; without it every graph of the ROS domain on this machine."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Stop every graph on this machine.")] = False,
) -> None:
    """Stop every robot of the graph and latch the stop.

    Asks the robots' processes on this machine first, past the middleware; then over ROS safety_node and the robots wherever they are.
    Where no graph of this ROS_DOMAIN_ID runs on this machine, every graph on it is stopped, by name. Words that cannot be used are
    complained about and never keep the stop from being made.

    Exit code 0: latched, and every robot reported rest. 3: latched, but a robot did not report rest. 1: not latched, or no answer.
    """
    first = context.obj
    if not isinstance(first, FirstStop):
        wait = min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)
        first = FirstStop(EstopWords(reason, wait, namespace, everything))
    report, local = first.report(), first.local
    for complaint in first.words.complaints:
        complain(complaint)
    if local.is_widened:
        graphs = sorted({target.record.graph for target in local.targets})
        complain(
            f"no graph of this domain and namespace runs here; EVERY GRAPH ON THIS MACHINE WAS ASKED: {'; '.join(graphs)}"
        )
    for line in stop_lines(report):
        say(line)
    if not report.is_latched:
        complain("THE STOP IS NOT CONFIRMED: USE THE STOP BUTTON OR CUT THE POWER")
        raise typer.Exit(NOT_LATCHED)
    if not report.is_at_rest:
        raise typer.Exit(NOT_AT_REST)


def stop_lines(report: StopReport) -> list[str]:
    """Return what a person needs to know of a stop: the verdict first, then each robot's evidence."""
    number = f" (stop {report.stop_id})" if report.stop_id else ""
    lines = [f"{verdict(report)}{number}"]
    if report.supervisor_answered:
        lines.append(f"  safety_node: {report.message}")
        lines.append("  audited: yes, on the disk" if report.is_audited else "  audited: NO RECORD IS CONFIRMED")
    elif report.robots:
        latched = ", but its socket says that it is latched" if report.supervisor_latched else ""
        lines.append(f"  safety_node does not answer over ROS{latched}; the robots were told directly")
        lines.append("  audited: not known, because safety_node did not answer; look with: strands-robots audit tail")
    else:
        lines.append(
            "  no safety_node and no robot was found; check ROS_DOMAIN_ID, the namespace and that the graph runs"
        )
    if report.problem:
        lines.append(f"  over ROS: NOT ASKED: {report.problem}")
    for robot in report.robots:
        held = f"latched ({robot.latch_reason})" if robot.is_latched else "NOT LATCHED"
        rest = "at rest" if robot.is_at_rest else f"MOVING, {robot.max_velocity:.3f} rad/s"
        note = f"; {robot.note}" if robot.note else ""
        lines.append(f"  {robot.name}: {held}, {rest}{note}" if robot.is_heard else f"  {robot.name}: NO ANSWER{note}")
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
