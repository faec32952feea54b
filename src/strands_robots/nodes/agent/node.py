"""agent_node: a language agent with the graph as its hands. Wires prompts, steps, people's decisions and events to its turns."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future
from strands_robots.action import PromptAgent
from strands_robots.msg import AgentEvent, ApprovalRequest, ApprovalState

from strands_robots.agent.conversation.agent_config import load_agent_config
from strands_robots.agent.conversation.turn import Step, Turn, TurnEnd
from strands_robots.agent.conversation.wake import Waker
from strands_robots.agent.conversation.wake_rules import WakeRule
from strands_robots.agent.lerobot.critic_tools import critic_tools
from strands_robots.agent.lerobot.paths import LeRobotFolders
from strands_robots.agent.lerobot.tools import LerobotTools
from strands_robots.agent.strands.models import make_model
from strands_robots.agent.tools.tool_answer import clean
from strands_robots.agent.tools.toolset import Toolset
from strands_robots.audit.log.layout import default_log_folder
from strands_robots.clients.agent_graph import AgentGraph
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.ros_home import ros_home
from strands_robots.core.share import share_directory
from strands_robots.nodes.agent.wake_subscriber import WakeSubscriber
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.goals.goal_owners import GoalOwners
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.agent_messages import end_to_result, step_to_msg
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters

LOOK_PERIOD = 0.1
TELL_PERIOD = 10.0
GRACE = 1.3
"""Longest end of the process [s]: its goals get time to brake."""

_STATES = {
    ApprovalRequest.PENDING: "pending",
    ApprovalRequest.APPROVED: "approved",
    ApprovalRequest.DECLINED: "declined",
    ApprovalRequest.EXPIRED: "expired",
    ApprovalRequest.USED: "used",
}


@dataclass(frozen=True)
class AgentParameters:
    """Parameters of agent_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; for the log.")
    name: str = parameter(
        "agent", "Name of the agent: of its action server <name>/prompt, and agent/<name> for who asks."
    )
    config: str = parameter("", "Configuration, a YAML file; empty for the one that comes with the package.")
    model: str = parameter(
        "", "Model as <provider>/<model id> or <module>:<class>; empty for that of the configuration."
    )
    policy: str = parameter("", "Approval policy; empty for the one that comes with the package.")
    folder: str = parameter(
        "",
        "Folder of conversations and permits; empty for strands_robots/agents/<domain and namespace>/<name> in $ROS_HOME.",
    )
    lerobot_folders: tuple[str, ...] = parameter(
        (), "Folders in which LeRobot's commands may read and write, as tools; empty for no such tools."
    )
    critic_url: str = parameter(
        "",
        "OpenAI-compatible endpoint, up to and with /v1, of a model that grades videos in these folders, as a tool; "
        "empty for no such tool.",
    )


class AgentNode(Node):
    """Turns run in a thread of their own; the executor only takes goals, messages and timers."""

    def __init__(self) -> None:
        super().__init__("agent_node")
        given = read_parameters(self, AgentParameters)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,31}", given.name):
            raise ConfigurationError(
                f"name '{clean(given.name, 80)}' cannot be used; valid: letters, digits and _, a letter first"
            )
        config = load_agent_config(_path(given.config) or share_directory() / "config" / "agent.yaml", given.model)
        model = make_model(config.model.provider, config.model.settings)
        # Strands is imported here, so that its absence is said in one line.
        from strands_robots.agent.conversation.conversations import Conversations
        from strands_robots.agent.conversation.turns import TurnRunner

        self._audit = audit_of(self)
        self._approvals: dict[str, str] = {}
        self._sequences: dict[str, int] = {}
        self._handles: dict[str, ServerGoalHandle] = {}
        self._publisher = self.create_publisher(AgentEvent, f"{given.name}/events", qos.AGENT_EVENTS)
        self.create_subscription(ApprovalState, "approvals/state", self._on_approvals, qos.STATE)
        folder = _path(given.folder) or _own_folder(self.get_namespace(), given.name)
        tools = self._make_tools(given, folder)
        self._turns = TurnRunner(
            Conversations(config, model, tools, folder), tools, lambda number: self._approvals.get(number, ""),
            config.limits, self._tell,
        )  # fmt: skip
        self._waker = Waker(config.wake, time.monotonic, self._is_known)
        WakeSubscriber(self, config.wake.rules, self._waker.event)
        self._serve(f"{given.name}/prompt")
        self.get_logger().info(
            f"agent '{given.name}' with {config.model.provider} and {len(tools.names())} tools, "
            f"{len(config.wake.rules)} wake rules, run '{given.run_id}'"
        )

    def _make_tools(self, given: AgentParameters, folder: Path) -> Toolset:
        """Connect to the graph, and return its tools, LeRobot's where folders are given for them, and the critic's where it is named."""
        policy = _path(given.policy) or share_directory() / "config" / "approval_policy.yaml"
        self._graph = AgentGraph(self.get_namespace(), given.name, policy, folder / "permits", own_nodes=2)
        folders = [Path(entry).expanduser() for entry in given.lerobot_folders]
        kept_out = (policy, ros_home() / "strands_robots")
        workspace = LeRobotFolders(folders, kept_out) if folders else None
        self._lerobot = [LerobotTools(self._graph, workspace)] if workspace is not None else []
        return Toolset(self._graph, [*self._lerobot, *critic_tools(self._graph, workspace, given.critic_url)])

    def _serve(self, name: str) -> None:
        self._server = ActionServer(
            self, PromptAgent, name, self._execute, cancel_callback=self._on_cancel,
            goal_callback=lambda goal: GoalResponse.ACCEPT, feedback_pub_qos_profile=qos.AGENT_EVENTS,
        )  # fmt: skip
        GoalOwners(self, lambda: list(self._handles), self._on_lost_client)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(LOOK_PERIOD, self._look, clock=steady)
        self.create_timer(TELL_PERIOD, self._tell_dropped, clock=steady)

    def destroy_node(self) -> None:
        """Cancel the turn and every goal of the agent, then end the node."""
        self._turns.close(0.6)
        for family in self._lerobot:
            family.close()
        self._graph.close()
        self._server.destroy()
        self._audit.close(0.1)
        super().destroy_node()

    # --- prompts -------------------------------------------------------------------------------------------------------

    async def _execute(self, handle: ServerGoalHandle) -> PromptAgent.Result:
        from strands_robots.agent.conversation.conversations import check_session

        request = handle.request
        source = clean(request.source, 128) or "external/unnamed"
        turn_id = bytes(handle.goal_id.uuid).hex()
        self._handles[turn_id] = handle
        try:
            turn = Turn(request.prompt, source, check_session(request.session), turn_id=turn_id)
            end = await self._begun(turn, request.take_over)
        except StrandsRobotsError as error:
            end = TurnEnd("refused", str(error))
        finally:
            del self._handles[turn_id]
        if end.is_answered:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return end_to_result(end)

    def _begun(self, turn: Turn, take_over: bool = False) -> Future[TurnEnd]:
        """Begin a turn and return the future of its end."""
        done: Future[TurnEnd] = Future()
        details = {
            "turn": turn.turn_id,
            "session": turn.session,
            "prompt": clean(turn.prompt, 2000),
            "depth": turn.depth,
        }
        self._audit.record("agent_prompt", details, actor=turn.source)
        busy = self._turns.begin(turn, lambda end: self._on_end(turn, end, done), take_over)
        if busy:
            done.set_result(TurnEnd("busy", busy))
        else:
            self._waker.turn_begins(turn.depth)
        return done

    def _on_end(self, turn: Turn, end: TurnEnd, done: Future[TurnEnd]) -> None:
        """Called by the agent's thread."""
        details = {
            "turn": turn.turn_id,
            "termination_reason": end.reason,
            "message": "" if end.is_answered else clean(end.message, 512),
            "tool_calls": end.tool_calls,
            "input_tokens": end.input_tokens,
            "output_tokens": end.output_tokens,
            "elapsed": end.elapsed,
        }
        self._audit.record("agent_turn_end", details, actor=turn.source)
        if not end.is_answered:
            self.get_logger().warning(f"turn of {turn.source} ended '{end.reason}': {clean(end.message, 500)}")
        done.set_result(end)
        if self.executor is not None:
            self.executor.wake()

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        self._turns.cancel(bytes(handle.goal_id.uuid).hex(), "cancelled by the client that asked")
        return CancelResponse.ACCEPT

    def _on_lost_client(self, turn_id: str) -> None:
        self._turns.cancel(turn_id, "its client is gone")

    def _tell(self, turn: Turn, step: Step) -> None:
        """Publish a step; called by the agent's thread."""
        sequence = self._sequences.get(turn.turn_id, 0)
        self._sequences = {turn.turn_id: sequence + 1}
        message = step_to_msg(turn.turn_id, sequence, step)
        self._publisher.publish(message)
        handle = self._handles.get(turn.turn_id)
        if handle is not None:
            handle.publish_feedback(PromptAgent.Feedback(event=message))

    # --- people and events -----------------------------------------------------------------------------------------------

    def _on_approvals(self, message: ApprovalState) -> None:
        self._approvals = {entry.request_id: _STATES.get(entry.state, "") for entry in message.requests}

    def _look(self) -> None:
        """Begin the turn of an event when the agent is free."""
        if self._turns.is_busy or self._graph.goals.is_running():
            self._waker.is_active()
        if self._turns.is_busy:
            return
        wake = self._waker.next()
        if wake is not None:
            rule: WakeRule = wake.rule
            self._audit.record("agent_wake", {"rule": rule.name, "depth": wake.depth})
            self._begun(Turn(wake.prompt, f"event/{rule.name}", rule.session, wake.depth))

    def _is_known(self, data: dict[str, Any]) -> bool:
        return self._graph.goals.is_told(str(data.get("goal_id", "")))

    def _tell_dropped(self) -> None:
        for (rule, why), count in self._waker.take_dropped().items():
            self._audit.record("agent_wake_dropped", {"rule": rule, "why": why, "count": count})
            self.get_logger().warning(f"rule '{rule}' did not wake the agent {count} times: {why}")


def _own_folder(namespace: str, name: str) -> Path:
    """Return where an agent keeps its own: two graphs of a machine never share it."""
    return ros_home() / "strands_robots" / "agents" / default_log_folder(os.environ, namespace).name / name


def _path(given: str) -> Path | None:
    return Path(given).expanduser() if given else None


def main() -> int:
    """Run agent_node until a signal."""
    make: Callable[[], Node] = AgentNode
    return run_node(make, grace=GRACE, has_pictures=True)
