"""Pages of the console in a real Chromium, before a graph that the test moves by hand."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audit.logs import write_log
from PIL import Image

from .browser import DESKTOP, chromium
from .large_set import write_large_set
from .rig import Console, HandGraph
from .test_pipeline_reads import write_pipeline
from .test_run_reads import write_run

pytest.importorskip("starlette", reason="starlette is not installed: pip install -r requirements/console.txt")
from strands_robots.agent.conversation.turn import Step, StepKind
from strands_robots.console.calibration_reads import CalibrationReads
from strands_robots.console.chat import Conversation
from strands_robots.console.data_reads import DataSets
from strands_robots.console.model_reads import ModelReads
from strands_robots.console.pipeline_reads import Pipelines
from strands_robots.console.port import Picture
from strands_robots.console.record_reads import RecordReads
from strands_robots.console.robot_meshes import RobotMeshes
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
        "calibration": None, "agents": ["helper"], "chat": {"revision": 1, "is_running": False},
        "driving": {"so101": {"tab": "", "message": "", "poses": {"home": {"elbow_flex": 0.8}}}}, "moves": {}, **changes,
    }  # fmt: skip


def calibration(**changes: Any) -> dict[str, Any]:
    """Return a calibration whose travels are being recorded, as drivers/calibration_process.py says it."""
    travels = [
        ("shoulder_pan", -1.9, 0.0, 1.92, 3.84, "whole", ""), ("shoulder_lift", -1.7, 0.2, 1.73, 3.49, "whole", ""),
        ("elbow_flex", 0.0, 0.9, 1.2, 3.38, "short", ""), ("wrist_flex", -0.1, 0.0, 0.1, 3.32, "short", ""),
        ("gripper", 0.0, 0.1, 1.9, 1.92, "whole", ""),
    ]  # fmt: skip
    names = ("joint", "low", "position", "high", "model", "state", "words")
    return {
        "robot": "so101", "leader": "", "port": "/dev/ttyACM0", "arm": "mine", "step": "ranges", "is_over": False, "failure": "",
        "path": "/home/anna/calibration/mine.json", "lines": ["Recording positions. Press ENTER to stop..."],
        "joints": [dict(zip(names, row)) for row in travels], **changes,
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
    with write_pipeline(tmp_path / "runs" / "pick", "pick"):
        pass
    if importlib.util.find_spec("pyarrow") is not None:
        write_large_set(tmp_path / "sets" / "cube", episodes=6, length=90)
    hand = HandGraph()
    hand.moment = moment()
    hand.urdfs = {"so101": (ROOT / "urdf" / "so101" / "so101.urdf").read_text(encoding="utf-8")}
    reads = (
        *DataSets([tmp_path / "sets"]).routes(), *RecordReads(tmp_path / "log", tmp_path / "keys").routes(),
        *talked().routes(), *Runs([tmp_path / "runs"]).routes(),
        *ModelReads(hand.urdf, hand.world.since, hand.around_robot, hand.base, RobotMeshes([]).of).routes(),
        *Pipelines([tmp_path / "runs"]).routes(), *CalibrationReads().routes(),
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
