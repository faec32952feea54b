"""Every page in a real Chromium without a graph: accessibility and layout in states that are rare, and what a page says of them."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audit.logs import write_log
from graph import wait_for
from PIL import Image

from .browser import DESKTOP, PAGES, PHONE, chromium, picture, serious
from .large_set import write_large_set
from .rig import Console, HandGraph
from .test_run_reads import write_run

pytest.importorskip("starlette", reason="starlette is not installed: pip install -r requirements/console.txt")
from strands_robots.agent.conversation.turn import Step, StepKind
from strands_robots.console.chat import Conversation
from strands_robots.console.data_reads import DataSets
from strands_robots.console.model_reads import ModelReads
from strands_robots.console.port import Answer, Picture
from strands_robots.console.record_reads import RecordReads
from strands_robots.console.run_reads import Runs

ROOT = Path(__file__).resolve().parents[2]
JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
STREAM = {
    "topic": "so101/joint_states",
    "received": 812,
    "used": 405,
    "repeated": 0,
    "stale": 0,
    "lost": 2,
    "gaps": 1,
    "late": 0,
}
REQUEST = {
    "id": "r1", "asker": "agent/helper", "name": "move_to", "type": "strands_robots/action/MoveTo", "rule": "moves a robot: ask",
    "left": 41.0, "digest": "9f2c" * 16, "words": ["Move so101's elbow_flex from 0.12 to 0.80 rad", "at 30 percent of its speed"],
    "fields": '{"robot": "so101", "joint_names": ["elbow_flex"], "positions": [0.8]}',
}  # fmt: skip


def robot(**changes: Any) -> dict[str, Any]:
    joints = [
        {"name": name, "position": 0.2 * i - 0.4, "velocity": 0.0, "effort": 0.1, "low": -1.6, "high": 1.6}
        for i, name in enumerate(JOINTS)
    ]
    return {
        "name": "so101", "is_heard": True, "is_latched": False, "reason": "", "is_at_rest": True, "velocity": 0.0,
        "holder": "policy/lerobot", "refused": 2, "rate": 100.0, "model": "one", "joints": joints, **changes,
    }  # fmt: skip


def safety(state: str) -> dict[str, Any]:
    return {"state": state, "stop_id": 3, "source": "", "reason": "", "epoch": 4, "rate": 20.0}


def moment(**changes: Any) -> dict[str, Any]:
    """Return a graph at work, with something on every page."""
    return {
        "at": 0.0, "robots": [robot()], "sim_time": 12.5, "factor": 1.0, "buttons": [{"name": "usb", "problem": ""}],
        "safety": safety("ARMED"),
        "cameras": [{"name": "so101/wrist", "rate": 30.0}, {"name": "overhead", "rate": 29.8}],
        "refusals": [{"at": "12:01:02", "robot": "so101", "words": "limit: elbow_flex 2.1 rad; valid: -1.6 to 1.6"}],
        "log": [{"at": "12:01:02", "name": "safety_node", "level": "warning", "words": "a line of the log"}],
        "recorder": {
            "state": "recording", "message": "episode 3", "root": "/home/anna/datasets/cube", "saved": 3, "not_kept": 1, "episode": 3,
            "frames": 405, "queued": 2, "task": "put the cube away", "streams": [STREAM],
        },
        "recording": {
            "is_over": False, "root": "/home/anna/datasets/cube", "task": "put the cube away", "episodes": 10, "duration": 20.0,
            "reset_time": 10.0, "fps": 30, "began_with": 0, "pause_left": None, "is_held": False, "failure": "", "disk_left": 81.2e9,
            "lines": [{"words": "episode 2 saved: 600 frames", "is_trouble": False, "at": 0.0}],
        },
        "approvals": {"can_approve": True, "requests": [REQUEST]},
        "agents": ["helper"], "chat": {"revision": 1, "is_running": False},
        "driving": {"so101": {"tab": "", "message": "", "poses": {"home": {"elbow_flex": 0.8}}}}, "moves": {}, **changes,
    }  # fmt: skip


def talked() -> Conversation:
    """Return a conversation with a tool call in it."""
    made = Conversation()
    made.begin("helper", "Open the gripper")
    for step in (
        Step(StepKind.TEXT, text="I open "), Step(StepKind.TEXT, text="it."), Step(StepKind.TOOL_CALL, "set_gripper", '{"robot": "so101"}'),
        Step(StepKind.APPROVAL_WAITING, "set_gripper", "{}", "r1"), Step(StepKind.TOOL_RESULT, "set_gripper", "reached"),
        Step(StepKind.TEXT, text="It is open."),
    ):  # fmt: skip
        made.take(step)
    made.end("answered", "It is open.")
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """A page of a console that has entered; `page.hand` is its graph."""
    write_log(tmp_path / "log", count=5, segments=2)
    write_run(tmp_path / "runs" / "monday", [True, False, True, True, False, True, False, True])
    going = write_run(tmp_path / "runs" / "tuesday", [True] * 5, total=8, is_open=True)
    if importlib.util.find_spec("pyarrow") is not None:
        write_large_set(tmp_path / "sets" / "cube", episodes=6, length=90)
    hand = HandGraph()
    hand.moment = moment()
    hand.urdfs = {"so101": (ROOT / "urdf" / "so101" / "so101.urdf").read_text(encoding="utf-8")}
    reads = (
        *DataSets([tmp_path / "sets"]).routes(), *RecordReads(tmp_path / "log", tmp_path / "keys").routes(),
        *talked().routes(), *Runs([tmp_path / "runs"]).routes(), *ModelReads(hand.urdf).routes(),
    )  # fmt: skip
    console = Console(hand, reads=reads)
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.hand, page.console_url = hand, console.url
    page.goto(console.addresses[-1])
    page.wait_for_selector(".joint", timeout=60000)
    yield page
    context.close()
    console.close()
    going.__exit__(None, None, None)


def show(page: Any, name: str) -> None:
    page.goto(f"{page.console_url}/#{name}")
    page.wait_for_selector("main h1")


def says(page: Any, words: str, element: str = "stop-state") -> None:
    page.wait_for_function(
        "([id, words]) => document.getElementById(id).textContent.includes(words)", arg=[element, words], timeout=20000
    )


def give_pictures(page: Any) -> None:
    """Give each camera a half of a picture of the documentation."""
    halves = []
    with Image.open(ROOT / "docs" / "images" / "tabletop.png") as whole:
        for left in (0, whole.width // 2):
            stream = io.BytesIO()
            whole.convert("RGB").crop((left, 0, left + whole.width // 2, whole.height)).save(stream, format="JPEG")
            halves.append(stream.getvalue())
    with page.hand.lock:
        page.hand.new_pictures = [Picture(name, 0.03, data) for name, data in zip(("so101/wrist", "overhead"), halves)]


def is_fresh(page: Any) -> bool:
    """Give each camera a picture; return whether the page shows all of them as fresh ones."""
    give_pictures(page)
    return bool(page.evaluate("() => !document.querySelector('.camera .old')"))


def in_3d(page: Any) -> None:
    """Open the part of the page in which the robot is in 3D, and wait until it is drawn."""
    for summary in page.locator("details:not([open]) > summary", has_text="In 3D").all():
        summary.click()
    page.wait_for_function("() => Number(document.querySelector('.scene')?.dataset.drawn ?? 0) > 0", timeout=60000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_page_at_work_has_nothing_that_axe_calls_serious_and_fits(
    page: Any, size: dict[str, int], scheme: str, tmp_path: Path
) -> None:
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    for name in PAGES:
        show(page, name)
        if name in ("live", "drive", "record"):
            wait_for(lambda: page.evaluate("() => document.querySelectorAll('.camera').length") == 2, 20.0)
            wait_for(lambda: page.hand.wanted, 10.0)
            give_pictures(page)
            page.wait_for_function(
                "() => document.querySelectorAll('.camera[data-pictures]').length === 2", timeout=20000
            )
        if name in ("live", "drive", "approvals"):
            in_3d(page)
        elif name in ("data", "audit", "runs"):
            if name == "audit":
                page.fill("#audit-since", "")
                page.get_by_role("button", name="Show").press("Enter")
                page.wait_for_function("() => document.querySelectorAll('main tbody tr').length > 5", timeout=20000)
            page.wait_for_function(
                "() => !['', 'Reading'].includes(document.querySelector('main').textContent.slice(5, 12))"
            )
            page.wait_for_load_state("networkidle")
        assert not serious(page), name
        page.evaluate("() => scrollTo(0, 0)")
        if name in ("live", "drive", "record"):
            wait_for(lambda: is_fresh(page), 20.0, "fresh pictures")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= size["width"], (
            f"{name} is wider than the screen"
        )
        kind = "phone" if size is PHONE else "desktop"
        assert picture(page, f"{name}_{kind}_{scheme}", tmp_path).stat().st_size > 5000


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (moment(robots=[robot(is_latched=True, reason="stop: test")], safety=safety("STOPPED")), "STOPPED, at rest"),
        (moment(robots=[robot(is_latched=True, is_at_rest=False)]), "STOPPED, NOT AT REST: so101"),
        (moment(robots=[robot(is_heard=False, is_latched=True)]), "so101: SILENT"),
        (moment(robots=[robot(is_latched=True), robot(name="other")], safety=safety("STOPPING")), "NOT STOPPED: other"),
        (moment(robots=[]), "No robot is heard"),
        (moment(), "Armed: robots may move"),
    ],
    ids=["stopped", "moving", "silent", "one loose", "no robot", "armed"],
)  # fmt: skip
def test_the_page_says_of_a_stop_what_the_robots_say(page: Any, state: dict[str, Any], words: str) -> None:
    page.hand.moment = state
    says(page, words)


def test_without_safety_node_or_without_a_state_the_page_says_where_the_other_button_is(page: Any) -> None:
    page.hand.moment = moment(safety=None)
    says(page, "safety_node is not heard", "warning")
    says(page, "on the table, left", "warning")
    page.hand.moment = moment()
    page.wait_for_function("() => document.getElementById('warning').hidden", timeout=20000)
    assert page.is_hidden("#warning")


def test_a_press_is_one_stop_by_mouse_by_enter_and_by_space(page: Any) -> None:
    page.get_by_role("button", name="STOP").click()
    wait_for(lambda: len(page.hand.stops) == 1, 10.0)
    page.get_by_role("button", name="STOP").press("Enter")
    wait_for(lambda: len(page.hand.stops) == 2, 10.0)
    page.keyboard.press("Space")
    wait_for(lambda: len(page.hand.stops) == 3, 10.0)
    assert [reason for _, reason, _ in page.hand.stops] == ["stop button of the console"] * 2 + [
        "space bar in the console"
    ]


def test_what_a_robot_or_an_agent_says_is_never_read_as_markup(page: Any) -> None:
    evil = '<img src=x onerror="window.evil = 1"><b>bold</b>'
    request = {**REQUEST, "asker": evil, "words": [evil], "rule": evil}
    log = [{"at": "1", "name": evil, "level": "error", "words": evil}]
    approvals = {"can_approve": True, "requests": [request]}
    page.hand.moment = moment(robots=[robot(holder=evil, reason=evil, is_latched=True)], log=log, approvals=approvals)
    page.wait_for_function("() => document.body.textContent.includes('onerror')", timeout=20000)
    show(page, "approvals")
    page.wait_for_function("() => document.body.textContent.includes('onerror')", timeout=20000)
    assert page.evaluate("() => window.evil") is None and page.locator("main b, main img").count() == 0


def test_a_decision_is_about_the_request_that_was_shown(page: Any) -> None:
    show(page, "approvals")
    page.get_by_label("Passphrase of your key").fill("secret")
    page.get_by_role("button", name="Approve once").press("Enter")
    wait_for(lambda: page.hand.orders, 10.0)
    order = page.hand.orders[0]
    assert (order.request_id, order.digest, order.approve, order.passphrase) == (
        "r1",
        REQUEST["digest"],
        True,
        "secret",
    )
    page.hand.moment = moment(approvals={"can_approve": True, "requests": []})
    page.wait_for_function("() => !document.body.textContent.includes('helper asks')", timeout=20000)


def test_a_failed_recording_shows_its_reason_and_the_form_again(page: Any) -> None:
    show(page, "record")
    assert page.is_hidden("#record-root")
    assert "7 of 10 episodes left" in page.inner_text("main") and "81.2 GB" in page.inner_text("main")
    failure = "recorder_node: no room on the disk; valid: free some, then go on with the data set"
    page.hand.moment = moment(recording={**moment()["recording"], "is_over": True, "failure": failure})
    page.wait_for_selector("#record-root", state="visible", timeout=20000)
    assert failure in page.inner_text("main")


@pytest.mark.parametrize(
    "name",
    [name if name in ("live", "drive", "record") else pytest.param(name, marks=pytest.mark.long) for name in PAGES],
)
def test_a_reload_in_every_state_shows_the_same_state(page: Any, name: str) -> None:
    states = [
        (moment(), "Armed: robots may move"),
        (moment(robots=[robot(is_latched=True, reason="stop: test")], safety=safety("STOPPED")), "STOPPED, at rest"),
        (moment(robots=[robot(is_latched=True, is_at_rest=False)], safety=safety("STOPPED")), "STOPPED, NOT AT REST"),
        (moment(moves={"so101": {"robot": "so101", "is_over": False, "message": "40 percent of the way"}}), "Armed"),
    ]
    show(page, name)
    for state, words in states:
        page.hand.moment = state
        says(page, words)
        page.reload()
        page.wait_for_selector("main h1")
        says(page, words)
    if name == "drive":
        page.wait_for_function("() => document.body.textContent.includes('40 percent of the way')", timeout=20000)
    if name == "record":
        assert "Episode 3 is recorded" in page.inner_text("main") and "7 of 10 episodes left" in page.inner_text("main")
    assert not page.hand.stops and not page.hand.orders and not page.hand.holds, "a reload asks for nothing"


def test_a_dialog_that_was_open_is_gone_after_a_reload_and_nothing_was_resumed(page: Any) -> None:
    page.hand.moment = moment(robots=[robot(is_latched=True)], safety=safety("STOPPED"))
    page.get_by_role("button", name="Resume").click()
    page.get_by_label("Why it is safe to go on").fill("half a reas")
    page.reload()
    says(page, "STOPPED, at rest")
    assert page.locator("dialog[open]").count() == 0 and not page.hand.orders


def test_the_pause_before_an_episode_counts_down_is_held_and_begun(page: Any) -> None:
    show(page, "record")
    recording = {**moment()["recording"], "pause_left": 7.2}
    recorder = {**moment()["recorder"], "state": "ready", "episode": -1}
    page.hand.moment = moment(recording=recording, recorder=recorder)
    page.wait_for_function("() => document.body.textContent.includes('episode 3 begins in 8 s')", timeout=20000)
    for name in ("Pause", "Begin now", "Record the last one again", "Stop"):
        page.locator("main").get_by_role("button", name=name, exact=True).press("Enter")
    wait_for(lambda: len(page.hand.orders) == 4, 10.0)
    assert [order.wish for order in page.hand.orders] == ["pause", "next", "again", "stop"]
    page.hand.moment = moment(recording={**recording, "is_held": True}, recorder=recorder)
    page.wait_for_function("() => document.body.textContent.includes('Paused; episode 3 waits')", timeout=20000)
    assert page.get_by_role("button", name="Let the time go on").get_attribute("aria-pressed") == "true"


def test_a_plan_is_shown_as_a_ghost_before_exactly_it_is_played(page: Any) -> None:
    show(page, "drive")
    in_3d(page)
    page.get_by_role("button", name="To home").press("Enter")
    assert page.input_value("[aria-label='elbow_flex goes to']") == "0.800"
    details = {
        "digest": "ab" * 32,
        "names": ["elbow_flex"],
        "rows": [[0.0], [0.8]],
        "times": [0.0, 1.0],
        "duration": 1.0,
    }
    page.hand.answer = Answer(True, "planned", details)
    assert page.get_by_role("button", name="Move on this plan").is_disabled()
    page.get_by_role("button", name="Show the plan").press("Enter")
    page.wait_for_function("() => document.body.textContent.includes('planned')", timeout=20000)
    drawn = int(page.locator(".scene").get_attribute("data-drawn"))
    wait_for(lambda: int(page.locator(".scene").get_attribute("data-drawn")) > drawn + 3, 20.0, "the ghost moves")
    page.get_by_role("button", name="Move on this plan").press("Enter")
    wait_for(lambda: len(page.hand.orders) == 2, 10.0)
    planned, played = page.hand.orders
    assert planned.positions == {"elbow_flex": 0.8} and (played.robot, played.digest) == ("so101", "ab" * 32)
    assert page.get_by_role("button", name="Move on this plan").is_disabled(), "a plan is played once"


def test_evaluations_are_shown_with_intervals_their_failures_and_a_against_b(page: Any, tmp_path: Path) -> None:
    import scipy.stats  # noqa: F401  The first comparison of a process waits for it.

    show(page, "runs")
    page.get_by_role("link", name="monday").wait_for(timeout=20000)
    text = page.inner_text("main")
    assert "62.5 %" in text and "5 of 8" in text and "running" in text
    page.get_by_role("button", name="Compare").press("Enter")
    page.wait_for_function(
        "() => document.querySelector('main pre')?.textContent.includes('exact McNemar')", timeout=60000
    )
    picture(page, "compare_desktop_light", tmp_path)
    page.get_by_role("link", name="monday").press("Enter")
    page.wait_for_selector(".uplot", timeout=20000)
    picture(page, "run_desktop_light", tmp_path)
    assert page.locator("main video").count() == 3 and not serious(page)


def test_a_server_that_is_gone_is_said_and_found_again_without_a_reload(browser: Any, tmp_path: Path) -> None:
    hand = HandGraph()
    hand.moment = moment()
    first = Console(hand)
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.goto(first.addresses[-1])
    page.wait_for_selector(".joint", timeout=60000)
    page.evaluate("window.mark = 1")
    port, stop_port = first.server.port, first.server.stop_port
    first.close()
    says(page, "NOT HEARD")
    says(page, "on the table, left", "warning")
    second = Console(hand, port=port, stop_port=stop_port)
    says(page, "Armed")
    assert page.evaluate("window.mark") == 1
    context.close()
    second.close()


def test_a_chat_shows_what_was_said_with_the_tools_folded_in_and_asks(page: Any) -> None:
    show(page, "agent")
    page.get_by_text("I open it.").wait_for(timeout=20000)
    assert page.get_by_text("calls set_gripper").is_visible() and not page.get_by_text('"robot": "so101"').is_visible()
    page.get_by_text("calls set_gripper").click()
    assert page.get_by_text('"robot": "so101"').is_visible()
    page.get_by_label("What shall it do?").fill("Close it")
    page.keyboard.press("Control+Enter")
    wait_for(lambda: page.hand.orders, 10.0)
    assert (page.hand.orders[0].agent, page.hand.orders[0].text) == ("helper", "Close it")


def test_bad_episodes_are_seen_in_their_place_taken_out_and_recorded_again(page: Any, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: make setup-learning")
    show(page, "data")
    page.get_by_role("link", name="cube").press("Enter")
    page.get_by_role("link", name="Episode 4").wait_for(timeout=20000)
    page.get_by_role("button", name="Verify").press("Enter")
    page.wait_for_function("() => document.querySelectorAll('.found li').length > 0", timeout=60000)
    assert not serious(page)
    picture(page, "findings_desktop_light", tmp_path)
    page.on("dialog", lambda dialog: dialog.accept())
    for index in (2, 4):
        page.get_by_role("button", name=f"Choose episode {index}").press("Enter")
    page.get_by_role("button", name="Record the chosen again").press("Enter")
    page.wait_for_function("() => document.querySelector('main h1').textContent === 'Record'", timeout=20000)
    assert page.hand.orders[0].episodes == [2, 4]
    page.hand.moment = moment(recording=None)
    page.wait_for_selector("#record-root", state="visible", timeout=20000)
    assert page.input_value("#record-root").endswith("/sets/cube") and page.input_value("#record-mode") == "resume"
    assert page.input_value("#record-task") == "put the cube away" and page.input_value("#record-episodes") == "2"


def test_a_data_set_is_split_and_pushed_from_its_page(page: Any) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: make setup-learning")
    show(page, "data")
    page.get_by_role("link", name="cube").press("Enter")
    page.get_by_label("Parts").fill("train=0:4 rest=4,5")
    page.get_by_role("button", name="Split").press("Enter")
    wait_for(lambda: len(page.hand.orders) == 1, 10.0)
    page.get_by_label("Repository").fill("anna/cube")
    page.get_by_role("button", name="Push").press("Enter")
    wait_for(lambda: len(page.hand.orders) == 2, 10.0)
    split, push = page.hand.orders
    assert split.parts == ["train=0:4", "rest=4,5"] and (push.repo_id, push.private) == ("anna/cube", True)


def test_an_episodes_curves_have_one_time_axis_and_play_without_a_video(page: Any) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: make setup-learning")
    show(page, "data")
    page.get_by_role("link", name="cube").press("Enter")
    page.get_by_role("link", name="Episode 4").press("Enter")
    page.wait_for_function("() => document.querySelectorAll('.uplot').length === 7", timeout=20000)
    page.get_by_role("button", name="Play").press("Enter")
    page.wait_for_function("() => Number(document.getElementById('episode-time').value) > 0.5", timeout=20000)
    page.get_by_role("button", name="Pause").press("Enter")
    assert "frame" in page.inner_text("main") and not serious(page)
