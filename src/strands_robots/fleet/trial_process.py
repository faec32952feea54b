"""A process of a trial: a router, or simulated members. Takes requests as lines of JSON until its input ends."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from strands_robots.fleet.simulated_fleet import SimulatedFleet
from strands_robots.fleet.zenoh_transport import open_session

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def main(arguments: list[str]) -> int:
    """Run a router ("router", file of its configuration) or members ("members", JSON of folders, slow and delay)."""
    what, given = arguments
    if what == "router":
        session = open_session(json.loads(Path(given).read_bytes()))
        try:
            serve(lambda request: {})
        finally:
            session.close()
        return 0
    settings = json.loads(given)
    folders = [Path(folder) for folder in settings["folders"]]
    with SimulatedFleet(folders, settings["slow"], settings["delay"]) as fleet:
        thread = threading.Thread(target=fleet.run, args=(math.inf,), daemon=True)
        thread.start()
        serve(lambda request: _answer(fleet, request))
    thread.join(5.0)
    return 0


def serve(answer: Answer) -> None:
    """Answer each line until the input ends."""
    for line in sys.stdin:
        told = {**answer(json.loads(line)), "processor": time.process_time()}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def _answer(fleet: SimulatedFleet, request: dict[str, Any]) -> dict[str, Any]:
    what = request["do"]
    if what == "arm":
        fleet.arm()
    elif what == "cut":
        fleet.cut(request["names"], request["is_cut"])
    elif what == "clock_back":
        fleet.set_clocks_back(request["names"])
    elif what == "times":
        return {"times": fleet.latched_times(request["stop"])}
    return {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
