"""Generated configurations of what is not ours: rmw_zenoh on the real Zenoh, policies against an AWS API (moto)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import Future
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from fleet_rig import Fleet
from fleet_site import free_port

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import share_directory
from strands_robots.fleet.aws_policy import LONGEST, THING, policies, policy_name
from strands_robots.fleet.member import VALID_RIGHTS, MemberKind, Right
from strands_robots.fleet.rmw_zenoh_config import RosInterface, rmw_router_config, rmw_session_config
from strands_robots.fleet.roster import Roster
from strands_robots.fleet.zenoh_transport import open_session

zenoh = pytest.importorskip("zenoh")


def until(condition: Callable[[], bool], timeout: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def gate_state(name: str = "/so101/gate_state") -> RosInterface:
    description = share_directory() / "msg" / "GateState.json"
    if not description.is_file():  # Humble's types have no hashes; its rmw_zenoh_cpp writes this.
        return RosInterface(name, "strands_robots/msg/GateState", "TypeHashNotSupported")
    hashes = {entry["type_name"]: entry["hash_string"] for entry in json.loads(description.read_text())["type_hashes"]}
    return RosInterface(name, "strands_robots/msg/GateState", hashes["strands_robots/msg/GateState"])


def heard_through(router: dict[str, Any], port: int, listened: str, key: str) -> bool:
    """Return whether a put on a key arrives at a subscriber, both clients of the router."""
    with (
        open_session(router),
        open_session(rmw_session_config(port)) as one,
        open_session(rmw_session_config(port)) as two,
    ):
        heard: list[bytes] = []
        subscriber = two.declare_subscriber(listened, lambda sample: heard.append(sample.payload.to_bytes()))
        try:
            deadline = time.monotonic() + 1.5
            while not heard and time.monotonic() < deadline:
                one.put(key, b"x")
                time.sleep(0.02)
            return bool(heard)
        finally:
            subscriber.undeclare()


def test_keys_are_those_of_rmw_zenoh() -> None:
    start, name, type_hash = gate_state().key(7).rpartition("GateState_/")
    assert start + name == "7/so101/gate_state/strands_robots::msg::dds_::GateState_/"
    assert re.fullmatch("RIHS01_[0-9a-f]{64}|TypeHashNotSupported", type_hash)


@pytest.mark.parametrize(
    ("domain", "listed", "arrives"),
    [(7, [], True), (8, [], False), (7, ["/so101/gate_state"], True), (7, ["/so101/tf"], False)],
)
def test_the_graphs_router_passes_its_domain_and_what_is_listed(domain: int, listed: list[str], arrives: bool) -> None:
    port = free_port()
    router = rmw_router_config(7, port, [gate_state(name) for name in listed])
    key = gate_state().key(domain)
    assert heard_through(router, port, key, key) is arrives


def test_history_of_transient_local_topics_passes() -> None:
    port, key = (
        free_port(),
        RosInterface("/robot_description", "std_msgs/msg/String").key(7).replace("*", "RIHS01_" + "a" * 64),
    )
    from zenoh.ext import CacheConfig, HistoryConfig, declare_advanced_publisher, declare_advanced_subscriber

    with open_session(rmw_router_config(7, port)), open_session(rmw_session_config(port)) as one:
        publisher = declare_advanced_publisher(one, key, cache=CacheConfig(max_samples=1), publisher_detection=True)
        publisher.put(b"<robot/>")
        with open_session(rmw_session_config(port)) as two:
            heard: list[bytes] = []
            subscriber = declare_advanced_subscriber(
                two,
                key,
                lambda sample: heard.append(sample.payload.to_bytes()),
                history=HistoryConfig(detect_late_publishers=True),
            )
            assert until(lambda: heard == [b"<robot/>"])
            subscriber.undeclare()
        publisher.undeclare()


def test_the_graphs_router_listens_on_loopback_only() -> None:
    port = free_port()
    with open_session(rmw_router_config(7, port)):
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        bound = {line[1].split(":")[0] for line in lines if line[3] == "0A" and line[1].endswith(f":{port:04X}")}
        assert bound == {"0100007F"}
        assert not [
            line for line in Path("/proc/net/tcp6").read_text().splitlines() if f":{port:04X} " in line.split("0A")[0]
        ]


def test_a_domain_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="0 to 232"):
        rmw_router_config(300)


def test_policies_are_taken_by_the_api_and_bound_to_the_thing(fleet: Fleet) -> None:
    boto3, moto = pytest.importorskip("boto3"), pytest.importorskip("moto")
    roster = Roster("lab", 1, tuple(fleet.members.values()))
    made = policies(roster, "eu-central-1", "123456789012")
    assert len(made) == 6 and all(len(text) <= LONGEST for text in made.values())
    with moto.mock_aws():
        iot = boto3.client("iot", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
        for name, text in made.items():
            iot.create_policy(policyName=name, policyDocument=text)
        arm = fleet.members["arm1"]
        iot.create_thing(thingName="arm1", attributePayload={"attributes": {"cell": "left"}})
        certificate = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
        iot.attach_policy(policyName=policy_name("lab", arm), target=certificate)
        iot.attach_thing_principal(thingName="arm1", principal=certificate)
        assert [entry["policyName"] for entry in iot.list_attached_policies(target=certificate)["policies"]] == [
            "lab-robot-stop_cell"
        ]


def test_no_policy_lets_a_thing_speak_under_another_name(fleet: Fleet) -> None:
    roster = Roster("lab", 1, tuple(fleet.members.values()))
    made = policies(roster, "eu-central-1", "1")
    claim = json.loads(made.pop("lab-claim"))["Statement"]
    assert {resource.partition(":topic/")[2].split("/")[1] for resource in claim[1]["Resource"]} == {
        "certificates", "provisioning-templates",
    }  # fmt: skip
    for text in made.values():
        statements = json.loads(text)["Statement"]
        assert all(entry["Effect"] == "Allow" for entry in statements)
        published = next(entry["Resource"] for entry in statements if entry["Action"] == "iot:Publish")
        assert all(THING in resource for resource in published)
        connect = next(entry for entry in statements if entry["Action"] == "iot:Connect")
        assert connect["Resource"].endswith(f"client/{THING}") and connect["Condition"]["Bool"]


def test_a_thing_tries_nothing_over_aws_that_its_policy_does_not_allow(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("awscrt")
    from strands_robots.fleet import aws_transport
    from strands_robots.fleet.fleet_file import AwsEntry
    from strands_robots.fleet.topics import read_by, written_by
    from strands_robots.fleet.zenoh_config import TlsFiles

    class Recorder:
        def __init__(self) -> None:
            self.client, self.sent, self.heard = self, list[str](), list[str]()

        def publish(self, packet: Any) -> Future[None]:
            self.sent.append(packet.topic)
            return Future()

        def subscribe(self, packet: Any) -> Future[None]:
            self.heard += [entry.topic_filter for entry in packet.subscriptions]
            return Future()

        def close(self) -> None:
            pass

    anna = fleet.member("anna", MemberKind.OPERATOR, "", *VALID_RIGHTS[MemberKind.OPERATOR])
    roster = Roster("lab", 1, tuple((fleet.members | {"anna": anna}).values()))
    made = policies(roster, "eu-central-1", "1")
    for member in roster.members:
        allowed = {
            entry["Action"]: [
                resource.split(":", 5)[5].split("/", 1)[1].replace(THING, member.name)
                .replace("${iot:Connection.Thing.Attributes[cell]}", member.cell or "none")
                for resource in entry["Resource"]
            ]
            for entry in json.loads(made[policy_name("lab", member)])["Statement"][1:]
        }  # fmt: skip
        recorder = Recorder()
        monkeypatch.setattr(aws_transport, "connect", lambda *_, recorder=recorder: recorder)
        port = aws_transport.AwsTransport(AwsEntry(endpoint="localhost"), TlsFiles("", "", ""), member.name)
        port.on_link()
        for topic in written_by("lab", member):
            port.publish(topic.replace("*", "arm1"), b"x")
        for topic in read_by(roster, member):
            port.subscribe(topic, lambda topic, data: None)
        port.close()
        assert recorder.sent and recorder.heard
        for action, topics in (("iot:Publish", recorder.sent), ("iot:Subscribe", recorder.heard)):
            denied = [topic for topic in topics if not any(fnmatchcase(topic, rule) for rule in allowed[action])]
            assert not denied, (member.name, action)


def test_a_robot_without_the_right_has_no_policy_to_stop(fleet: Fleet) -> None:
    roster = Roster(
        "lab",
        1,
        (
            fleet.member("arm2", MemberKind.ROBOT, "left"),
            fleet.member("arm1", MemberKind.ROBOT, "left", Right.STOP_CELL),
        ),
    )
    made = policies(roster, "eu-central-1", "1")
    published = {
        name: [r for s in json.loads(text)["Statement"] if s["Action"] == "iot:Publish" for r in s["Resource"]]
        for name, text in made.items()
    }
    assert not [resource for resource in published["lab-robot"] if "/in/" in resource]
    assert len([resource for resource in published["lab-robot-stop_cell"] if "/stop/" in resource]) == 1
