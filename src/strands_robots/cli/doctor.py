"""`strands-robots doctor`: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import say

if TYPE_CHECKING:
    from strands_robots.doctor.result import Result

_COLOURS = {"ok": "32", "absent": "2", "warning": "33", "failed": "1;31"}


def doctor(
    only: Annotated[list[str] | None, typer.Option(help="Make this check only. May be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Examine this machine: Python, ROS 2, middleware, graphics, learning, compiler, disk, cameras, ports.

    Exit code 0: nothing has failed; warnings do not count. 1: something has, and two lines below it say what to do.
    """
    from strands_robots.doctor.examination import examine
    from strands_robots.doctor.machine import Machine
    from strands_robots.doctor.result import Status

    results = examine(Machine(), only or ())
    failures = [result.name for result in results if result.status is Status.FAILED]
    if as_json:
        say(json.dumps({"healthy": not failures, "checks": [_as_dict(result) for result in results]}, indent=2))
    else:
        for line in report_lines(results, use_colour()):
            say(line)
        say(f"failed: {', '.join(failures)}" if failures else "nothing has failed")
    if failures:
        raise typer.Exit(1)


def _as_dict(result: Result) -> dict[str, object]:
    return {
        "name": result.name,
        "status": result.status.value,
        "found": result.found,
        "remedy": list(result.remedy),
    }


def report_lines(results: Sequence[Result], colour: bool) -> list[str]:
    """Return the findings for a person: one line each, and two more with the remedy."""
    width = max(len(result.name) for result in results)
    lines = []
    for result in results:
        word = f"{result.status.value:8}"
        shown = f"\x1b[{_COLOURS[result.status.value]}m{word}\x1b[0m" if colour else word
        lines.append(f"{shown}{result.name:{width}}  {' '.join(result.found.split())}")
        lines += [f"{'':{8 + width}}  -> {line}" for line in result.remedy]
    return lines


def use_colour() -> bool:
    """Return whether colours are wanted: a terminal that has them, and NO_COLOR is not set.

    Source: no-color.org.
    """
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
