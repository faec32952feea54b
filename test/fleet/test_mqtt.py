"""MQTT 5 over the real mosquitto with the generated configuration: who gets through, and a stop when Zenoh is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("zenoh")
pytest.importorskip("paho.mqtt.client")
from fleet_site import Site, mosquitto

from strands_robots.fleet.certificates import load_private
from strands_robots.fleet.member_folder import MemberFolder
from strands_robots.fleet.mqtt_transport import MqttTransport, mqtt_transport
from strands_robots.fleet.probe import Row, probe_broker
from strands_robots.fleet.robot_member import RobotMember
from strands_robots.fleet.simulated_graph import SimulatedGraph
from strands_robots.fleet.station import Station
from strands_robots.operators.keyring import Keyring, Operator, Role

pytestmark = pytest.mark.skipif(not mosquitto(), reason="mosquitto is not installed: sudo apt install mosquitto")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"), has_broker=True)
    yield made
    made.close()


def probe(site: Site) -> list[Row]:
    key = load_private((site.folder / "authority" / "authority.key").read_bytes())
    return probe_broker(site.authority.file, site.authority.certificate, key)


def connected(site: Site, name: str) -> MqttTransport:
    member = MemberFolder(site.folder / name)
    broker = member.mqtt_broker()
    assert broker is not None
    transport = mqtt_transport(member.folder, broker, name)
    until(lambda: transport.is_connected)
    return transport


def until(condition: Any, timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_broker_does_what_fleet_yaml_says_in_every_row(site: Site) -> None:
    rows = probe(site)
    assert not [row.words() for row in rows if not row.is_right]
    assert {row.who for row in rows} == {"anna", "arm1", "arm2", "eve", "fleet-probe-outsider", "stranger"}
    assert sum(row.found is True for row in rows) > 20 and sum(row.found is False for row in rows) > 50
    assert [row.found for row in rows if row.what == "take over"] == [False]


def test_what_keeps_a_member_from_its_broker_is_said(site: Site) -> None:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.reasoncodes import ReasonCode

    transport = connected(site, "arm1")
    try:
        transport._asked[7] = "fleet/lab/in/arm1/stop/+"
        transport._on_subscribe(None, None, 7, [ReasonCode(PacketTypes.SUBACK, "Not authorized")], None)
        assert "no subscription to 'fleet/lab/in/arm1/stop/+': Not authorized" in transport.problem
        assert site.broker is not None
        site.broker.close()
        until(lambda: "cannot be reached" in transport.problem)
        site.broker.start()
        until(lambda: transport.is_connected and not transport.problem)
    finally:
        transport.close()


def test_the_probe_finds_a_rule_too_many_and_an_identity_that_can_be_taken(site: Site) -> None:
    folder = site.folder / "authority"
    access, config = folder / "mosquitto.acl", folder / "mosquitto.conf"
    rules, settings = access.read_text(), config.read_text()
    access.write_text(rules.replace("user arm2\n", "user arm2\ntopic write fleet/lab/in/+/stop/anna\n"))
    config.write_text(settings.replace("use_username_as_clientid true\n", ""))
    assert site.broker is not None
    site.broker.close()
    site.broker.start()
    try:
        wrong = [row for row in probe(site) if not row.is_right]
        assert {row.who for row in wrong} == {"arm2"}
        assert {row.what for row in wrong} == {"write", "take over"}
    finally:
        access.write_text(rules)
        config.write_text(settings)
        site.broker.close()
        site.broker.start()


def test_a_megabyte_does_not_pass_the_broker_and_ends_only_its_sender(site: Site) -> None:
    sender, receiver = connected(site, "anna"), connected(site, "arm1")
    heard: list[int] = []
    receiver.subscribe("fleet/lab/in/arm1/tell/*", lambda topic, data: heard.append(len(data)))
    try:
        deadline = time.monotonic() + 10.0
        while 4096 not in heard and time.monotonic() < deadline:
            sender.publish("fleet/lab/in/arm1/tell/anna", b"x" * 4096)
            time.sleep(0.05)
        sender.publish("fleet/lab/in/arm1/tell/anna", b"x" * 1_000_000)
        until(lambda: not sender.is_connected)
        until(lambda: sender.is_connected)
        assert set(heard) == {4096} and receiver.is_connected
    finally:
        sender.close()
        receiver.close()


def test_nothing_is_kept_by_the_broker_for_robots_that_start_later(site: Site) -> None:
    sender, witness, witnessed = connected(site, "anna"), connected(site, "arm2"), list[bytes]()
    witness.subscribe("fleet/lab/in/all/stop/*", lambda topic, data: witnessed.append(data))
    deadline = time.monotonic() + 10.0
    while b"an old stop" not in witnessed and time.monotonic() < deadline:
        sender.publish("fleet/lab/in/all/stop/anna", b"an old stop", is_stop=True)
        time.sleep(0.05)
    sender.publish("fleet/lab/in/all/stop/anna", b"the last old stop", is_stop=True)
    until(lambda: b"the last old stop" in witnessed)
    receiver, heard = connected(site, "arm1"), list[bytes]()
    receiver.subscribe("fleet/lab/in/all/stop/*", lambda topic, data: heard.append(data))
    try:
        deadline = time.monotonic() + 10.0
        while b"new" not in heard and time.monotonic() < deadline:
            sender.publish("fleet/lab/in/all/stop/anna", b"new", is_stop=True)
            time.sleep(0.05)
        assert set(heard) == {b"new"}
    finally:
        sender.close()
        witness.close()
        receiver.close()


def test_stops_and_a_resume_go_on_when_the_router_is_gone_and_when_the_broker_is(site: Site) -> None:
    anna = MemberFolder(site.folder / "anna")
    keyring = Keyring([Operator(anna.key.public, frozenset({Role.RESUME}))])
    names = ("arm1", "arm2", "sim1")
    members = {name: MemberFolder(site.folder / name) for name in names}
    ports = {name: member.transport() for name, member in members.items()}
    graphs = {name: SimulatedGraph(name, keyring) for name in names}
    refused: list[str] = []
    robots = [
        RobotMember(
            members[name].channel(),
            ports[name],
            graphs[name],
            on_refusal=lambda error: refused.append(error.refusal.value),
        )
        for name in names
    ]
    port = anna.transport()
    station = Station(anna.channel(), port, on_refusal=lambda error: refused.append(error.refusal.value))

    def ticking(condition: Any) -> Any:
        def asked() -> bool:
            for robot in robots:
                robot.tick()
            return bool(condition())

        return asked

    def stop_all(why: str) -> None:
        for graph in graphs.values():
            graph.arm()
        campaign = station.stop("all", why)
        assert station.wait_for(ticking(lambda: campaign.is_done), 20.0), why

    assert site.broker is not None
    try:
        assert station.wait_for(ticking(lambda: all(station.presence.is_present(name) for name in names)), 15.0)
        stop_all("both ways")
        assert station.wait_for(ticking(lambda: False), 1.5) is False
        assert "repeated" not in refused, "a copy over the other way is no replay"
        site.router.close()
        stop_all("the router is gone")
        assert station.resume("arm1", "checked", 10.0).success
        site.start_router()
        site.broker.close()
        stop_all("the broker is gone")
        site.broker.start()
    finally:
        station.close()
        for robot in robots:
            robot.close()
        for each in (*ports.values(), port):
            each.close()
