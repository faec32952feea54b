"""AWS IoT with AWS's own SDK against a real mosquitto that enforces the generated policies: carrier, shadows, provisioning."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("awsiot")
pytest.importorskip("paho.mqtt.client")
from fleet_site import mosquitto

if not mosquitto():
    pytest.skip("mosquitto is not installed: sudo apt install mosquitto", allow_module_level=True)
from aws_stand_in import CLAIM, AwsStandIn

from strands_robots.core.errors import ConfigurationError, NoAnswerError
from strands_robots.fleet.aws_provisioning import pre_provision, provision, template
from strands_robots.fleet.aws_shadow import read_shadow
from strands_robots.fleet.aws_transport import (
    AUTHORITY,
    CERTIFICATE,
    KEY,
    AwsConnection,
    AwsTransport,
    aws_files,
    connect,
)
from strands_robots.fleet.certificates import certificate_pem, make_authority, new_private_key, sign_request
from strands_robots.fleet.enrolment import EnrolmentRequest, new_invite
from strands_robots.fleet.fleet_file import AwsEntry
from strands_robots.fleet.member import MemberKind
from strands_robots.fleet.member_folder import MemberFolder, make_request_files
from strands_robots.fleet.robot_member import RobotMember
from strands_robots.fleet.roster_keeper import write_atomically
from strands_robots.fleet.simulated_graph import SimulatedGraph
from strands_robots.fleet.station import Station
from strands_robots.operators.keyring import Keyring, Operator, Role

PATIENCE = 15.0


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsStandIn]:
    made = AwsStandIn(tmp_path_factory.mktemp("aws"))
    yield made
    made.close()


@pytest.fixture
def place(aws: AwsStandIn) -> AwsEntry:
    return AwsEntry(endpoint="localhost", port=aws.port)


def until(condition: Any, what: str = "") -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def linked(aws: AwsStandIn, place: AwsEntry, name: str) -> AwsTransport:
    made = AwsTransport(place, aws.files(name), name)
    until(lambda: made.is_connected, made.problem)
    return made


def test_a_stop_with_evidence_and_a_signed_resume_go_over_aws_and_the_shadow_only_shows(
    aws: AwsStandIn, place: AwsEntry
) -> None:
    # Each has the ways that its own folder names; there is no Zenoh router, so AWS carries everything.
    folders = {name: provisioned(aws, name) for name in ("arm1", "anna", "bert")}
    ports = {name: folder.transport() for name, folder in folders.items()}
    carriers = {name: carrier_of(port) for name, port in ports.items()}
    until(lambda: all(carrier.is_connected for carrier in carriers.values()))
    keyring = Keyring([Operator(folders["anna"].key.public, frozenset({Role.RESUME}))])
    graph = SimulatedGraph("arm1", keyring)
    robot = RobotMember(folders["arm1"].channel(), ports["arm1"], graph)
    station = Station(folders["anna"].channel(), ports["anna"])

    def ticking(condition: Any) -> Any:
        def asked() -> bool:
            robot.tick()
            return bool(condition())

        return asked

    try:
        assert station.wait_for(ticking(lambda: station.presence.is_present("arm1")), PATIENCE)
        graph.arm()
        campaign = station.stop("arm1", "over AWS")
        assert station.wait_for(ticking(lambda: campaign.is_done), PATIENCE)
        assert station.resume("arm1", "checked", PATIENCE).success and graph.report().state == "armed"

        # The shadow of each operator shows what the robot signed; an operator reads its own and no other's.
        until(
            ticking(
                lambda: (
                    aws.shadows.get(("arm1", "anna"), {}).get("state", {}).get("reported", {}).get("state") == "armed"
                )
            )
        )
        for name in ("anna", "bert"):
            read = read_shadow(carriers[name].connection, aws.authority.file.roster(), "arm1")
            assert read.beacon.state == "armed" and read.sequence > 0
        others = AwsConnection(carriers["bert"].connection.client, "anna")
        with pytest.raises(NoAnswerError):
            read_shadow(others, aws.authority.file.roster(), "arm1", 1.0)
        written = [json.loads(data) for topic, data in aws.log if topic.endswith("/update")]
        assert written and all(set(entry["state"]) == {"reported"} for entry in written), "a robot never writes desired"

        # What others write into a shadow moves nothing, and is no beacon.
        aws.shadows["arm1", "anna"]["state"]["desired"] = {"state": "armed"}
        aws.client.publish("$aws/things/arm1/shadow/name/anna/update/delta", b'{"state": {"state": "stopped"}}')
        stop = station.stop("arm1", "again")
        assert station.wait_for(ticking(lambda: stop.is_done), PATIENCE) and graph.report().state == "stopped"
        aws.shadows["arm1", "anna"]["state"]["reported"] = aws.shadows["arm1", "anna"]["state"]["reported"] | {
            "beacon": read_forged(aws)
        }
        with pytest.raises(ConfigurationError, match="no beacon that it signed"):
            read_shadow(carriers["anna"].connection, aws.authority.file.roster(), "arm1")
    finally:
        station.close()
        robot.close()
        for port in ports.values():
            port.close()


def provisioned(aws: AwsStandIn, name: str) -> MemberFolder:
    """Return a member's folder with its certificate at AWS."""
    files, folder = aws.files(name), aws.folder / name
    for path, file in ((files.certificate, CERTIFICATE), (files.key, KEY), (files.authority, AUTHORITY)):
        write_atomically(folder, file, Path(path).read_bytes())
    return MemberFolder(folder)


def carrier_of(port: Any) -> AwsTransport:
    """Return AWS among a member's ways, of which a robot's last one keeps its shadows."""
    zenoh, carrier, *views = port._transports
    assert zenoh.name == "zenoh" and [view.name for view in views] in ([], ["aws shadow"])
    assert isinstance(carrier, AwsTransport)
    return carrier


def read_forged(aws: AwsStandIn) -> str:
    """Return a beacon that arm2 signed."""
    from strands_robots.fleet.bodies import Beacon

    return (
        MemberFolder(aws.folder / "arm2").channel().seal("", Beacon(session="b" * 32, state="armed")).encoded().decode()
    )


def test_the_policies_hold_each_thing_to_its_own_topics(aws: AwsStandIn, place: AwsEntry) -> None:
    arm1, arm2, anna, bert = (linked(aws, place, name) for name in ("arm1", "arm2", "anna", "bert"))
    heard: list[tuple[str, bytes]] = []
    arm1.subscribe("fleet/lab/in/arm1/stop/*", lambda topic, data: heard.append((topic, data)))
    arm1.subscribe("fleet/lab/in/arm1/tell/*", lambda topic, data: heard.append((topic, data)))
    tried = [
        (arm2, "fleet/lab/in/arm1/stop/arm2"), (arm2, "fleet/lab/in/arm1/stop/anna"), (bert, "fleet/lab/in/arm1/tell/bert"),
        (arm2, "$aws/things/arm1/shadow/name/anna/update"), (anna, "$aws/things/arm1/shadow/name/anna/update"),
        (arm2, "$aws/certificates/create-from-csr/json"),
    ]  # fmt: skip
    try:
        before = len(aws.log)

        def control() -> bool:
            anna.publish("fleet/lab/in/arm1/stop/anna", b"control", is_stop=True)
            return ("fleet/lab/in/arm1/stop/anna", b"control") in heard

        until(control, "the way that is allowed")
        for port, topic in tried:
            port.publish(topic, b"{}")
        for port, end in ((arm2, "beacon"), (bert, "beacon"), (anna, "beacon")):
            port.publish(f"fleet/lab/out/{port.connection.name}/{end}", b"last")
        until(lambda: sum(data == b"last" for _, data in aws.log[before:]) == 3, "each has sent everything")
        assert {data for _, data in heard} == {b"control"}
        assert not [topic for topic, data in aws.log[before:] if data == b"{}"]
    finally:
        for port in (arm1, arm2, anna, bert):
            port.close()


def test_a_refused_subscription_is_said_since_the_member_is_deaf_to_it(aws: AwsStandIn, place: AwsEntry) -> None:
    # mosquitto refuses no subscription; the answer is AWS's class, as its policies' refusals arrive in the SDK.
    from awscrt import mqtt5

    made = linked(aws, place, "arm1")
    try:
        answered: Future[Any] = Future()
        answered.set_result(mqtt5.SubackPacket(reason_codes=[mqtt5.SubackReasonCode.NOT_AUTHORIZED]))
        made._on_subscribed("fleet/lab/in/arm1/stop/*", answered)
        assert made.is_connected and "no subscription to 'fleet/lab/in/arm1/stop/*': NOT_AUTHORIZED" in made.problem
    finally:
        made.close()


def test_another_authority_gets_no_link(aws: AwsStandIn, place: AwsEntry, tmp_path: Path) -> None:
    files, key = aws.files("anna"), new_private_key()
    from strands_robots.fleet.certificates import make_request, private_pem

    own = new_private_key()
    forged = sign_request(make_request("anna", own), "anna", make_authority("lab", key), key)
    Path(files.certificate).write_bytes(certificate_pem(forged))
    Path(files.key).write_bytes(private_pem(own))
    made = AwsTransport(place, files, "anna")
    try:
        until(lambda: "no link:" in made.problem)
        assert not made.is_connected
        made.publish("fleet/lab/in/all/stop/anna", b"x", is_stop=True)
        assert made.dropped == 1, "what has no link is dropped and not kept"
    finally:
        made.close()


def invited(aws: AwsStandIn, name: str) -> tuple[EnrolmentRequest, str]:
    request = make_request_files(aws.folder / name, name)
    return request, aws.authority.invite(name, MemberKind.ROBOT, "left", (), request.fingerprint)


def test_a_robot_is_provisioned_once_with_its_invite_and_then_connects_as_itself(
    aws: AwsStandIn, place: AwsEntry
) -> None:
    _, token = invited(aws, "arm3")
    claim = connect(place, aws.files(CLAIM), CLAIM)
    try:
        with pytest.raises(NoAnswerError, match="hook denied"):
            provision(claim, aws.folder / "arm3", "arm3", "lab", "0" * 32)
        assert aws_files(aws.folder / "arm3") is None
        assert provision(claim, aws.folder / "arm3", "arm3", "lab", token) == "arm3"
        with pytest.raises(NoAnswerError, match="hook denied"):
            provision(claim, aws.folder / "arm3", "arm3", "lab", token)
    finally:
        claim.close()
    shutil.copy(aws.folder / "authority" / "authority.pem", aws.folder / "arm3" / "aws_authority.pem")
    files = aws_files(aws.folder / "arm3")
    assert files is not None and aws.attached["arm3"] == "lab-robot"
    made, before = AwsTransport(place, files, "arm3"), len(aws.log)
    try:
        until(lambda: made.is_connected, made.problem)
        made.publish("fleet/lab/out/arm2/beacon", b"as another")
        made.publish("fleet/lab/out/arm3/beacon", b"as itself")
        until(lambda: ("fleet/lab/out/arm3/beacon", b"as itself") in aws.log[before:])
        assert not [entry for entry in aws.log[before:] if entry[1] == b"as another"]
    finally:
        made.close()


def test_the_hook_denies_everything_that_is_not_one_open_invite(aws: AwsStandIn, tmp_path: Path) -> None:
    request = make_request_files(tmp_path / "arm9", "arm9")
    other = make_request_files(tmp_path / "arm8", "arm8")
    invite, token = new_invite("arm9", MemberKind.ROBOT, "", (), request.fingerprint, 1000.0)

    def event(of: EnrolmentRequest, name: str, **changed: str) -> dict[str, Any]:
        parameters = {"Request": request.model_dump_json(), "Token": token, **changed}
        return {"certificatePem": aws._signed(of.csr.encode(), name).decode(), "parameters": parameters}

    good = pre_provision(event(request, "arm9"), [invite], "lab", 999.0)
    assert good.answer == {
        "allowProvisioning": True, "parameterOverrides": {"Name": "arm9", "Cell": "none", "Policy": "lab-robot"},
    }  # fmt: skip
    for given, invites, now, why in (
        (event(request, "arm9"), [], 999.0, "no open invite"),
        (event(request, "arm9"), [invite], 1001.0, "expired"),
        (event(request, "arm9", Token="f" * 32), [invite], 999.0, "no open invite"),
        (event(other, "arm8"), [invite], 999.0, "not for the key"),
        (event(other, "arm8", Request=other.model_dump_json()), [invite], 999.0, "is for 'arm9'"),
        ({"parameters": {"Request": "{}", "Token": token}}, [invite], 999.0, "no enrolment request"),
        (
            {"certificatePem": "x", "parameters": {"Request": request.model_dump_json(), "Token": token}},
            [invite],
            999.0,
            "denied",
        ),
        ({}, [invite], 999.0, "denied"),
    ):
        found = pre_provision(given, invites, "lab", now)
        assert found.answer == {"allowProvisioning": False} and found.invite is None and why in found.message
    assert template("lab")["Resources"]["policy"]["Properties"] == {"PolicyName": {"Ref": "Policy"}}
