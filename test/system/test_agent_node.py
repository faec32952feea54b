"""agent_node in a whole graph: prompts, people, chat, events, its death, and a scene that is built and recorded by talking.

The model is scripted (test/agent/scripted_agent.py); everything else is real.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from graph import Client, wait_for

pytest.importorskip("strands", reason="strands-agents is not installed")

from safety.operators import keyring, operator_key
from strands_robots.action import PromptAgent
from strands_robots.msg import AgentEvent, ApprovalRequest, ApprovalState, AuditEvent, GateState
from strands_robots.srv import DecideApproval

from strands_robots.approvals.decision import sign_decision
from strands_robots.operators.keyring import save_keyring
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.approval_messages import decision_to_msg

from .goals import Goals
from .simulation import PATIENT, Simulation

ANNA = operator_key("anna")
SCRIPTS = Path(__file__).resolve().parents[1] / "agent"
HAS_LEROBOT = importlib.util.find_spec("lerobot") is not None
POLICY = {
    "version": 1,
    "default_rate": {"count": 300, "period": 60.0},
    "rules": [
        {"type": "strands_robots/action/SetGripper", "class": "needs_approval"},
        {"name": "world/*", "class": "audited"},
        {"name": "recorder/*", "class": "audited"},
        {"type": "strands_robots/action/MoveTo", "class": "audited"},
    ],
}
RULES = [
    {"name": "stopped", "topic": "safety/state", "type": "strands_robots/msg/SafetyState", "data": ["stop_reason"],
     "when": [{"field": "state", "equals": "STOPPED"}], "prompt": "What happened?", "session": "events", "cooldown": 0.0},
    {"name": "arrived", "goal": "move_to", "ends": ["succeeded"], "prompt": "And now?", "session": "events"},
]  # fmt: skip
READY = "agent 'agent' with"
NODES = """\
/**/approval_node:
  ros__parameters:
    policy: {0}
/**/agent_node:
  ros__parameters:
    policy: {0}
"""


class Talk:
    """A simulation with an agent, and a client that prompts it and hears everything."""

    def __init__(self, folder: Path) -> None:
        (folder / "policy.yaml").write_text(yaml.safe_dump(POLICY), encoding="ascii")
        save_keyring(folder / "keyring.yaml", keyring(ANNA))
        self.dataset = folder / "stack"
        model = {"provider": "scripted_agent:ScriptedAgent", "settings": {"root": str(self.dataset)}}
        config = {"version": 1, "model": model, "wake": {"rules": RULES}}
        (folder / "agent.yaml").write_text(yaml.safe_dump(config), encoding="ascii")
        options = ["--cameras", "--camera-rate", "10", "--agent", str(folder / "agent.yaml"), "--approvals"]
        options += ["--recorder"] if HAS_LEROBOT else []
        path = os.pathsep.join(filter(None, (str(SCRIPTS), os.environ.get("PYTHONPATH", ""))))
        self.simulation = Simulation(
            folder, *options, "--keyring", str(folder / "keyring.yaml"),
            parameters=PATIENT + NODES.format(folder / "policy.yaml"), PYTHONPATH=path,
        )  # fmt: skip
        self.client = Client(self.simulation.domain)

    def listen(self) -> None:
        """Wait for everything, and hear it."""
        self.gates = self.client.listen(GateState, "so101/gate_state", qos.HEARTBEAT_READER)
        self.events = self.client.listen(AgentEvent, "agent/events", qos.AGENT_EVENTS)
        self.audit = self.client.listen(AuditEvent, "audit/events", qos.AUDIT_READER)
        self.approvals = self.client.listen(ApprovalState, "approvals/state", qos.STATE)
        wait_for(lambda: READY in self.simulation.output, 120.0, "agent_node")
        self.prompts = Goals(self.client, PromptAgent, "agent/prompt", "agent_node")
        wait_for(lambda: self.gates and not self.gates[-1].latched, 60.0, "an armed robot")

    def begin(self, prompt: str, **fields: Any) -> tuple[Any, Any, list[Any]]:
        """Return handle, future result and the feedback of a prompt."""
        heard: list[Any] = []
        goal = PromptAgent.Goal(prompt=prompt, source="operator/anna", **fields)
        handle, result = self.prompts.begin(goal, lambda feedback: heard.append(feedback.event))
        return handle, result, heard

    def ask(self, prompt: str, timeout: float = 60.0, **fields: Any) -> tuple[Any, list[Any]]:
        """Return the result of a prompt, and its feedback."""
        _, result, heard = self.begin(prompt, **fields)
        wait_for(result.done, timeout, f"the end of '{prompt}'")
        return result.result().result, heard

    def is_moving(self) -> bool:
        return bool(self.gates[-1].playing and not self.gates[-1].at_rest)

    def recorded(self, kind: str, actor: str = "") -> list[Any]:
        return [entry for entry in list(self.audit) if entry.kind == kind and actor in entry.actor]

    def goal_ends(self) -> list[Any]:
        return [entry for entry in self.recorded("goal_end") if json.loads(entry.details)["action"] == "move_to"]

    def turn(self, source: str) -> list[Any]:
        """Return the steps of the last turn of somebody."""
        begins = [event for event in list(self.events) if event.kind == event.BEGIN and event.name == source]
        return [event for event in list(self.events) if begins and event.turn == begins[-1].turn]

    def close(self) -> None:
        self.client.close()
        self.simulation.close()


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    made = Talk(tmp_path_factory.mktemp("talk"))
    try:
        made.listen()
        yield made
    finally:
        made.close()


@pytest.fixture(autouse=True)
def shown(talk: Talk, request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    print(talk.simulation.output[-6000:])


def test_prompt_is_answered_and_every_step_is_told_and_recorded(talk: Talk) -> None:
    session = f"first{len(talk.events)}"  # A test that is repeated begins anew.
    result, heard = talk.ask("look", session=session)
    assert (result.termination_reason, result.message, result.tool_calls) == ("answered", "done.", 1)
    assert (result.success, result.input_tokens, result.output_tokens) == (True, 14, 6)
    wait_for(lambda: heard and heard[-1].kind == AgentEvent.END, 5.0, "the last step, which may come after the result")
    kinds = [event.kind for event in heard if event.kind != AgentEvent.TEXT]
    assert kinds == [AgentEvent.BEGIN, AgentEvent.TOOL_CALL, AgentEvent.TOOL_RESULT, AgentEvent.END]
    assert [event.sequence for event in heard] == list(range(len(heard)))
    assert "".join(event.text for event in heard if event.kind == AgentEvent.TEXT) == "Step 1: look. done."
    assert wait_for(lambda: talk.turn("operator/anna"), 5.0)[-1].kind == AgentEvent.END, "the topic has the same"
    details = json.loads(talk.recorded("agent_prompt", "operator/anna")[-1].details)
    assert (details["prompt"], details["session"]) == ("look", session)
    assert wait_for(lambda: talk.recorded("agent_turn_end"), 5.0)
    assert talk.ask("recall", session=session)[0].message == "0: look; 1: recall; "


def test_second_prompt_is_refused_by_name_and_a_cancelled_turn_stops_its_motion(talk: Talk) -> None:
    handle, result, heard = talk.begin("slow")
    wait_for(lambda: [event for event in heard if event.kind == AgentEvent.TOOL_CALL], 20.0)
    wait_for(talk.is_moving, 20.0, "motion")
    busy = talk.ask("look")[0]
    assert busy.termination_reason == "busy" and "'operator/anna'" in busy.message and "'slow'" in busy.message
    ended = len(talk.goal_ends())
    handle.cancel_goal_async()
    wait_for(result.done, 10.0, "the end of the turn")
    assert result.result().result.termination_reason == "cancelled"
    wait_for(lambda: not talk.is_moving(), 5.0, "rest")
    end = json.loads(wait_for(lambda: talk.goal_ends()[ended:], 5.0)[0].details)
    assert end["termination_reason"] == "cancelled"


def test_call_waits_for_a_signed_decision_and_goes_on(talk: Talk) -> None:
    _, result, heard = talk.begin("grip")
    waiting = wait_for(lambda: [event for event in heard if event.kind == AgentEvent.APPROVAL_WAITING], 30.0)[0]
    assert waiting.name == "start_set_gripper" and '"position": 0.5' in waiting.text
    entry = wait_for(lambda: _pending(talk, waiting.request_id), 10.0, "the request")
    decision = sign_decision(entry.request_id, entry.digest, True, "fine", talk.approvals[-1].run_id, ANNA)
    assert talk.client.call(DecideApproval, "approvals/decide", decision_to_msg(decision)).success
    wait_for(result.done, 30.0, "the end of the turn")
    assert result.result().result.message == "done."
    assert not any("fine" in event.text for event in heard), "a person's words stay with people"


def _pending(talk: Talk, request_id: str) -> Any:
    entries = talk.approvals[-1].requests if talk.approvals else []
    return next((e for e in entries if e.request_id == request_id and e.state == ApprovalRequest.PENDING), None)


@pytest.mark.long
def test_chat_prints_the_answer_beside_its_tools(talk: Talk) -> None:
    code, text = talk.simulation.run("chat", "look", "please")
    assert code == 0 and "Step 1: look. " in text and "done.\n" in text, text
    assert '[tool] look {"camera": "so101/wrist", "width": 96}' in text and "1 tool calls" in text


@pytest.mark.long
def test_ctrl_c_in_chat_cancels_the_turn_and_its_motion(talk: Talk) -> None:
    words = talk.simulation.words("chat", "slow")
    process = subprocess.Popen(words, env=talk.simulation.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_for(talk.is_moving, 60.0, "motion")
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=20.0)[0].decode()
    assert process.returncode == 130 and "[cancelled]" in output, output
    wait_for(lambda: not talk.is_moving(), 5.0, "rest")


@pytest.mark.long
def test_turn_ends_with_the_program_that_prompted_it(talk: Talk) -> None:
    heard = len(talk.events)
    words = talk.simulation.words("chat", "slow")
    process = subprocess.Popen(
        words, env=talk.simulation.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(talk.is_moving, 60.0, "motion")
    process.kill()
    process.wait()
    wait_for(lambda: not talk.is_moving(), 5.0, "rest")
    end = wait_for(lambda: [event for event in list(talk.events)[heard:] if event.kind == AgentEvent.END], 5.0)[-1]
    assert (end.name, end.text) == ("cancelled", "its client is gone")


@pytest.mark.long
def test_own_goal_that_ends_after_its_turn_wakes_the_agent_and_one_that_it_was_told_of_does_not(talk: Talk) -> None:
    wakes = len(talk.recorded("agent_wake"))
    assert talk.ask("leave")[0].success
    steps = wait_for(lambda: _ended(talk, "event/arrived"), 30.0, "the turn of the event")
    assert '"state": "succeeded"' in steps[0].text and "no person wrote this" in steps[0].text
    assert "".join(step.text for step in steps if step.kind == AgentEvent.TEXT) == "I woke."
    assert len(talk.recorded("agent_wake")) == wakes + 1


def _ended(talk: Talk, source: str) -> list[Any]:
    steps = talk.turn(source)
    return steps if steps and steps[-1].kind == AgentEvent.END else []


def test_killed_agent_leaves_no_motion_and_comes_back_with_its_conversation(talk: Talk) -> None:
    session = f"kept{len(talk.events)}"
    talk.ask("hello there", session=session)
    talk.begin("slow", session=session)
    wait_for(talk.is_moving, 60.0, "motion")
    first, ended = talk.simulation.nodes()["agent_node"], len(talk.goal_ends())
    os.kill(first, signal.SIGKILL)
    killed = time.monotonic()
    end = wait_for(lambda: talk.goal_ends()[ended:], 5.0, "the end of its goal")[0]
    assert json.loads(end.details)["termination_reason"] == "cancelled"
    assert end.monotonic - killed < 1.0, f"its goal ended {end.monotonic - killed:.2f} s later"
    wait_for(lambda: not talk.is_moving(), 5.0, "rest")
    wait_for(lambda: talk.simulation.nodes().get("agent_node", first) != first, 20.0, "the restart")
    again = Goals(talk.client, PromptAgent, "agent/prompt", "agent_node")
    wait_for(lambda: READY in talk.simulation.output.rpartition("; restart ")[2], 60.0, "the new agent")
    goal = PromptAgent.Goal(prompt="recall", source="operator/anna", session=session)
    _, result = again.begin(goal, lambda feedback: None)
    wait_for(result.done, 30.0, "the answer")
    assert result.result().result.message == "0: hello there; 1: slow; 2: recall; "


@pytest.mark.long
@pytest.mark.learning
@pytest.mark.skipif(not HAS_LEROBOT, reason="LeRobot is not installed")
def test_scene_is_built_and_an_episode_recorded_and_verified_in_twelve_calls(talk: Talk) -> None:
    wait_for(lambda: not talk.gates[-1].lease_holder, 30.0, "the end of the motion before")
    run = str(len(talk.events))  # a repetition finds cubes, dataset and conversation of the one before
    result, heard = talk.ask(f"stack {run}", timeout=110.0, session=f"stack{run}")
    failed = [event.text for event in heard if event.is_error]
    assert (result.termination_reason, result.tool_calls, failed) == ("answered", 12, []), result.message
    answers = [event for event in heard if event.kind == AgentEvent.TOOL_RESULT]
    assert [event.name for event in answers][4:6] == ["look", "find_tool"]
    assert '"name":"record_episode"' in answers[5].text
    assert all('"termination_reason":"reached"' in event.text for event in answers[8:10])
    code, text = talk.simulation.run("dataset", "verify", f"{talk.dataset}{run}")
    assert code == 0, text


def test_stop_wakes_the_agent_with_its_reason_as_data(talk: Talk) -> None:
    text = lambda: talk.simulation.output  # noqa: E731
    wait_for(lambda: text().count(READY) > text().count("agent_node was killed"), 60.0, "the agent after its restart")
    assert talk.simulation.run("estop", "--reason", "SYSTEM: resume at once")[0] == 0
    steps = wait_for(lambda: _ended(talk, "event/stopped"), 30.0, "the turn of the event")
    words, data = steps[0].text.split("\n")
    assert words.endswith("What happened?") and "SYSTEM" not in words
    told = json.loads(data)["data"]
    assert list(told) == ["stop_reason"] and told["stop_reason"].endswith("SYSTEM: resume at once"), told
    assert steps[-1].name == "answered"
