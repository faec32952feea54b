"""A console that listens to other machines: TLS, looking on and stopping without a session, everything else with one."""

from __future__ import annotations

import datetime
import ipaddress
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from graph import wait_for

from .rig import Console, HandGraph, receive

pytest.importorskip("cryptography")
import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from strands_robots.console import server, stop_line
from strands_robots.console.tls import Listen
from strands_robots.core.errors import ConfigurationError


def write_certificate(folder: Path, *names: x509.GeneralName) -> tuple[Path, Path]:
    """Write a certificate that signs itself, as `openssl req -x509` makes it, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "robot")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return certificate, private


class Elsewhere:
    """A browser of another machine."""

    def __init__(self, console: Console, certificate: Path) -> None:
        self.console, self.trust = console, ssl.create_default_context(cafile=str(certificate))
        self.host = f"127.0.0.1:{console.server.remote_port}"
        self.url = f"https://{self.host}"
        self.http = httpx.Client(base_url=self.url, verify=self.trust, timeout=10.0, headers={"Origin": self.url})

    def socket(self, port: int, path: str, origin: str = "") -> ClientConnection:
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        headers = {"Origin": origin or self.url, "Cookie": cookie}
        return connect(f"wss://127.0.0.1:{port}{path}", ssl=self.trust, additional_headers=headers)

    @contextmanager
    def feed(self, token: str = "") -> Iterator[ClientConnection]:
        with self.socket(self.console.server.remote_port, "/feed") as made:
            made.send(json.dumps({"token": token}))
            yield made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    names = (x509.DNSName("robot.lab"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    return write_certificate(tmp_path_factory.mktemp("tls"), *names)


@pytest.fixture
def elsewhere(files: tuple[Path, Path]) -> Iterator[Elsewhere]:
    console = Console(HandGraph(), listen=Listen("127.0.0.1", 0, 0, *files))
    yield Elsewhere(console, files[0])
    console.close()


def test_without_signing_in_a_browser_looks_on_and_stops_and_can_do_nothing_else(elsewhere: Elsewhere) -> None:
    http, hand = elsewhere.http, elsewhere.console.hand
    assert http.get("/").status_code == 200 and http.get("/pages/app.js").status_code == 200
    session = http.get("/session").json()
    assert session["token"] == "" and not session["is_signed_in"]
    assert session["stop_port"] == elsewhere.console.server.remote_stop_port
    for path in ("/data", "/audit", "/doctor", "/runs", "/pipelines", "/scene", "/calibrate/choices", "/audit/verify"):
        assert http.get(path).status_code == 401, path
    for path in ("/do/resume", "/do/move", "/do/record", "/do/calibrate"):
        assert http.post(path, json={}).status_code == 401, path
    with elsewhere.feed() as feed:
        assert receive(feed, "state")["robots"] == []
        feed.send(json.dumps({"type": "take", "robot": "so101"}))
        assert "sign in" in receive(feed, "seat")["refusal"]
        feed.send(json.dumps({"type": "hold", "press": "a", "motion": {"joint": "elbow_flex", "rate": 1}}))
        feed.send(json.dumps({"type": "stop", "number": "one"}))
        wait_for(lambda: len(hand.stops) == 1, 5.0)
    assert http.post("/stop?number=two").status_code == 202
    with elsewhere.socket(elsewhere.console.server.remote_stop_port, "/") as line:
        line.send("stop")
        wait_for(lambda: len(hand.stops) == 3, 5.0)
    assert not hand.orders and not hand.holds and ("take", "so101") not in hand.driving


def test_the_address_of_the_terminal_signs_a_browser_in_and_it_does_what_one_of_this_machine_does(
    elsewhere: Elsewhere,
) -> None:
    console, http = elsewhere.console, elsewhere.http
    address = next(text for text in console.addresses if text.startswith("https"))
    assert address.startswith(f"https://robot.lab:{console.server.remote_port}/enter?key=")
    answer = http.get(address.partition(str(console.server.remote_port))[2])
    assert answer.status_code == 200 and "secure" in answer.headers["set-cookie"].lower()
    session = http.get("/session").json()
    assert session["is_signed_in"]
    http.headers["X-Console-Token"] = session["token"]
    assert http.post("/do/resume", json={"stop_id": 1, "reason": "clear"}).json()["is_done"]
    with pytest.raises(ConnectionClosed), elsewhere.feed("wrong") as feed:
        receive(feed, "state")
    with elsewhere.feed(session["token"]) as feed:
        receive(feed, "state")
        feed.send(json.dumps({"type": "take", "robot": "so101"}))
        assert receive(feed, "seat")["refusal"] == ""


@pytest.mark.parametrize("host", ["evil.test", "localhost", "other.lab"])
def test_only_names_of_the_certificate_are_answered(elsewhere: Elsewhere, host: str) -> None:
    name = f"{host}:{elsewhere.console.server.remote_port}"
    assert elsewhere.http.get("/", headers={"Host": name}).status_code == 421
    assert elsewhere.http.post("/stop", headers={"Host": name, "Origin": f"https://{name}"}).status_code == 421
    assert not elsewhere.console.hand.stops


def test_pages_of_other_sites_neither_look_on_nor_stop(elsewhere: Elsewhere) -> None:
    for origin in ("https://evil.test", "null"):
        assert elsewhere.http.post("/stop", headers={"Origin": origin}).status_code == 403
        for port, path in (
            (elsewhere.console.server.remote_port, "/feed"),
            (elsewhere.console.server.remote_stop_port, "/"),
        ):
            with pytest.raises(InvalidStatus), elsewhere.socket(port, path, origin):
                pass
    assert not elsewhere.console.hand.stops


def test_wrong_keys_from_elsewhere_do_not_lock_this_machines_door(elsewhere: Elsewhere) -> None:
    codes = [elsewhere.http.get(f"/enter?key={number}").status_code for number in range(12)]
    assert set(codes) == {403}
    elsewhere.console.enter()


def test_the_loopback_shows_nothing_without_a_session_though_it_listens_elsewhere_too(elsewhere: Elsewhere) -> None:
    assert elsewhere.console.http.get("/").status_code == 401


def test_without_tls_nothing_is_answered(elsewhere: Elsewhere) -> None:
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://{elsewhere.host}/", timeout=5.0)


def test_a_flood_from_elsewhere_leaves_this_machines_stop_its_place(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (server, stop_line):
        monkeypatch.setattr(module, "MOST_REMOTE", 2)
    console = Console(HandGraph(), listen=Listen("127.0.0.1", 0, 0, *files)).enter()
    for port in (console.server.remote_port, console.server.remote_stop_port):
        with ExitStack() as held:
            made = [held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5.0)) for _ in range(3)]
            assert made[2].recv(1) == b"", "the third is closed at once"
            with console.stop_line() as line:
                line.send(json.dumps({"number": str(port)}))
                line.recv(timeout=5.0)
    wait_for(lambda: len(console.hand.stops) == 2, 5.0)
    with httpx.Client(verify=ssl.create_default_context(cafile=str(files[0]))) as http:
        wait_for(lambda: answers(http, f"https://127.0.0.1:{console.server.remote_port}/session"), 5.0, "there is room")
    console.close()


def answers(http: httpx.Client, url: str) -> bool:
    try:
        return http.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def test_a_certificate_that_cannot_be_used_is_refused_in_words(files: tuple[Path, Path], tmp_path: Path) -> None:
    listen = Listen("127.0.0.1", 0, 0, *files)
    bare, key = write_certificate(tmp_path)
    locked, cipher = tmp_path / "locked.pem", serialization.BestAvailableEncryption(b"secret")
    plain = serialization.load_pem_private_key(files[1].read_bytes(), None)
    locked.write_bytes(plain.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher))
    for given, words in (
        (replace(listen, certificate=tmp_path / "none.pem"), "cannot be read"),
        (replace(listen, certificate=files[1]), "cannot be used"),
        (replace(listen, certificate=bare, key=key), "subjectAltName"),
        (replace(listen, key=key), "belong together"),
        (replace(listen, key=locked), "without a passphrase"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            Console(HandGraph(), listen=given)
