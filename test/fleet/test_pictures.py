"""Pictures by reference: the real boto3 and moto's S3 over HTTPS; one upload each, to the fleet's own store, and not too often."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fleet_rig import Fleet, Port, in_background

pytest.importorskip("boto3")
pytest.importorskip("moto.server")
from fleet_site import free_port
from PIL import Image

from strands_robots.core.errors import ConfigurationError, NoAnswerError
from strands_robots.fleet.bodies import PictureReference
from strands_robots.fleet.certificates import (
    certificate_pem,
    make_authority,
    make_server_certificate,
    new_private_key,
    private_pem,
)
from strands_robots.fleet.member import MemberKind, Right
from strands_robots.fleet.picture_store import PictureStore
from strands_robots.fleet.picture_upload import LARGEST, PERIOD, PictureUpload
from strands_robots.fleet.robot_member import RobotMember
from strands_robots.fleet.simulated_graph import SimulatedGraph
from strands_robots.fleet.station import Station
from strands_robots.operators.keyring import Keyring

BUCKET, REGION = "lab-pictures", "eu-central-1"


class Camera(SimulatedGraph):
    """A graph with a camera."""

    def picture(self, camera: str) -> bytes:
        if camera != "so101/wrist":
            raise NoAnswerError(f"no camera {camera}")
        data = io.BytesIO()
        Image.new("RGB", (64, 48), (200, 10, 10)).save(data, "JPEG")
        return data.getvalue()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PictureStore, str, str]]:
    """Give a store, its host, and the file of its authority."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    folder, key, own = tmp_path_factory.mktemp("s3"), new_private_key(), new_private_key()
    authority = make_authority("lab", key)
    for name, data in (
        ("ca.pem", certificate_pem(authority)),
        ("s3.pem", certificate_pem(make_server_certificate(("localhost",), own.public_key(), authority, key))),
        ("s3.key", private_pem(own)),
    ):
        (folder / name).write_bytes(data)
    port = free_port()
    server = make_server(
        "127.0.0.1", port, DomainDispatcherApplication(create_backend_app), threaded=True,
        ssl_context=(str(folder / "s3.pem"), str(folder / "s3.key")),
    )  # fmt: skip
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "x")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        place, pinned = f"https://localhost:{port}", str(folder / "ca.pem")
        made = PictureStore(BUCKET, REGION, place, pinned)
        made._client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield made, f"localhost:{port}", pinned
    server.shutdown()
    thread.join(5.0)


def start(fleet: Fleet, host: str, pinned: str, given: list[tuple[str, str, str]] | None = None) -> Station:
    """Start arm1 with a camera, and anna with the right to ask for pictures."""
    fleet.members["anna"] = fleet.member("anna", MemberKind.OPERATOR, "", Right.TELL, Right.PICTURES)
    fleet.graphs["arm1"] = Camera("arm1", Keyring([]), now=fleet.clock)
    upload = PictureUpload(host, pinned, fleet.clock)
    port: Port = fleet.bus.port("arm1")
    fleet.robots["arm1"] = RobotMember(
        fleet.channel("arm1"), port, fleet.graphs["arm1"], fleet.clock, fleet.refused.append, pictures=upload,
        on_picture=lambda *words: (given if given is not None else []).append(words),
    )  # fmt: skip
    station = Station(fleet.channel("anna"), fleet.bus.port("anna"), on_refusal=fleet.refused.append)
    fleet.stations["anna"] = station
    fleet.advance(1.1)
    assert station.wait_for(lambda: station.presence.is_present("arm1"), 5.0)
    return station


def ask(fleet: Fleet, station: Station, camera: str, url: str) -> Any:
    station._pictures.clear()  # What the robot does about an operator that keeps no pace.
    fleet.advance(1.1)
    newest = fleet.robots["arm1"].sent._sent[-1][0]
    assert station.wait_for(lambda: station.presence.find("arm1").sequence == newest, 5.0)  # type: ignore[union-attr]

    def call() -> Any:
        try:
            return station.ask_picture("arm1", camera, url, 5.0)
        except NoAnswerError as error:
            return error

    return in_background(fleet, call)[0]


def test_a_picture_is_uploaded_once_and_is_the_one_that_the_robot_signed(fleet: Fleet, store: Any) -> None:
    made, host, pinned = store
    given: list[tuple[str, str, str]] = []
    station = start(fleet, host, pinned, given)
    place = made.upload_url("arm1", "so101/wrist")
    reference = ask(fleet, station, "so101/wrist", place.url)
    assert isinstance(reference, PictureReference), reference
    assert given == [("anna", "so101/wrist", reference.sha256)], "the robot's log says who got it"
    with Image.open(io.BytesIO(made.fetch(place.key, reference))) as picture:
        assert picture.size == (64, 48)
    made._client.put_object(Bucket=BUCKET, Key=place.key, Body=b"another")
    with pytest.raises(ConfigurationError, match="not the picture that the robot signed"):
        made.fetch(place.key, reference)
    assert not [data for _, data in fleet.bus.log if b"JFIF" in data], "pictures themselves never cross"


def test_both_ends_keep_the_pace(fleet: Fleet, store: Any) -> None:
    made, host, pinned = store
    station = start(fleet, host, pinned)
    urls = [made.upload_url("arm1", "so101/wrist").url for _ in range(3)]
    now = [0.0]
    upload = PictureUpload(host, pinned, lambda: now[0])
    upload.check(urls[0])
    with pytest.raises(ConfigurationError, match=f"one in {PERIOD:g} s"):
        upload.check(urls[1])
    now[0] = PERIOD
    upload.check(urls[2])
    assert isinstance(
        in_background(fleet, lambda: station.ask_picture("arm1", "so101/wrist", urls[0], 5.0))[0], PictureReference
    )
    with pytest.raises(ConfigurationError, match="was asked"):
        station.ask_picture("arm1", "so101/wrist", urls[1], 5.0)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x?y",
        "http://{host}/x",
        "https://user@{host}/x",
        "https://{host}.evil.example/x",
        "https://169.254.169.254/x",
        "file:///etc/passwd",
        "",
        "https://{host}/a b",
        "https://[{host}/x",
    ],
)
def test_a_robot_talks_to_no_other_host_whoever_asks(fleet: Fleet, store: Any, url: str) -> None:
    _, host, pinned = store
    station = start(fleet, host, pinned)
    answer = ask(fleet, station, "so101/wrist", url.format(host=host))
    assert isinstance(answer, NoAnswerError) and f"valid: https://{host}" in str(answer)


def test_what_cannot_be_asked_for_is_said_by_the_station_and_the_store(
    fleet: Fleet, store: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, host, pinned = store
    station = start(fleet, host, pinned)
    with pytest.raises(ConfigurationError, match="a URL of at most 2560"):
        station.ask_picture("arm1", "so101/wrist", f"https://{host}/{'x' * 2560}", 5.0)
    with pytest.raises(ConfigurationError, match="no URL for bucket"):
        PictureStore("no bucket", REGION, f"https://{host}", pinned).upload_url("arm1", "so101/wrist")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        PictureStore(BUCKET, "no region")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # It has found the credentials already.
    with pytest.raises(ConfigurationError, match="AWS credentials"):
        PictureStore(BUCKET, REGION, f"https://{host}", pinned).upload_url("arm1", "so101/wrist")


def test_a_store_that_refuses_and_a_camera_that_is_not_there_are_said(fleet: Fleet, store: Any, tmp_path: Path) -> None:
    _, host, pinned = store
    station = start(fleet, host, pinned)
    answer = ask(fleet, station, "so101/wrist", f"https://{host}/no-such-bucket/x.jpg?X-Amz-Signature=0")
    assert isinstance(answer, NoAnswerError) and "the store of pictures refuses: 404" in str(answer)
    fleet.advance(PERIOD)
    assert "no camera so101/elbow" in str(ask(fleet, station, "so101/elbow", f"https://{host}/x"))
    with pytest.raises(ConfigurationError, match="at most"):
        PictureUpload(host, pinned).put(f"https://{host}/x", b"x" * (LARGEST + 1))
    with pytest.raises(NoAnswerError, match="does not answer"):
        PictureUpload(host).put(f"https://{host}/x", b"x")  # Its authority is none of this machine's.


def test_without_the_right_or_the_store_no_picture_is_given(fleet: Fleet, store: Any) -> None:
    _, host, pinned = store
    start(fleet, host, pinned)
    bert = fleet.station("bert")
    fleet.advance(1.1)
    assert bert.wait_for(lambda: bert.presence.is_present("arm1"), 5.0)
    with pytest.raises(NoAnswerError, match="did not answer"):
        bert.ask_picture("arm1", "so101/wrist", f"https://{host}/x", 0.3)
    assert "not_allowed" in fleet.reasons()
    fleet.robots["arm1"]._pictures = None
    assert "gives no pictures" in str(ask(fleet, fleet.stations["anna"], "so101/wrist", f"https://{host}/x"))
