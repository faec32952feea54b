"""fleet_node beside a simulated robot's graph, over the real router: stop with evidence, signed resume, and tells with permits."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph import Graph, wait_for

pytest.importorskip("zenoh")
from fleet_site import Site
from strands_robots.msg import ApprovalState
from strands_robots.srv import DecideApproval

from strands_robots.approvals.decision import sign_decision
from strands_robots.core.errors import NoAnswerError, UnknownNameError
from strands_robots.fleet.bodies import Result
from strands_robots.fleet.member_folder import MemberFolder
from strands_robots.fleet.station import Station
from strands_robots.nodes.fleet.ros_graph import RosGraph
from strands_robots.operators.keyring import Keyring, Operator, Role, save_keyring
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.approval_messages import decision_to_msg

SWING = json.dumps(
    {
        "robot": "so101",
        "policy": "sine",
        "duration": 60.0,
        "config": "{joints: {shoulder_pan: [{amplitude: 0.2, frequency: 0.5}]}}",
    }
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "site")
    yield made
    made.close()


class Desk:
    """The robot's own graph as a person beside it sees it: what waits, and signed decisions."""

    def __init__(self, graph: Graph, anna: MemberFolder) -> None:
        self.client, self.key = graph.client(), anna.key
        self.states = self.client.listen(ApprovalState, "approvals/state", qos.STATE)

    def decide(self, is_approved: bool) -> Any:
        request = wait_for(self._pending, 20.0, "a request that waits")
        decision = sign_decision(request.request_id, request.digest, is_approved, "seen", "run", self.key)
        assert self.client.call(DecideApproval, "approvals/decide", decision_to_msg(decision)).success
        return request

    def _pending(self) -> Any:
        waiting = [entry for entry in self.states[-1].requests if entry.state == entry.PENDING] if self.states else []
        return waiting[0] if waiting else None


def start_graph(graph: Graph, site: Site, folder: Path) -> MemberFolder:
    anna = MemberFolder(site.folder / "anna")
    roles = frozenset({Role.RESUME, Role.APPROVE})
    keyring = folder / "keyring.yaml"
    save_keyring(keyring, Keyring([Operator(anna.key.public, roles)]))
    graph.start("sim_node", robots=["so101=so101"], cameras=False, mode="realtime", heartbeat_timeout=2.0)
    graph.start(
        "safety_node", run_id="run", arm_on_start=True, robots=["so101"], gate_state_timeout=5.0,
        latch_folder=str(folder / "latch"), keyring=str(keyring),
    )  # fmt: skip
    graph.start("policy_node", use_sim_time=True)
    graph.start("approval_node", run_id="run", keyring=str(keyring), folder=str(folder / "permits"))
    graph.start("fleet_node", run_id="run", folder=str(site.folder / "sim1"))
    return anna


def test_stop_evidence_resume_and_tells_of_a_graph(graph: Graph, site: Site, tmp_path: Path) -> None:
    anna = start_graph(graph, site, tmp_path)
    desk = Desk(graph, anna)
    transport = site.transport("anna")
    station = Station(anna.channel(), transport)

    def beacon() -> Any:
        heard = station.presence.find("sim1")
        return heard.beacon if heard is not None else None

    def is_moving() -> bool:
        return beacon() is not None and any(not gate.is_at_rest for gate in beacon().gates)

    def state(request: str) -> str:
        answer = station.result(request)
        return answer.state if isinstance(answer, Result) else ""

    def answer(request: str, *states: str) -> Result:
        wait_for(lambda: state(request) in states, 40.0, f"{states}")
        found = station.result(request)
        assert isinstance(found, Result)
        return found

    try:
        wait_for(lambda: beacon() is not None and beacon().state == "stopped", 60.0, "the graph comes up stopped")
        wait_for(lambda: desk.states, 60.0, "approval_node")
        assert station.resume("sim1", "checked", 8.0).success
        wait_for(lambda: beacon().state == "armed", 20.0, "armed")

        # What no graph takes is refused before a person is asked.
        for fields, words in (
            ("[]", "no object"),
            ('{"robto": "so101"}', "robto"),
            ('{"source": "operator/x"}', "source"),
        ):
            refused = answer(station.tell("sim1", False, "move_to", fields), "refused")
            assert refused.refusal == "malformed" and words in refused.message
        unknown = answer(
            station.tell("sim1", False, "run_policy", '{"robot": "ur5", "policy": "hold", "duration": 1.0}'), "refused"
        )
        assert "ur5" in unknown.message
        assert answer(station.tell("sim1", True, "run_policy", SWING), "refused").refusal == "other_kind_of_robot"

        # A tell that a person declines does not move, one that is approved does, and it is exactly what was shown.
        turn = '{"robot": "so101", "joint_names": ["shoulder_pan"], "positions": [0.2]}'
        declined = station.tell("sim1", False, "move_to", turn)
        assert "waits for a person" in answer(declined, "waiting").message
        desk.decide(False)
        assert answer(declined, "refused").refusal == "declined" and not is_moving()
        told = station.tell("sim1", False, "run_policy", SWING)
        shown = desk.decide(True)
        assert shown.asker == "fleet/anna" and shown.name == "run_policy" and json.loads(shown.fields)["duration"] == 60
        answer(told, "running")
        wait_for(is_moving, 30.0, "the robot swings")

        # A stop over the fleet ends it, with evidence; a robot that is not there is named.
        campaign = station.stop("all", "test")
        wait_for(lambda: any(entry.confirmed_after is not None for entry in campaign.outcomes()), 20.0, "evidence")
        words = {entry.robot: entry.words() for entry in campaign.outcomes()}
        assert "STOPPED AT REST" in words["sim1"] and "NOT HEARD" in words["arm1"]
        ended = answer(told, "done")
        assert not ended.success and ended.message.startswith("stopped")
        assert [gate.robot for gate in beacon().gates] == ["so101"]

        # The goal of an operator that is not heard any more ends.
        wait_for(lambda: beacon().state == "stopped", 10.0, "the beacon says so too")
        assert station.resume("sim1", "checked", 8.0).success
        again = station.tell("sim1", False, "run_policy", SWING)
        desk.decide(True)
        answer(again, "running")
        wait_for(is_moving, 30.0, "the robot swings")
    finally:
        station.close()
        transport.close()
    reader = site.transport("eve")
    watcher = Station(MemberFolder(site.folder / "eve").channel(), reader)

    def rests() -> bool:
        heard = watcher.presence.find("sim1")
        return (
            heard is not None and heard.beacon.state == "armed" and all(gate.is_at_rest for gate in heard.beacon.gates)
        )

    try:
        wait_for(rests, 20.0, "the goal of the operator that left has ended")
    finally:
        watcher.close()
        reader.close()


def test_a_picture_of_a_graphs_camera_is_a_jpeg_and_a_camera_that_is_not_there_is_named(graph: Graph) -> None:
    from PIL import Image

    graph.start("sim_node", robots=["so101=so101"], cameras=True, mode="realtime")
    node = graph.client()
    link = RosGraph(node, None)  # type: ignore[arg-type]  # No goal is told.

    def picture() -> bytes:
        try:
            return link.picture("so101/wrist")
        except (NoAnswerError, UnknownNameError):
            return b""

    with Image.open(io.BytesIO(wait_for(picture, 60.0, "a picture"))) as found:
        assert found.format == "JPEG" and min(found.size) >= 64
    with pytest.raises(UnknownNameError, match="so101/wrist"):
        link.picture("so101/elbow")
