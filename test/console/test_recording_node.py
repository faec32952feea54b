"""A recording that a page starts: it goes on through reloads, episodes are kept or made again, and the data set is looked at at once."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from graph import Graph, wait_for
from small_disk import mounted
from strands_robots.msg import EpisodeState

from strands_robots.dataset.store import MIN_FREE
from strands_robots.dataset.verify import verify
from strands_robots.ros.messages import qos

from .browser import DESKTOP, chromium, picture, serious
from .test_browser_node import says
from .test_console_node import ELBOW, Served

pytestmark = [
    pytest.mark.learning,
    pytest.mark.long,
    pytest.mark.skipif(sys.version_info < (3, 12), reason="LeRobotDataset of lerobot 0.6 needs Python 3.12 or newer"),
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Any, Path]]:
    pytest.importorskip("lerobot", reason="LeRobot is not installed: make setup-learning")
    folder = tmp_path_factory.mktemp("sets")
    with chromium() as browser, Graph() as graph:
        graph.start("recorder_node", robots=["so101=so101"], use_sim_time=True)
        graph.start("audit_node", run_id="console-run")
        served = Served(graph, data_folders=[str(folder)])
        context = browser.new_context(viewport=DESKTOP)
        name, _, value = served.cookie.partition("=")
        context.add_cookies(
            [{"name": name, "value": value, "domain": "127.0.0.1", "path": "/", "httpOnly": True, "sameSite": "Strict"}]
        )
        page = context.new_page()
        page.goto(f"{served.url}/#record")
        yield served, page, folder
        with suppress(Exception):
            context.close()


def reads(page: Any, condition: str, timeout: float = 60.0) -> None:
    """Wait until a condition of the page holds; else fail with what the page says."""
    from playwright.sync_api import TimeoutError as NotInTimeError

    try:
        page.wait_for_function(f"() => {condition}", timeout=timeout * 1000)
    except NotInTimeError:
        words = " ".join(page.inner_text("main").split())
        raise AssertionError(f"{condition} did not come true; the page says: {words[:2000]}") from None


class Hand:
    """A page that moves the elbow up and down while an episode is recorded: one in which nothing moves is no good one."""

    def __init__(self, served: Served) -> None:
        self._tab = served.tab()
        self._tab.send(type="take", robot="so101")
        self._tab.until(lambda tab: tab.state["driving"]["so101"].get("is_ready"), 40.0)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Hand:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ending.set()
        self._thread.join(10.0)
        self._tab.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            beat = int(time.monotonic())
            self._tab.send(type="hold", press=str(beat), motion={**ELBOW, "rate": 0.3 if beat % 2 else -0.3})
            with suppress(TimeoutError):
                self._tab.socket.recv(timeout=0.04)  # What a page is told is read, or the server lets it go.


def headline(page: Any, words: str, timeout: float = 90.0) -> None:
    reads(page, f"document.querySelector('main h2').textContent.includes({words!r})", timeout)


def test_a_recording_outlives_reloads_and_its_episodes_are_kept_or_made_again(
    recorded: tuple[Served, Any, Path], tmp_path: Path
) -> None:
    served, page, folder = recorded
    served.armed()
    states = served.client.listen(EpisodeState, "recorder/state", qos.STATE)
    wait_for(lambda: states, 90.0, "recorder_node")
    headline(page, "recorder_node: idle")
    fields = {
        "root": str(folder / "demo"),
        "task": "put the cube away",
        "episodes": 2,
        "duration": 240,
        "reset_time": 2,
        "fps": 15,
    }
    for name, value in {**fields, "countdown": 300}.items():
        page.fill(f"#record-{name}", str(value))
    page.get_by_role("button", name="Start recording").press("Enter")
    headline(page, "episode 0 begins in")
    page.get_by_role("button", name="Pause", exact=True).press("Enter")
    headline(page, "Paused; episode 0 waits")
    page.reload()
    headline(page, "Paused; episode 0 waits")
    with Hand(served):
        record_two(served, page, states, tmp_path)


def record_two(served: Served, page: Any, states: Any, folder: Path) -> None:
    """Begin, reload, record the first episode once more, keep it, and end the second one from another page."""
    page.get_by_role("button", name="Begin now").press("Enter")
    headline(page, "Episode 0 is recorded")
    wait_for(lambda: states[-1].frames > 30, 60.0, "frames")
    page.wait_for_function("() => document.querySelectorAll('.camera[data-pictures]').length >= 2", timeout=30000)
    picture(page, "record_desktop_light", folder)
    assert not serious(page)
    frames = states[-1].frames
    page.reload()
    headline(page, "Episode 0 is recorded")
    wait_for(lambda: states[-1].frames > frames + 15, 60.0, "the recording goes on")
    page.get_by_role("button", name="Record it again").press("Enter")
    wait_for(lambda: states[-1].not_kept == 1 and states[-1].state == EpisodeState.RECORDING, 60.0, "once more")
    wait_for(lambda: states[-1].frames > 30, 60.0)
    page.get_by_role("button", name="Keep, and go on").press("Enter")
    wait_for(lambda: states[-1].saved == 1 and states[-1].state == EpisodeState.RECORDING, 120.0, "the next episode")
    other = page.context.new_page()
    other.goto(f"{served.url}/#record")
    wait_for(lambda: states[-1].frames > 20, 60.0)
    other.get_by_role("button", name="Save it, then stop").press("Enter")
    wait_for(
        lambda: states[-1].state == EpisodeState.IDLE and "2 episodes" in states[-1].message,
        120.0,
        "the data set is closed",
    )
    other.close()


def test_the_data_set_is_looked_at_at_once_and_a_bad_episode_taken_out(
    recorded: tuple[Served, Any, Path], tmp_path: Path
) -> None:
    served, page, _ = recorded
    page.goto(f"{served.url}/#data")
    page.get_by_role("link", name="demo").press("Enter")
    reads(page, "document.querySelectorAll('tbody tr').length === 2")
    page.get_by_role("button", name="Verify").press("Enter")
    reads(page, "document.body.textContent.includes('Every check holds')")
    page.wait_for_timeout(1500)
    picture(page, "dataset_desktop_light", tmp_path)
    page.get_by_role("link", name="Episode 0").press("Enter")
    page.wait_for_selector(".uplot")
    reads(page, "[...document.querySelectorAll('video')].every((video) => video.readyState >= 2)", 30.0)
    page.get_by_role("button", name="Play").press("Enter")
    reads(page, "Number(document.getElementById('episode-time').value) > 1", 30.0)
    page.get_by_role("button", name="Pause").press("Enter")
    picture(page, "episode_desktop_light", tmp_path)
    assert not serious(page)
    page.goto(f"{served.url}/#data")
    page.get_by_role("link", name="demo").press("Enter")
    page.get_by_role("button", name="Choose").first.press("Enter")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete the chosen").press("Enter")
    reads(page, "document.querySelectorAll('tbody tr').length === 1", 120.0)


def test_a_folder_that_is_there_already_is_refused_in_words(recorded: tuple[Served, Any, Path]) -> None:
    served, _, folder = recorded
    answer = served.http.post("/do/record", json={"root": str(folder / "demo"), "task": "again"})
    assert not answer.json()["is_done"] and "is there already" in answer.json()["message"]


def test_an_episode_that_is_discarded_ends_the_recording_and_is_not_in_the_data_set(
    recorded: tuple[Served, Any, Path],
) -> None:
    served, page, folder = recorded
    served.armed()
    states = served.client.listen(EpisodeState, "recorder/state", qos.STATE)
    page.goto(f"{served.url}/#record")
    fields = {"root": str(folder / "demo"), "task": "again", "mode": "resume", "duration": 60, "fps": 15}
    assert served.http.post("/do/record", json=fields).json()["is_done"]
    headline(page, "is recorded")
    wait_for(lambda: states[-1].frames > 10, 60.0, "frames")
    before = verify(folder / "demo", pictures=False).episodes
    page.get_by_role("button", name="Discard it, then stop").press("Enter")
    reads(page, "document.querySelector('main form').hidden === false")
    wait_for(lambda: states[-1].state == EpisodeState.IDLE, 60.0, "the data set is closed")
    assert verify(folder / "demo", pictures=False).episodes == before


def test_a_disk_that_is_full_ends_the_recording_with_its_reason_and_the_saved_episode_stays(
    recorded: tuple[Served, Any, Path],
) -> None:
    served, page, folder = recorded
    served.armed()
    page.goto(f"{served.url}/#record")
    states = served.client.listen(EpisodeState, "recorder/state", qos.STATE)
    with mounted(folder / "disk", f"{(MIN_FREE >> 20) + 24}m") as disk, Hand(served):
        fields = {
            "root": str(disk / "demo"),
            "task": "fill",
            "episodes": 5,
            "duration": 120,
            "reset_time": 0,
            "fps": 15,
        }
        assert served.http.post("/do/record", json=fields).json()["is_done"]
        headline(page, "Episode 0 is recorded")
        wait_for(lambda: states[-1].frames > 20, 60.0, "frames")
        page.get_by_role("button", name="Keep, and go on").press("Enter")
        wait_for(lambda: states[-1].saved == 1 and states[-1].state == EpisodeState.RECORDING, 120.0, "one is saved")
        (disk / "ballast").write_bytes(bytes(max(shutil.disk_usage(disk).free - 300_000, 0)))
        reads(
            page,
            "/disk|room|space/.test(document.querySelector('main').textContent.replace(/disk left [^;]*/g, ''))",
            60.0,
        )
        reads(page, "document.querySelector('main form').hidden === false", 120.0)
        text = page.inner_text("main")
        assert "takes no more episodes" in text and "MiB are free" in text, text
        assert "died" not in text, "the reason is the disk"
        wait_for(lambda: states[-1].state == EpisodeState.IDLE, 60.0, "the data set is closed")
        print("PAGE", text, flush=True)
        print("STATE", [(s.state, s.root, s.message) for s in list(states)[-3:]], flush=True)
        verdict = verify(disk / "demo", pictures=False)
        assert verdict.episodes == 1 and verdict.is_good, verdict.errors
    says(page, "Armed")


def test_a_recorder_that_dies_is_said_with_what_is_saved(recorded: tuple[Served, Any, Path]) -> None:
    served, page, folder = recorded
    page.goto(f"{served.url}/#record")
    fields = {"root": str(folder / "second"), "task": "again", "duration": 60, "fps": 15}
    assert served.http.post("/do/record", json=fields).json()["is_done"]
    headline(page, "is recorded")
    recorder = next(process for process in served.graph.processes if process.name == "recorder_node")
    recorder.stop()
    headline(page, "No recorder_node is heard", 30.0)
    page.wait_for_function(
        "() => document.querySelector('[role=alert].bad').textContent.includes('--resume')", timeout=60000
    )
    says(page, "Armed")
