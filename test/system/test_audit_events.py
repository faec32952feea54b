"""What happens on the whole graph is in its audit log: one test for each kind of event (docs/reference/audit_events.md)."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

import mcap.reader
from geometry_msgs.msg import Vector3, Wrench
from graph import Client, Graph, wait_for
from mcap_ros2.decoder import DecoderFactory
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient
from std_srvs.srv import SetBool
from strands_robots.action import MoveTo, RunPolicy
from strands_robots.msg import AuditEvent, GateState, JointCommand, SafetyState, StopRequest
from strands_robots.srv import (
    ApplyWrench,
    Checkpoint,
    ConsumePermit,
    DecideApproval,
    LoadScene,
    RequestApproval,
    ResetWorld,
    StepWorld,
    StopGraph,
)

from strands_robots.approvals.approval_request import canonical_request
from strands_robots.approvals.decision import sign_decision
from strands_robots.approvals.permits import Asker
from strands_robots.audit.audit_key import MAC_FILE, load_or_create_keys
from strands_robots.audit.log.record import Record
from strands_robots.audit.read.query import Query, records
from strands_robots.audit.read.reader import FolderReader
from strands_robots.audit.read.verify import VerifyKeys, verify
from strands_robots.clients.approval_client import ask_to_msg, use_to_msg
from strands_robots.operators.keyring import Keyring, Operator, Role, save_keyring
from strands_robots.operators.operator_key import create_key
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.approval_messages import decision_to_msg, fields_of

from .motion_graph import Asked
from .simulation import PATIENT, Simulation

PARAMETERS = (
    PATIENT
    + """\
    audit_wait: 2.0
/**/incident_node:
  ros__parameters:
    after: 0.2
    spacing: 1.0
"""
)
AGENT = Asker("agent/planner", "session")


class Bench:
    """The graph as `strands-robots sim` starts it, with operator keys, and one client of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = create_key(folder / "strands_robots" / "operator_keys", "anna", b"")
        keyring = folder / "strands_robots" / "keyring.yaml"
        save_keyring(keyring, Keyring([Operator(self.key.public, frozenset(Role))]))
        simulation = self.simulation = Simulation(
            folder, "--approvals", "--keyring", str(keyring), parameters=PARAMETERS
        )
        self.client = Client(simulation.domain)
        self.safety = self.client.listen(SafetyState, "safety/state", qos.SAFETY, keep=1)
        self.gates = self.client.listen(GateState, "so101/gate_state", qos.STATE, keep=1)
        self.log = FolderReader(folder / "strands_robots" / "audit" / f"domain{simulation.domain}")
        wait_for(self.log.path.is_dir, 60.0, "the log")
        wait_for(lambda: self.gates and not self.gates[-1].latched, 60.0, "an armed robot")

    def records(self, *kinds: str, **details: Any) -> list[Record]:
        """Return the records of these kinds with these details."""
        found = (record for record, _ in records(self.log, Query(kinds=kinds)))
        return [record for record in found if details.items() <= record.event.details.items()]

    def with_reason(self, kind: str, words: str) -> list[Record]:
        """Return the records of a kind whose reason has these words."""
        return [record for record in self.records(kind) if words in str(record.details.get("reason"))]

    def wait(self, kind: str, **details: Any) -> Record:
        """Return the newest such record, once there is one."""
        end = time.monotonic() + 20.0
        while not (found := self.records(kind, **details)):
            assert time.monotonic() < end, f"no {kind} with {details}; {[r.event.details for r in self.records(kind)]}"
            time.sleep(0.1)
        return found[-1]

    def resume(self) -> None:
        self.simulation.arm()
        wait_for(lambda: not self.gates[-1].latched, 10.0, "an armed robot")

    def close(self) -> None:
        self.client.close()
        self.simulation.close()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    started = Bench(tmp_path_factory.mktemp("ros_home"))
    yield started
    started.close()


def test_every_process_says_that_it_started_with_which_parameters(bench: Bench) -> None:
    for node in ("sim_node", "safety_node", "policy_node", "motion_node", "incident_node", "approval_node"):
        wait_for(lambda: [r for r in bench.records("process_start") if r.event.source == f"/{node}"], 20.0, node)  # noqa: B023
    (start,) = (r for r in bench.records("process_start") if r.event.source == "/safety_node")
    assert start.details["parameters"]["audit_wait"] == 2  # type: ignore[call-overload, index]
    assert start.details["pid"] == bench.simulation.nodes()["safety_node"]
    assert bench.wait("audit_start") and bench.wait("node_start", node="/sim_node")
    assert bench.wait("supervisor_start") and bench.wait("robot_start") and bench.wait("latch", latched=False)
    assert bench.wait("approval_policy")


def test_change_of_a_parameter_is_recorded_by_the_node(bench: Bench) -> None:
    value = ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=True)
    request = SetParameters.Request(parameters=[Parameter(name="use_sim_time", value=value)])
    assert bench.client.call(SetParameters, "/policy_node/set_parameters", request).results[0].successful
    assert bench.wait("parameters", node="/policy_node")
    if hasattr(
        bench.client, "add_post_set_parameters_callback"
    ):  # Humble's nodes are not told of a change; audit_node sees it.
        record = bench.wait("parameter_change", changed={"use_sim_time": True})
        assert record.event.source == "/policy_node"


def test_service_that_changes_something_is_recorded_with_the_digest_of_its_request(bench: Bench) -> None:
    request = ResetWorld.Request(seed=7)
    assert bench.client.call(ResetWorld, "world/reset", request).success
    record = bench.wait("service", service="world/reset")
    digest = canonical_request("world/reset", "strands_robots/srv/ResetWorld", fields_of(request)).digest
    assert record.details["digest"] == digest and record.details["request"]["seed"] == 7  # type: ignore[call-overload, index]
    assert (record.details["success"], record.event.source) == (True, "/sim_node")


def test_refused_service_is_recorded_as_refused_and_looking_is_not_recorded(bench: Bench) -> None:
    push = ApplyWrench.Request(body="nothing", wrench=Wrench(force=Vector3(x=1.0)), duration=0.1)
    assert not bench.client.call(ApplyWrench, "world/apply_wrench", push).success
    assert "nothing" in str(bench.wait("service", service="world/apply_wrench", success=False).details["message"])
    assert bench.client.call(Checkpoint, "world/checkpoint", Checkpoint.Request()).success
    assert bench.client.call(Checkpoint, "world/checkpoint", Checkpoint.Request(action=1, name="a")).success
    assert bench.wait("service", service="world/checkpoint").details["request"]["action"] == 1  # type: ignore[call-overload, index]
    assert len(bench.records("service", service="world/checkpoint")) == 1
    for paused in (True, False):
        assert bench.client.call(SetBool, "world/pause", SetBool.Request(data=paused)).success
    assert bench.wait("service", service="world/pause", message="running")


def test_megabytes_of_a_request_are_not_in_the_log(bench: Bench) -> None:
    request = LoadScene.Request(mjcf="<mujoco><!--" + "x" * 1_000_000 + "--><worldbody/></mujoco>")
    bench.client.call(LoadScene, "world/load", request, 20.0)
    record = bench.wait("service", service="world/load")
    assert "cdr_sha256" in record.details and "digest" not in record.details
    assert record.details["request"]["mjcf"]["characters"] == len(request.mjcf)  # type: ignore[call-overload, index]
    assert len(str(record.details)) < 2000


def test_refused_commands_are_counted_by_source_and_reason(bench: Bench) -> None:
    bench.resume()
    publisher = bench.client.create_publisher(JointCommand, "so101/command", qos.COMMAND)
    wait_for(publisher.get_subscription_count, 10.0, "sim_node")
    for number in range(30):
        for source in ("policy/a", "agent/b"):
            command = JointCommand(source=source, sequence=number + 1, joint_names=["no_such_joint"], values=[0.0])
            publisher.publish(command)
        time.sleep(0.01)  # A queue of ten: faster ones would push each other out.
    for source in ("policy/a", "agent/b"):
        record = bench.wait("refusal", source=source, reason="unknown_joint")
        assert (record.event.robot, record.event.actor) == ("so101", source)
        wait_for(
            lambda: sum(int(str(r.details["count"])) for r in bench.records("refusal", source=source)) >= 25,  # noqa: B023
            10.0,
            "the counts",
        )
        assert len(bench.records("refusal", source=source)) <= 5, "counts, not one record each"


def test_goal_of_move_to_is_recorded_with_its_end(bench: Bench) -> None:
    bench.resume()
    client = ActionClient(bench.client, MoveTo, "move_to")
    wait_for(client.server_is_ready, 20.0, "motion_node")
    goal = MoveTo.Goal(robot="so101", source="operator/test", joint_names=["shoulder_pan"], positions=[0.2])
    result = Asked(client, goal).result()
    start = bench.wait("goal_start", action="move_to")
    assert (start.event.robot, start.event.actor) == ("so101", "operator/test")
    end = bench.wait("goal_end", goal=start.details["goal"])
    assert end.details["termination_reason"] == result.termination_reason == "reached"
    refused = Asked(client, MoveTo.Goal(robot="nobody")).result()
    assert bench.wait("goal_end", termination_reason=refused.termination_reason).details["success"] is False
    assert bench.wait("lease", holder="operator/test", previous_holder="").event.actor == "operator/test"
    assert bench.wait("lease", holder="", previous_holder="operator/test")


def test_policy_is_recorded_with_its_start_and_end(bench: Bench) -> None:
    bench.resume()
    client = ActionClient(bench.client, RunPolicy, "run_policy")
    wait_for(client.server_is_ready, 20.0, "policy_node")
    result = Asked(client, RunPolicy.Goal(robot="so101", policy="hold", duration=0.5)).result()
    start = bench.wait("policy_start", policy="hold")
    assert (start.event.robot, start.event.actor) == ("so101", "policy/hold")
    end = bench.wait("policy_end", goal=start.details["goal"])
    assert (end.details["termination_reason"], end.details["chunks"]) == (result.termination_reason, result.chunks)
    assert bench.wait("goal_end", goal=start.details["goal"], action="run_policy")


def test_approvals_are_recorded_from_the_request_to_the_use(bench: Bench) -> None:
    run_id = bench.safety[-1].run_id
    request = canonical_request("so101/move_to", "strands_robots/action/MoveTo", {"x": 1})
    call = bench.client.call
    answer = call(RequestApproval, "approvals/request", ask_to_msg(request, AGENT))
    assert bench.wait("approval_requested", digest=request.digest).event.actor == AGENT.source
    early = call(ConsumePermit, "approvals/consume", use_to_msg(answer.permit_id, request, AGENT))
    assert bench.wait("permit_refused", refusal=early.refusal)
    decision = sign_decision(answer.request_id, request.digest, True, "because", run_id, bench.key)
    assert call(DecideApproval, "approvals/decide", decision_to_msg(decision)).success
    assert bench.wait("approval", digest=request.digest).details["text"] == "because"
    assert call(ConsumePermit, "approvals/consume", use_to_msg(answer.permit_id, request, AGENT)).success
    assert bench.wait("permit_used", digest=request.digest)
    again = call(DecideApproval, "approvals/decide", decision_to_msg(decision))
    assert bench.wait("decision_refused", refusal=again.refusal)
    assert call(RequestApproval, "approvals/request", RequestApproval.Request(name="x", fields="{")).refusal
    assert bench.wait("approval_refused", refusal="malformed")
    free = canonical_request("world/reset", "strands_robots/srv/ResetWorld", {})
    call(RequestApproval, "approvals/request", ask_to_msg(free, AGENT))
    assert bench.wait("request_audited", digest=free.digest)


@pytest.mark.guarantee(
    "Audit",
    "`audited` is said only after audit_node has the stop and the request on its disk",
    "nodes/safety/stop_services.py",
)
def test_answer_to_a_stop_says_audited_once_it_is_on_the_disk_and_the_incident_follows(bench: Bench) -> None:
    bench.resume()
    request = StopGraph.Request(source="operator/anna", reason="smoke", wait_for_rest=2.0)
    answer = bench.client.call(StopGraph, "safety/stop", request)
    assert answer.success and answer.audited and "; recorded" in answer.message, answer.message
    latched = bench.records("stop_latched", stop_id=answer.stop_id)
    assert latched and latched[0].event.actor == "operator/anna", "on the disk before the answer"
    assert bench.records("stop_request", stop_id=answer.stop_id, way="service")
    assert bench.wait("stop", stop_id=answer.stop_id).event.source == "/audit_node"
    incident = bench.wait("incident", stop_id=answer.stop_id)
    path = Path(str(incident.details["file"]))
    assert hashlib.sha256(path.read_bytes()).hexdigest() == incident.details["sha256"]
    with path.open("rb") as file:
        reader = mcap.reader.make_reader(file, decoder_factories=[DecoderFactory()])
        topics = {channel.topic for _, channel, _, _ in reader.iter_decoded_messages()}
    assert {"/so101/joint_states", "/so101/command_applied", "/so101/gate_state", "/safety/state"} <= topics
    second = bench.client.call(StopGraph, "safety/stop", request)
    assert second.audited and second.stop_id == answer.stop_id


@pytest.mark.guarantee(
    "Audit",
    "a malformed request stops, and what was malformed is recorded",
    "nodes/safety/stop_services.py; audit/watches/safety.py",
)
def test_malformed_stop_stops_and_says_what_was_malformed(bench: Bench) -> None:
    bench.resume()
    publisher = bench.client.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
    wait_for(lambda: publisher.get_subscription_count() >= 3, 10.0, "sim_node, safety_node and audit_node")
    publisher.publish(b"\x00\x01\x00\x00" + b"\xff" * 50)
    record = bench.wait("stop_malformed", way="topic")
    assert str(record.details["malformed"]).isascii() and int(str(record.details["bytes"])) >= 54
    words = "a request that cannot be read"
    wait_for(lambda: bench.with_reason("latch", f"stop: requested by unknown: {words}"), 20.0, "the robot's own word")
    wait_for(lambda: bench.with_reason("stop_latched", words), 20.0, "the graph's stop")
    wrong = StopGraph.Request(source="operator/anna", wait_for_rest=float("nan"))
    answer = bench.client.call(StopGraph, "safety/stop", wrong)
    assert answer.success and "wait_for_rest is nan" in answer.message
    assert bench.wait("stop_malformed", way="service")
    publisher.publish(StopRequest(source="operator/bob", reason="again"))
    assert bench.wait("stop_request", way="topic", reason="again").event.actor == "operator/bob"


def test_resumes_are_recorded_granted_and_refused(bench: Bench) -> None:
    bench.client.call(StopGraph, "safety/stop", StopGraph.Request(source="operator/anna"))
    wait_for(lambda: bench.safety[-1].state == SafetyState.STOPPED, 10.0, "rest")
    code, output = bench.simulation.run("resume", "--stop-id", "4711")
    assert code == 1 and "NOT ARMED" in output
    assert bench.wait("resume_refused", refusal="wrong_stop")
    bench.resume()
    stop_id = bench.safety[-1].stop_id
    accepted = bench.wait("resume_accepted", stop_id=stop_id)
    assert accepted.event.actor == "operator/anna" and accepted.details["signature"]
    assert bench.wait("resume", stop_id=stop_id)


def test_killed_node_is_recorded_with_its_exit_code(bench: Bench) -> None:
    os.kill(bench.simulation.nodes()["policy_node"], signal.SIGKILL)
    record = bench.wait("process_end", process="policy_node")
    assert record.details["exit_code"] == -signal.SIGKILL and record.event.source == "bringup"
    assert "restart 1 of 3" in str(record.details["text"])
    wait_for(lambda: len([r for r in bench.records("process_start") if r.event.source == "/policy_node"]) == 2, 20.0)


def test_estop_command_prints_whether_the_stop_is_audited(bench: Bench) -> None:
    code, output = bench.simulation.run("estop")
    assert code == 0 and "audited: yes" in output
    bench.resume()


def test_log_is_whole_after_all_this(bench: Bench) -> None:
    keys = load_or_create_keys(bench.folder / "strands_robots" / "audit_keys", create=False)
    report = verify(bench.log, VerifyKeys(keys.mac, keys.signing.public))
    assert not report.is_broken and not report.has_gaps, report.findings


@pytest.mark.guarantee(
    "Audit", "a graph that is not recorded says so", "audit/watches/health.py; nodes/safety/audit_monitor.py"
)
def test_graph_without_audit_node_goes_on_and_says_so_everywhere(bench: Bench) -> None:
    (bench.folder / "strands_robots" / "audit_keys" / MAC_FILE).chmod(0o644)
    os.kill(bench.simulation.nodes()["audit_node"], signal.SIGKILL)
    wait_for(lambda: "NOT RECORDED: audit_node is silent" in bench.safety[-1].message, 20.0, "the alarm")
    wait_for(lambda: "THE GRAPH GOES ON WITHOUT audit_node" in bench.simulation.output, 10.0, "bringup's words")
    answer = bench.client.call(StopGraph, "safety/stop", StopGraph.Request(source="operator/anna"))
    assert answer.success and not answer.audited and "NOT RECORDED within 2 s" in answer.message
    code, output = bench.simulation.run("estop")
    # safety_node waits 2 s for the record; the command may have given its answer before.
    assert code == 0 and ("NO RECORD IS CONFIRMED" in output or "audited: not known" in output)


def test_owner_of_stepping_is_recorded_when_it_changes(graph: Graph) -> None:
    graph.start("sim_node", mode="lockstep", cameras=False)
    client = graph.client()
    events = client.listen(AuditEvent, "audit/events", qos.AUDIT_READER)
    for owner, release in (("test/a", False), ("test/a", True), ("test/b", True)):
        request = StepWorld.Request(client=owner, release=release)
        assert client.call(StepWorld, "world/step", request, 30.0).success
    wait_for(lambda: len([event for event in events if event.kind == "step_owner"]) == 3, 10.0, "the owners")
    assert [event.actor for event in events if event.kind == "step_owner"] == ["test/a", "test/a", "test/b"]
    assert not [event for event in events if event.kind == "service"], "steps themselves are not recorded"
