"""What `strands-robots graph call` adds to a service call: start of the program, discovery, the call, the end.

Beside it the same call by a client that is on the graph already.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from _report import report

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test"))

from graph import Graph, Process, wait_for  # noqa: E402
from std_srvs.srv import SetBool  # noqa: E402

CALLS = 20
TARGET = 1.5


def main() -> None:
    with Graph() as graph:
        stranger = Process([sys.executable, str(ROOT / "test" / "system" / "stranger.py")], graph.environment)
        graph.processes.append(stranger)
        wait_for(lambda: "ready" in stranger.text, 20.0, "the service")
        words = [sys.executable, "-m", "strands_robots.cli.entry", "graph", "call", "switch", "{data: true}"]
        whole = [
            _timed(lambda: subprocess.run(words, env=graph.environment, check=True, capture_output=True))
            for _ in range(CALLS)
        ]
        client = graph.client()
        request = SetBool.Request(data=True)
        client.call(SetBool, "switch", request)
        service = client.create_client(SetBool, "switch")
        service.wait_for_service(5.0)
        direct = [_timed(lambda: wait_for(service.call_async(request).done)) for _ in range(CALLS)]
    added = [value - statistics.median(direct) for value in whole]
    figures = {
        "added_p50_s": statistics.median(added),
        "added_max_s": max(added),
        "call_of_a_running_client_p50_ms": 1e3 * statistics.median(direct),
    }
    report("graph_call", figures, {"added_s (target)": TARGET})


def _timed(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
