"""A stop as a client of the command line."""

from __future__ import annotations

import contextlib

from strands_robots.clients.client import GraphClient
from strands_robots.clients.stop import GraphStop
from strands_robots.safety.stop_report import RestReport as RestReport  # part of the report
from strands_robots.safety.stop_report import StopReport


def stop_graph(client: GraphClient, source: str, reason: str, wait: float) -> StopReport:
    """Stop every robot of the client's graph and return the evidence; see GraphStop.

    Args:
        client: Client of the graph.
        source: Who asks.
        reason: Why.
        wait: Longest wait for evidence of rest [s].
    """
    with contextlib.closing(GraphStop(client.node)) as stop:
        return stop.stop(source, reason, wait)
