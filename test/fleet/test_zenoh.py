"""The real router with TLS and generated rules: who gets through, what a probe finds, and what stalled robots do to a stop."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.certificates import load_private
from strands_robots.fleet.member_folder import MemberFolder
from strands_robots.fleet.probe import Row, probe_router
from strands_robots.fleet.robot_member import RobotMember
from strands_robots.fleet.simulated_graph import SimulatedGraph
from strands_robots.fleet.station import Station
from strands_robots.operators.keyring import Keyring, Operator, Role

pytest.importorskip("zenoh")
from fleet_site import Site, free_port

from strands_robots.fleet.zenoh_transport import ZenohTransport, open_session


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.close()


def probe(site: Site) -> list[Row]:
    key = load_private((site.folder / "authority" / "authority.key").read_bytes())
    return probe_router(site.authority.file, site.authority.certificate, key)


def test_the_router_does_what_fleet_yaml_says_in_every_row(site: Site) -> None:
    rows = probe(site)
    assert not [row.words() for row in rows if not row.is_right]
    who = {row.who for row in rows}
    assert who == {"anna", "arm1", "arm2", "eve", "fleet-probe-outsider", "peer:arm2", "stranger"}
    assert sum(row.found is True for row in rows) > 20 and sum(row.found is False for row in rows) > 60


def test_the_probe_finds_a_rule_too_many(site: Site) -> None:
    rules = json.loads((site.folder / "authority" / "router.json").read_text())
    for rule in rules["access_control"]["rules"]:
        if rule["id"] == "arm2 writes":
            rule["key_exprs"] = [*rule["key_exprs"], "fleet/lab/in/*/stop/anna"]
    site.router.close()
    site.router = open_session(rules)
    try:
        wrong = [row for row in probe(site) if not row.is_right]
        assert {row.who for row in wrong} == {"arm2", "peer:arm2"} and all("stop/anna" in row.topic for row in wrong)
    finally:
        site.router.close()
        site.start_router()


def test_a_stop_and_a_signed_resume_over_the_router(site: Site) -> None:
    anna = MemberFolder(site.folder / "anna")
    keyring = Keyring([Operator(anna.key.public, frozenset({Role.RESUME}))])
    ports = {name: site.transport(name) for name in ("arm1", "arm2", "sim1", "anna")}
    graphs = {name: SimulatedGraph(name, keyring) for name in ("arm1", "arm2", "sim1")}
    robots = [RobotMember(MemberFolder(site.folder / name).channel(), ports[name], graphs[name]) for name in graphs]
    station = Station(anna.channel(), ports["anna"])

    def ticking(condition: Any) -> Any:
        def asked() -> bool:
            for robot in robots:
                robot.tick()
            return bool(condition())

        return asked

    try:
        heard = ticking(lambda: all(station.presence.is_present(name) for name in graphs))
        assert station.wait_for(heard, 10.0)
        campaign = station.stop("all", "test")
        assert station.wait_for(ticking(lambda: campaign.is_done), 10.0)
        result = station.resume("arm1", "checked", 5.0)
        assert (
            result.success and graphs["arm1"].report().state == "armed" and graphs["arm2"].report().state == "stopped"
        )
        site.router.close()
        site.start_router()
        again = station.stop("all", "after a restart of the router")
        assert station.wait_for(ticking(lambda: again.is_done), 20.0)
    finally:
        station.close()
        for robot in robots:
            robot.close()
        for port in ports.values():
            port.close()


def test_a_megabyte_and_a_message_over_the_limit_do_not_pass_the_router(site: Site) -> None:
    sender, receiver = site.transport("anna"), site.transport("arm1")
    heard: list[int] = []
    receiver.subscribe("fleet/lab/in/arm1/tell/*", lambda topic, data: heard.append(len(data)))
    try:
        deadline = time.monotonic() + 10.0
        while 4096 not in heard and time.monotonic() < deadline:
            sender.publish("fleet/lab/in/arm1/tell/anna", b"x" * 1_000_000)
            sender.publish("fleet/lab/in/arm1/tell/anna", b"x" * 4097)
            sender.publish("fleet/lab/in/arm1/tell/anna", b"x" * 4096)
            time.sleep(0.05)
        assert set(heard) == {4096}
    finally:
        sender.close()
        receiver.close()


def test_an_expired_certificate_cuts_the_link(site: Site, tmp_path: Path) -> None:
    import datetime

    from strands_robots.fleet.certificates import (
        certificate_pem,
        make_request,
        new_private_key,
        private_pem,
        sign_request,
    )
    from strands_robots.fleet.zenoh_config import TlsFiles, client_config

    folder, key = site.folder / "authority", new_private_key()
    signer = load_private((folder / "authority.key").read_bytes())
    short = sign_request(
        make_request("arm1", key), "arm1", site.authority.certificate, signer, datetime.timedelta(seconds=8)
    )
    (tmp_path / "c.pem").write_bytes(certificate_pem(short))
    (tmp_path / "k.pem").write_bytes(private_pem(key))
    files = TlsFiles(str(folder / "authority.pem"), str(tmp_path / "c.pem"), str(tmp_path / "k.pem"))
    session = open_session(client_config(site.authority.file.router, files))
    try:
        assert list(session.info.routers_zid()), "the certificate is good at first"
        deadline = time.monotonic() + 30.0
        while list(session.info.routers_zid()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not list(session.info.routers_zid()), "the link outlived its certificate"
    finally:
        session.close()


def test_a_client_without_its_router_starts_at_once_and_publishes_without_waiting(site: Site) -> None:
    config = MemberFolder(site.folder / "arm1").zenoh_config()
    config["connect"]["endpoints"] = [f"tls/127.0.0.1:{free_port()}"]
    began = time.monotonic()
    transport = ZenohTransport(config)
    transport.publish("fleet/lab/in/all/stop/arm1", b"x", is_stop=True)
    took = time.monotonic() - began
    try:
        assert took < 1.0 and transport.dropped == 1
        deadline = time.monotonic() + 20.0
        while "cannot be opened" not in transport.problem and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "cannot be opened" in transport.problem
    finally:
        transport.close()


def test_a_configuration_that_zenoh_does_not_know_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="Zenoh cannot be opened"):
        open_session({"mode": "emperor"})
