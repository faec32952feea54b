"""Certificates renewed over the live link: asked for by the member, checked by the authority and by the member again."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

pytest.importorskip("zenoh")
from fleet_rig import Fleet
from fleet_site import Site, mosquitto

from strands_robots.cli.fleet_common import open_station
from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.authority import Authority
from strands_robots.fleet.bodies import RenewalRequest, RenewedCertificate
from strands_robots.fleet.certificates import (
    certificate_pem,
    load_private,
    make_authority,
    make_request,
    new_private_key,
    sign_request,
)
from strands_robots.fleet.enrolment import new_request
from strands_robots.fleet.member_folder import MemberFolder, accept_grant, make_request_files
from strands_robots.fleet.mqtt_transport import mqtt_transport
from strands_robots.fleet.renewal import Renewal, finish
from strands_robots.fleet.renewal_answers import SHORTEST, RenewalAnswers
from strands_robots.fleet.robot_member import RobotMember
from strands_robots.fleet.roster_keeper import write_atomically
from strands_robots.fleet.simulated_graph import SimulatedGraph
from strands_robots.fleet.station import Station
from strands_robots.fleet.zenoh_transport import ZenohTransport
from strands_robots.operators.keyring import Keyring


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    made = Site(tmp_path, has_broker=getattr(request, "param", "") == "mqtt")
    yield made
    made.close()


def shorten(site: Site, name: str, lifetime: float) -> None:
    """Give a member a certificate that ends soon [s]."""
    folder, authority = site.folder / name, site.folder / "authority"
    key = load_private((authority / "authority.key").read_bytes())
    pem = make_request(name, load_private((folder / "tls.key").read_bytes()))
    made = sign_request(pem, name, site.authority.certificate, key, datetime.timedelta(seconds=lifetime))
    write_atomically(folder, "certificate.pem", certificate_pem(made), 0o644)


def certificate(site: Site, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((site.folder / name / "certificate.pem").read_bytes())


def way_of(site: Site, member: MemberFolder) -> Any:
    """Return Zenoh, or MQTT alone where there is a broker: with both, one way would hide what the other does."""
    broker = member.mqtt_broker()
    return member.transport() if broker is None else mqtt_transport(member.folder, broker, member.name)


@pytest.mark.parametrize(
    "site",
    ["zenoh", pytest.param("mqtt", marks=pytest.mark.skipif(not mosquitto(), reason="mosquitto is not installed"))],
    indirect=True,
)
def test_a_robot_whose_certificate_ends_is_renewed_and_is_stopped_over_its_new_link(site: Site) -> None:
    shorten(site, "arm1", 5.0)
    ends = time.time() + 5.0
    old = certificate(site, "arm1").serial_number
    arm, anna = MemberFolder(site.folder / "arm1"), MemberFolder(site.folder / "anna")
    ports = [way_of(site, arm), way_of(site, anna)]
    graph = SimulatedGraph("arm1", Keyring([]))
    robot = RobotMember(arm.channel(), ports[0], graph, folder=arm.folder)
    desk = RenewalAnswers(Authority(site.folder / "authority"))
    station = Station(anna.channel(), ports[1], renewals=desk)

    def ticking(condition: Any) -> Any:
        def asked() -> bool:
            robot.tick()
            return bool(condition())

        return asked

    try:
        assert station.wait_for(ticking(lambda: certificate(site, "arm1").serial_number != old), 10.0)
        assert desk.renewed == ["arm1"]
        assert certificate(site, "arm1").not_valid_after_utc.timestamp() > time.time() + 80_000
        station.wait_for(ticking(lambda: time.time() > ends + 2.0), 15.0)  # The router closes the old link at its end.
        if site.broker is not None:  # mosquitto does not.
            site.broker.close()
            site.broker.start()

        def heard_since(moment: float) -> bool:
            heard = station.presence.find("arm1")
            return heard is not None and heard.at > moment

        moment = time.monotonic()
        assert station.wait_for(ticking(lambda: heard_since(moment)), 15.0), "the robot is heard over a new link"
        graph.arm()
        campaign = station.stop("arm1", "after the renewal")
        assert station.wait_for(ticking(lambda: campaign.is_done), 15.0)
    finally:
        station.close()
        robot.close()
        for port in ports:
            port.close()


def test_a_certificate_is_renewed_when_half_of_its_time_is_over_and_asked_for_again_without_an_answer(
    site: Site,
) -> None:
    folder, steady, wall = MemberFolder(site.folder / "arm1"), [0.0], [time.time()]
    renewal = Renewal(folder.folder, folder.key, lambda: steady[0], lambda: wall[0])
    assert renewal.request() is None
    steady[0], wall[0] = 10.0, wall[0] + 13 * 3600.0
    assert renewal.request() is not None
    steady[0] = 30.0
    assert renewal.request() is None and renewal.problem == ""
    steady[0] = 75.0
    asked = renewal.request()
    assert asked is not None and "no answer" in renewal.problem and "ends in 11.0 h" in renewal.problem
    assert renewal.take(RenewalAnswers(site.authority).answer("arm1", asked)) and renewal.problem == ""


def test_a_member_that_asks_over_the_link_leaves_a_persons_request_alone(site: Site) -> None:
    folder = MemberFolder(site.folder / "arm1")
    grant = site.authority.renew(make_request_files(folder.folder, "arm1"))
    renewal = Renewal(folder.folder, folder.key, wall=lambda: time.time() + 13 * 3600.0)
    assert renewal.request() is not None
    assert accept_grant(folder.folder, json.dumps(grant)) == "arm1"
    (folder.folder / "aws.key").write_bytes(b"")  # As of `fleet provision-aws`.
    make_request_files(folder.folder, "arm1")


@pytest.mark.parametrize("name", ["aws", "roots", "tls"])
def test_a_name_whose_key_would_be_another_file_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="other files of that name"):
        make_request_files(tmp_path, name)


def test_only_a_certificate_for_the_new_key_from_a_pinned_authority_is_taken(site: Site) -> None:
    folder = MemberFolder(site.folder / "arm1")
    renewal = Renewal(folder.folder, folder.key, wall=lambda: time.time() + 13 * 3600.0)
    asked = renewal.request()
    assert asked is not None
    before = certificate(site, "arm1")
    other_key, own_key = new_private_key(), load_private((site.folder / "authority" / "authority.key").read_bytes())
    other = make_authority("lab", other_key)
    forged = sign_request(asked.csr.encode(), "arm1", other, other_key)
    assert not renewal.take(RenewedCertificate(certificate=certificate_pem(forged).decode()))
    assert "no pinned authority" in renewal.problem
    stray = sign_request(make_request("arm1", new_private_key()), "arm1", site.authority.certificate, own_key)
    assert not renewal.take(RenewedCertificate(certificate=certificate_pem(stray).decode()))
    assert "another key" in renewal.problem
    assert not renewal.take(RenewedCertificate(certificate="x"))
    assert certificate(site, "arm1") == before
    assert renewal.take(RenewalAnswers(site.authority).answer("arm1", asked)) and renewal.problem == ""


def test_the_authority_renews_only_for_the_member_itself_and_not_too_often(site: Site) -> None:
    now = [0.0]
    desk = RenewalAnswers(site.authority, lambda: now[0])
    arm1, arm2 = (MemberFolder(site.folder / name).key for name in ("arm1", "arm2"))
    own, _ = new_request(arm1)
    asked = RenewalRequest(key=own.key, csr=own.csr, signature=own.signature)
    with pytest.raises(ConfigurationError, match="not its own"):
        desk.answer("arm2", asked)
    # The line of a public key is no secret: with it and a request of his own a thief gets nothing.
    stolen, _ = new_request(arm2)
    with pytest.raises(ConfigurationError, match="not signed by the key of 'arm1'"):
        desk.answer("arm1", RenewalRequest(key=own.key, csr=stolen.csr, signature=stolen.signature))
    with pytest.raises(ConfigurationError, match="not signed by the key of 'arm1'"):
        site.authority.renew(own.model_copy(update={"csr": stolen.csr}))
    desk.answer("arm1", asked)
    with pytest.raises(ConfigurationError, match="less than"):
        desk.answer("arm1", asked)
    now[0] = SHORTEST + 1.0
    desk.answer("arm1", asked)
    Authority(site.folder / "authority").revoke("arm1")  # By another command.
    now[0] = 2 * SHORTEST + 2.0
    with pytest.raises(ConfigurationError, match="roster"):
        desk.answer("arm1", asked)


def test_an_auditor_cannot_be_the_one_that_answers(site: Site) -> None:
    with (
        pytest.raises(ConfigurationError, match="valid: an operator"),
        open_station(site.folder / "eve", authority=site.authority),
    ):
        pass


def test_no_way_is_left_open_where_another_cannot_be_used(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, closed = site.folder / "arm1", list[str]()
    (folder / "mqtt.json").write_text('{"host": "localhost"}')
    (folder / "certificate.pem").write_text("no certificate")
    close = ZenohTransport.close
    monkeypatch.setattr(ZenohTransport, "close", lambda way: (closed.append(way.name), close(way)))
    with pytest.raises(ConfigurationError, match="cannot be used"):
        MemberFolder(folder).transport()
    assert closed == ["zenoh"]


def test_a_request_that_is_none_is_refused_and_the_desk_says_why(fleet: Fleet) -> None:
    class NoAuthority:
        def reload(self) -> None:
            raise OSError("the authority's disk is gone")

    desk = RenewalAnswers(NoAuthority())  # type: ignore[arg-type]
    station = Station(fleet.channel("anna"), fleet.bus.port("anna"), on_refusal=fleet.refused.append, renewals=desk)
    fleet.stations["anna"] = station
    fleet.start("arm1")
    fleet.robots["arm1"].send("", RenewalRequest(key="x", csr="x", signature="0" * 128))
    assert station.wait_for(lambda: "arm1" in desk.refused, 5.0) and "disk is gone" in desk.refused["arm1"]
    assert station.wait_for(lambda: "not_allowed" in fleet.reasons(), 5.0)


def test_a_renewal_that_was_interrupted_between_its_files_is_finished(site: Site) -> None:
    folder = MemberFolder(site.folder / "arm1")
    renewal = Renewal(folder.folder, folder.key, wall=lambda: time.time() + 13 * 3600.0)
    asked = renewal.request()
    assert asked is not None
    answer = RenewalAnswers(site.authority).answer("arm1", asked)
    old = (folder.folder / "tls.key").read_bytes()
    write_atomically(folder.folder, "certificate.pem", answer.certificate.encode(), 0o644)
    finish(folder.folder)
    assert (folder.folder / "tls.key").read_bytes() == (folder.folder / "tls.renewal.key").read_bytes() != old
    assert json.loads((folder.folder / "router.json").read_text())


def test_a_grant_for_an_earlier_request_is_refused_before_anything_is_written(site: Site) -> None:
    folder = site.folder / "arm1"
    grant = site.authority.renew(make_request_files(folder, "arm1"))
    make_request_files(folder, "arm1")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ConfigurationError, match="earlier request"):
        accept_grant(folder, json.dumps(grant))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
