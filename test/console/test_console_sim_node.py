"""The console as `strands-robots sim --console` starts it: a plan is shown before exactly it is played, and an agent is talked with."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from graph import Client, wait_for

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install -r requirements/console.txt")
pytest.importorskip("strands", reason="strands-agents is not installed")
import httpx
from drivers.simulated_bus import SimulatedBus
from strands_robots.msg import PlanningScene, PlanningShape
from strands_robots.srv import RequestApproval
from system.simulation import Simulation

from strands_robots.approvals.approval_request import canonical_request
from strands_robots.approvals.permits import Asker
from strands_robots.clients.approval_client import ask_to_msg
from strands_robots.ros.messages import qos

from .test_console_node import Tab

pytestmark = pytest.mark.long

SCRIPTS = Path(__file__).resolve().parents[1] / "agent"


class Page:
    """A simulation with a console, and a page of it without a browser."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        model = {"provider": "scripted_agent:ScriptedAgent", "settings": {"root": str(folder / "unused")}}
        (folder / "agent.yaml").write_text(yaml.safe_dump({"version": 1, "model": model}), encoding="ascii")
        path = os.pathsep.join(filter(None, (str(SCRIPTS), os.environ.get("PYTHONPATH", ""))))
        self.simulation = Simulation(
            folder, "--cameras", "--camera-rate", "10", "--agent", str(folder / "agent.yaml"), "--approvals", "--console",
            "--console-port", str(port), PYTHONPATH=path,
        )  # fmt: skip
        found = wait_for(
            lambda: re.search(r"open (http://\S+)(/enter\S+)", self.simulation.output), 120.0, "the address"
        )
        self.http = httpx.Client(base_url=found[1], timeout=60.0, headers={"Origin": found[1]})
        assert self.http.get(found[2]).status_code == 200
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        token = self.http.get("/session").json()["token"]
        self.http.headers["X-Console-Token"] = token
        self.tab = Tab(found[1], cookie, token)
        self.tab.until(lambda tab: tab.robot().get("joints") and not tab.robot()["is_latched"], 60.0)

    def order(self, name: str, **fields: Any) -> dict[str, Any]:
        return dict(self.http.post(f"/do/{name}", json=fields).json())

    def turn(self, timeout: float) -> dict[str, Any]:
        """Return the newest turn once it is over."""
        wait_for(lambda: self.http.get("/chat").json()["turns"][-1]["is_over"], timeout, "the end of the turn")
        return dict(self.http.get("/chat").json()["turns"][-1])

    def joint(self, name: str) -> float:
        return float(next(joint["position"] for joint in self.tab.robot()["joints"] if joint["name"] == name))

    def close(self) -> None:
        self.tab.close()
        self.http.close()
        self.simulation.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    made = Page(tmp_path_factory.mktemp("console"))
    yield made
    made.close()


def test_the_robot_is_drawn_from_what_the_graph_publishes(page: Page) -> None:
    page.tab.until(lambda tab: tab.robot()["model"], 30.0)
    model = page.http.get("/robot/so101/model").json()
    joints = {joint["name"] for joint in model["joints"] if joint["type"] != "fixed"}
    assert joints == {joint["name"] for joint in page.tab.robot()["joints"]}
    assert sum(len(link["shapes"]) for link in model["links"]) > 100


def test_a_plan_moves_nothing_until_exactly_it_is_played(page: Page) -> None:
    before = page.joint("shoulder_pan")
    goal = before + 0.4
    planned = page.order("plan", robot="so101", positions={"shoulder_pan": goal}, speed=0.5)
    assert planned["is_done"], planned
    plan = planned["details"]
    column = plan["names"].index("shoulder_pan")
    assert plan["rows"][-1][column] == pytest.approx(goal, abs=0.02) and plan["times"][-1] == pytest.approx(
        plan["duration"]
    )
    page.tab.until(lambda tab: tab.state)
    assert page.joint("shoulder_pan") == pytest.approx(before, abs=0.01), "planning moves nothing"
    assert page.order("play_plan", robot="so101", digest="0" * 64)["is_done"], "it is asked for"
    page.tab.until(lambda tab: tab.state["moves"].get("so101", {}).get("is_over"))
    assert "refused" in page.tab.state["moves"]["so101"]["message"], "another digest is no plan"
    assert page.order("play_plan", robot="so101", digest=plan["digest"])["is_done"]
    page.tab.until(
        lambda tab: tab.state["moves"]["so101"]["is_over"] and "reached" in tab.state["moves"]["so101"]["message"]
    )
    page.tab.until(lambda tab: abs(page.joint("shoulder_pan") - goal) < 0.03)


def test_an_agents_goal_is_planned_before_it_is_decided_and_the_world_around_is_told(page: Page) -> None:
    client = Client(page.simulation.domain)
    before = page.joint("shoulder_lift")
    fields = {"robot": "so101", "joint_names": ["shoulder_lift"], "positions": [before + 0.3], "speed_scale": 0.5}
    kind = "strands_robots/action/MoveTo"
    request = ask_to_msg(canonical_request("move_to", kind, fields), Asker("agent/helper", "s1"))
    asked = client.call(RequestApproval, "approvals/request", request)
    assert asked.answer == RequestApproval.Response.WAITING, asked
    page.tab.until(lambda tab: (tab.state["approvals"] or {}).get("requests"), 30.0)
    shown = page.tab.state["approvals"]["requests"][0]
    planned = page.order("plan_request", request_id=shown["id"], digest=shown["digest"])
    assert planned["is_done"] and "names no planner" in planned["message"], planned
    plan = planned["details"]
    assert plan["rows"][-1][plan["names"].index("shoulder_lift")] == pytest.approx(before + 0.3, abs=0.02)
    assert plan["duration"] > 0.2 and len(plan["digest"]) == 64
    other = page.order("plan_request", request_id=shown["id"], digest="0" * 64)
    assert "not the one that the page showed" in other["message"]
    page.tab.until(lambda tab: tab.state)
    assert page.joint("shoulder_lift") == pytest.approx(before, abs=0.01), "nothing has moved"
    play = "strands_robots/action/ExecutePlan"
    for digest, says in ((plan["digest"], "nothing else is played"), ("0" * 64, "no plan with digest")):
        asking = canonical_request("execute_plan", play, {"robot": "so101", "digest": digest})
        asked = client.call(RequestApproval, "approvals/request", ask_to_msg(asking, Asker("agent/helper", "s1")))
        assert asked.answer == RequestApproval.Response.WAITING, asked

        def shown_now(tab: Tab, wanted: str = asking.digest) -> list[dict[str, Any]]:
            return [one for one in tab.state["approvals"]["requests"] if one["digest"] == wanted]

        page.tab.until(lambda tab: shown_now(tab), 30.0)
        shown = shown_now(page.tab)[0]
        kept = page.order("plan_request", request_id=shown["id"], digest=shown["digest"])
        assert kept["is_done"] is (digest == plan["digest"]) and says in kept["message"], kept
        if kept["is_done"]:
            assert kept["details"] == plan, "the plan itself is shown"
    client.close()
    base = page.http.get("/robot/so101/base").json()
    assert len(base["xyz"]) == 3 and base["quaternion"] == pytest.approx([0.0, 0.0, 0.0, 1.0], abs=1e-6)
    assert "valid: so101" in page.http.get("/robot/other/base").json()["message"]

    def around(tab: Tab) -> dict[str, Any]:
        return dict(page.http.get("/scene").json()["shapes"])

    page.tab.until(around, 20.0)
    shape = next(iter(around(page.tab).values()))
    assert shape["kind"] in ("box", "ellipsoid", "cylinder", "triangles") and len(shape["size"]) == 3


def test_what_a_source_tells_planners_is_shown_in_the_robots_frame_and_goes_when_it_is_gone(page: Page) -> None:
    client = Client(page.simulation.domain)
    scenes = client.create_publisher(PlanningScene, "so101/planning_scene", qos.DESCRIPTION)
    crate = PlanningShape(name="crate", kind="box", size=[0.1, 0.05, 0.05])
    crate.pose.position.x, crate.pose.orientation.w = 0.3, 1.0

    def shown(*shapes: PlanningShape) -> list[dict[str, Any]]:
        scenes.publish(PlanningScene(shapes=list(shapes)))
        wanted = [[2.0 * half for half in shape.size] for shape in shapes]

        def told(tab: Tab) -> bool:
            found = page.http.get("/robot/so101/around").json()["shapes"].values()
            return [one["size"] for one in found] == wanted

        page.tab.until(told, 30.0)
        return list(page.http.get("/robot/so101/around").json()["shapes"].values())

    (box,) = shown(crate)
    assert (box["kind"], box["link"], box["xyz"]) == ("box", "base_link", [0.3, 0.0, 0.0])
    assert not page.http.get("/robot/other/around").json()["shapes"]
    assert not shown(), "each message replaces the one before it"
    client.close()


def test_an_agent_is_talked_with_and_its_tools_are_in_the_conversation(page: Page) -> None:
    page.tab.until(lambda tab: tab.state["agents"] == ["agent"], 60.0)
    assert page.order("prompt", agent="agent", text="look around")["is_done"]
    turn = page.turn(90.0)
    kinds = [step["kind"] for step in turn["steps"]]
    assert kinds == ["TEXT", "TOOL_CALL", "TOOL_RESULT", "TEXT"], turn
    assert turn["steps"][1]["name"] == "look" and turn["reason"] == "answered" and turn["steps"][-1]["text"] == "done."


def test_a_turn_that_hangs_is_ended_and_an_agent_that_is_not_there_is_said(page: Page) -> None:
    assert page.order("prompt", agent="agent", text="hang")["is_done"]
    assert "a turn runs" in page.order("prompt", agent="agent", text="more")["message"]
    assert page.order("cancel_prompt")["is_done"]
    assert page.turn(30.0)["reason"] == "cancelled"
    assert page.order("prompt", agent="other", text="look")["is_done"]
    assert "other/prompt" in page.turn(30.0)["message"]


@pytest.mark.learning
def test_an_arm_is_calibrated_beside_the_graph_and_a_second_page_is_told_what_runs(page: Page, tmp_path: Path) -> None:
    pytest.importorskip("lerobot", reason="LeRobot is not installed: make setup-learning")
    assert (
        "does not exist; found:" in page.order("calibrate", robot="so101", port="/dev/nothing", arm="mine")["message"]
    )
    assert "exactly one" in page.order("calibrate", port="/dev/nothing", arm="mine")["message"]
    bus = SimulatedBus(tmp_path, (2047,) * 6, "--no-calibrated")
    try:
        given = {"leader": "so101_leader", "port": bus.port, "arm": "console_test"}
        assert page.order("calibrate", **given)["is_done"]
        assert "runs; valid: end it first" in page.order("calibrate", **given)["message"]
        page.tab.until(lambda tab: (tab.state["calibration"] or {}).get("step") in ("middle", "file"), 120.0)
        assert (
            set(bus.torque()) == {"0"} and "counts at 'ranges'" in page.order("calibrate_wish", wish="save")["message"]
        )
        assert page.order("calibrate_wish", wish="cancel")["is_done"]
        page.tab.until(lambda tab: tab.state["calibration"]["is_over"], 30.0)
        assert "the file is as it was" in page.tab.state["calibration"]["failure"]
    finally:
        bus.close()
