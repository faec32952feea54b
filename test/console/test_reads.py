"""What pages read: data sets as they are on the disk, parts of videos, the audit log, and the machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="starlette is not installed: pip install -r requirements/console.txt")
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from strands_robots.console.data_reads import DataSets
from strands_robots.console.record_reads import RecordReads
from strands_robots.core.errors import StrandsRobotsError


async def _failed(request: Request, error: Exception) -> Response:
    return JSONResponse({"message": str(error)}, 409)


def browser(sets: DataSets | None = None, records: RecordReads | None = None) -> TestClient:
    return served(*(sets.routes() if sets else ()), *(records.routes() if records else ()))


def served(*routes: Route) -> TestClient:
    """Return a browser before some routes, with the console's answer to errors."""
    return TestClient(Starlette(routes=routes, exception_handlers={StrandsRobotsError: _failed}))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of two episodes with a video, as recorder_node writes it."""
    pytest.importorskip("lerobot", reason="LeRobot is not installed: make setup-learning")
    from recording.made import make_dataset

    folder = tmp_path_factory.mktemp("sets")
    make_dataset(folder / "local" / "wave", lengths=(50, 45))
    return folder


def first(client: TestClient) -> str:
    return str(client.get("/data").json()["sets"][0]["id"])


@pytest.mark.learning
def test_a_recorded_data_set_is_listed_opened_and_drawn_without_being_uploaded(recorded: Path) -> None:
    client = browser(DataSets([recorded]))
    (row,) = client.get("/data").json()["sets"]
    assert (row["name"], row["episodes"], row["frames"]) == ("wave", 2, 95)
    found = client.get(f"/data/{row['id']}").json()
    assert [episode["frames"] for episode in found["episodes"]] == [50, 45]
    episode = client.get(f"/data/{row['id']}/episode/1").json()
    assert len(episode["time"]) == 45 and not episode["missing"]
    assert len(episode["curves"]) == 6 and len(episode["curves"][0]["state"]) == 45
    assert client.get(f"/data/{row['id']}/verify").json()["good"]
    thumb = client.get(f"/data/{row['id']}/episode/0/thumb")
    assert thumb.headers["content-type"] == "image/jpeg" and thumb.content[:2] == b"\xff\xd8"


@pytest.mark.learning
def test_a_browser_gets_the_range_of_the_video_that_it_asks_for(recorded: Path) -> None:
    client = browser(DataSets([recorded]))
    name = first(client)
    key = client.get(f"/data/{name}/episode/0").json()["videos"][0]["key"]
    path = f"/data/{name}/episode/0/video/{key}"
    whole = client.get(path).content
    part = client.get(path, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == whole[100:200]
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert client.get(path, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


@pytest.mark.learning
def test_an_episode_without_its_video_is_shown_with_what_is_missing(recorded: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(recorded / "local" / "wave", tmp_path / "wave")
    for video in (tmp_path / "wave").rglob("*.mp4"):
        video.unlink()
    client = browser(DataSets([tmp_path]))
    name = first(client)
    episode = client.get(f"/data/{name}/episode/0").json()
    assert len(episode["missing"]) == 1 and not episode["videos"] and episode["curves"]
    assert client.get(f"/data/{name}/episode/0/thumb").status_code == 409


@pytest.mark.learning
def test_a_table_that_leads_out_of_its_folder_leads_nowhere(recorded: Path, tmp_path: Path) -> None:
    import shutil

    (tmp_path / "secret.mp4").write_bytes(b"secret")
    shutil.copytree(recorded / "local" / "wave", tmp_path / "sets" / "wave")
    info = tmp_path / "sets" / "wave" / "meta" / "info.json"
    said = json.loads(info.read_text())
    said["video_path"] = "../../secret.mp4"
    info.write_text(json.dumps(said))
    client = browser(DataSets([tmp_path / "sets"]))
    name = first(client)
    (key,) = client.get(f"/data/{name}/episode/0").json()["missing"]
    answer = client.get(f"/data/{name}/episode/0/video/{key}")
    assert answer.status_code == 409 and b"secret" not in answer.content


@pytest.mark.learning
@pytest.mark.parametrize("episode", ["2", "99999999999999999999"])
def test_an_episode_that_is_not_there_is_said(recorded: Path, episode: str) -> None:
    client = browser(DataSets([recorded]))
    answer = client.get(f"/data/{first(client)}/episode/{episode}")
    assert answer.status_code == 409 and "0 to 1" in answer.json()["message"]


@pytest.mark.learning
def test_two_hundred_thousand_frames_are_opened_episode_by_episode(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: make setup-learning")
    from .large_set import write_large_set

    write_large_set(tmp_path / "large")
    write_large_set(tmp_path / "long", episodes=1, length=60_000)
    client = browser(DataSets([tmp_path]))
    ids = {row["name"]: row["id"] for row in client.get("/data").json()["sets"]}
    found = client.get(f"/data/{ids['large']}").json()
    assert found["frames"] == 200_000 and len(found["episodes"]) == 400
    episode = client.get(f"/data/{ids['large']}/episode/399").json()
    assert len(episode["time"]) == 500 and sum(episode["single"]["intervention"]) == 249.0
    assert episode["curves"][0]["action"][7] == pytest.approx(episode["curves"][0]["state"][7] + 0.05, abs=1e-5)
    long = client.get(f"/data/{ids['long']}/episode/0").json()
    assert long["frames"] == 60_000 and 1000 <= len(long["time"]) <= 1500, "no more points than a screen shows"
    assert long["time"][-1] == pytest.approx(2000.0, abs=2.0)


def test_a_folder_that_is_no_data_set_hides_no_other_and_links_lead_nowhere(tmp_path: Path) -> None:
    for name, text in (("cut", "{"), ("other", '{"codebase_version": "v9"}'), ("list", "[]")):
        (tmp_path / "sets" / name / "meta").mkdir(parents=True)
        (tmp_path / "sets" / name / "meta" / "info.json").write_text(text)
    (tmp_path / "elsewhere" / "meta").mkdir(parents=True)
    (tmp_path / "elsewhere" / "meta" / "info.json").write_text("{}")
    (tmp_path / "sets" / "link").symlink_to(tmp_path / "elsewhere")
    found = browser(DataSets([tmp_path / "sets", tmp_path / "none"])).get("/data").json()["sets"]
    assert sorted(row["name"] for row in found) == ["cut", "list", "other"]
    assert all(row["problem"] for row in found)


@pytest.mark.parametrize("name", ["..", "%2e%2e", "0" * 16, "etc%2fpasswd", "a" * 5000])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    client = browser(DataSets([tmp_path]))
    assert client.get(f"/data/{name}").status_code in (404, 409)


def test_a_log_that_is_not_there_is_said_and_a_bad_time_as_well(tmp_path: Path) -> None:
    client = browser(records=RecordReads(tmp_path / "log", tmp_path / "keys"))
    assert "audit_node has not run" in client.get("/audit").json()["problem"]
    assert client.get("/audit", params={"since": "yesterday"}).status_code == 409
    assert client.get("/audit/verify").status_code == 409


def test_records_are_filtered_the_newest_first(tmp_path: Path) -> None:
    from audit.logs import write_log

    write_log(tmp_path / "log", count=5, segments=2)
    client = browser(records=RecordReads(tmp_path / "log", tmp_path / "keys"))
    rows = client.get("/audit", params={"kind": "refusal", "robot": "so101"}).json()["records"]
    assert len(rows) == 10 and [row["index"] for row in rows] == sorted((row["index"] for row in rows), reverse=True)
    assert rows[0]["details"] == {"reason": "limit", "count": 3}
    assert not client.get("/audit", params={"robot": "another"}).json()["records"]


def test_a_log_is_called_whole_until_a_byte_of_it_changes(tmp_path: Path) -> None:
    from audit.logs import FakeClock, stop_event

    from strands_robots.audit.audit_key import load_or_create_keys
    from strands_robots.audit.log.store import AuditStore, StoreConfig

    keys = load_or_create_keys(tmp_path / "keys", create=True)
    store = AuditStore(tmp_path / "log", keys, StoreConfig(lock_patience=0.0), FakeClock().clock)
    store.open()
    store.write([stop_event()])
    store.close()
    client = browser(records=RecordReads(tmp_path / "log", tmp_path / "keys"))
    assert client.get("/audit/verify").json()["verdict"] == "WHOLE"
    for part in (tmp_path / "log").iterdir():
        part.write_bytes(part.read_bytes().replace(b"anna", b"otto"))
    found = client.get("/audit/verify").json()
    assert found["verdict"] == "BROKEN" and found["findings"]


def test_the_machine_is_examined_with_remedies() -> None:
    from strands_robots.doctor.result import Status

    found = browser(records=RecordReads(Path("/none"), Path("/none"))).get("/doctor").json()
    assert {check["name"] for check in found["checks"]} >= {"python", "ros", "disk"}
    assert all(
        len(check["remedy"]) == 2
        for check in found["checks"]
        if check["status"] in (Status.FAILED.value, Status.WARNING.value)
    )
