"""fleet_node beside safety_node and a simulated robot: a stop, its evidence and a signed resume over the real router."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from graph import Graph, wait_for

pytest.importorskip("zenoh")
from fleet_site import Site

from strands_robots.fleet.member_folder import MemberFolder
from strands_robots.fleet.station import Station
from strands_robots.operators.keyring import Keyring, Operator, Role, save_keyring


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "site")
    yield made
    made.close()


def test_stop_evidence_and_signed_resume_of_a_graph(graph: Graph, site: Site, tmp_path: Path) -> None:
    anna = MemberFolder(site.folder / "anna")
    save_keyring(tmp_path / "keyring.yaml", Keyring([Operator(anna.key.public, frozenset({Role.RESUME}))]))
    graph.start("sim_node", robots=["so101=so101"], cameras=False, mode="realtime", heartbeat_timeout=2.0)
    graph.start(
        "safety_node", run_id="run", arm_on_start=True, robots=["so101"], gate_state_timeout=5.0,
        latch_folder=str(tmp_path / "latch"), keyring=str(tmp_path / "keyring.yaml"),
    )  # fmt: skip
    graph.start("fleet_node", run_id="run", folder=str(site.folder / "sim1"))
    transport = site.transport("anna")
    station = Station(anna.channel(), transport)

    def state() -> str:
        heard = station.presence.find("sim1")
        return heard.beacon.state if heard is not None else ""

    try:
        wait_for(lambda: state() == "stopped", 60.0, "the graph comes up stopped")
        assert station.resume("sim1", "checked", 8.0).success
        wait_for(lambda: state() == "armed", 20.0, "armed")
        campaign = station.stop("all", "test")
        wait_for(lambda: any(entry.confirmed_after is not None for entry in campaign.outcomes()), 20.0, "evidence")
        words = {entry.robot: entry.words() for entry in campaign.outcomes()}
        assert "STOPPED AT REST" in words["sim1"] and "NOT HEARD" in words["arm1"]
        heard = station.presence.find("sim1")
        assert heard is not None and [gate.robot for gate in heard.beacon.gates] == ["so101"]
        wait_for(lambda: state() == "stopped", 10.0, "the beacon says so too")
    finally:
        station.close()
        transport.close()
