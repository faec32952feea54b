"""policy_node: the action server run_policy, one goal for each robot.

Inference and waiting happen in the goals' own threads.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.task import Future
from strands_robots.action import RunPolicy

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError, UnknownNameError
from strands_robots.core.futures import log_mistake
from strands_robots.core.names import is_graph_name
from strands_robots.core.stepping import LOCKSTEP
from strands_robots.core.types import Instant
from strands_robots.nodes.policy.policy_audit import PolicyAudit
from strands_robots.nodes.policy.policy_catalogue import PolicyCatalogue
from strands_robots.nodes.policy.policy_loading import LoadPolicyService, find_robot
from strands_robots.nodes.policy.policy_robot import PolicyRobot
from strands_robots.nodes.policy.policy_states import PolicyStatePublisher
from strands_robots.policies.host.host import Patience
from strands_robots.policies.host.opening import PolicyShelf
from strands_robots.policies.run.goal_fields import PolicyGoal, RunOutcome
from strands_robots.policies.run.judging import Judge
from strands_robots.policies.run.lockstep import run_lockstep
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import RunReason
from strands_robots.policies.run.realtime import run_realtime
from strands_robots.ros.goals.goal_audit import audited_goals
from strands_robots.ros.goals.goal_owners import GoalOwners
from strands_robots.ros.goals.world_client import WorldClient, WorldClients
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters
from strands_robots.ros.process.polled_clock import ros_time
from strands_robots.ros.robot.robot_discovery import cameras_for_policy, robots_on_graph


@dataclass(frozen=True)
class PolicyParameters:
    """Parameters of policy_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; for the log.")
    inference_timeout: float = parameter(
        10.0,
        "A policy that has not answered for this long is given up, its process killed [s].",
        minimum=0.1,
        maximum=600.0,
    )
    load_timeout: float = parameter(
        300.0, "A policy that is not loaded within this time is given up [s].", minimum=1.0, maximum=3600.0
    )


class PolicyNode(Node):
    """Wires goals to sessions.

    A goal that cannot run, because the robot is busy, unknown, or the settings are wrong, is accepted and aborted at
    once with termination_reason "refused": a rejected goal could not say why.
    """

    def __init__(self) -> None:
        super().__init__("policy_node")
        parameters = read_parameters(self, PolicyParameters)
        self._patience = Patience(parameters.load_timeout, parameters.inference_timeout)
        self._shelf = PolicyShelf()
        self._world = WorldClients(self)
        self._loading = LoadPolicyService(self, self._shelf, self._patience, self._world)
        self._states = PolicyStatePublisher(self, self._shelf)
        self._catalogue = PolicyCatalogue(self)
        self._sessions: dict[str, PolicySession] = {}
        self._threads: set[threading.Thread] = set()
        self._audit = PolicyAudit(self)
        execute = audited_goals(self, RunPolicy, "run_policy", self._execute)
        self._server = ActionServer(self, RunPolicy, "run_policy", execute, cancel_callback=self._on_cancel)
        GoalOwners(self, lambda: [session.goal.goal_id for session in self._sessions.values()], self._on_lost_owner)

    def destroy_node(self) -> None:
        """End every goal, its robot held, then the node."""
        for session in self._sessions.values():
            session.end(RunReason.CANCELLED, "policy_node ends")
        deadline = time.monotonic() + 0.4
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.0))
        self._server.destroy()
        self._shelf.close()
        self._audit.close()
        super().destroy_node()

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        goal_id = _goal_id(handle)
        for session in self._sessions.values():
            if session.goal.goal_id == goal_id:
                session.end(RunReason.CANCELLED, "cancelled by the client")
        return CancelResponse.ACCEPT

    def _on_lost_owner(self, goal_id: str) -> None:
        for session in list(self._sessions.values()):
            if session.goal.goal_id == goal_id:
                session.end(RunReason.CANCELLED, "the client that started the goal is gone")

    async def _execute(self, handle: ServerGoalHandle) -> RunPolicy.Result:
        """Run a goal; the executor goes on while this waits."""
        try:
            session, judge = self._open(_goal(handle)), Judge(_goal(handle))
        except StrandsRobotsError as error:
            return self._finish(handle, RunOutcome(False, str(error), RunReason.REFUSED))
        robot = session.goal.robot
        self._sessions[robot] = session
        self.get_logger().info(f"goal {session.goal.goal_id[:8]}: policy '{session.goal.policy}' on '{robot}'")
        link = PolicyRobot(self, session, handle)
        world = WorldClient(self._world, robot, link.report_progress)
        done: Future[None] = Future()
        thread = threading.Thread(
            target=self._run, args=(session, judge, link, world, done), name=f"policy on {robot}", daemon=True
        )
        self._threads.add(thread)
        self._states.add(session)
        self._audit.started(session.goal)
        thread.start()
        try:
            await done
            outcome = judge.judged(session.outcome(judge.ended or _end(session, link)))
            self._states.remove(session, outcome.reason.value)
            self._audit.ended(session.goal, outcome)
            return self._finish(handle, outcome)
        finally:
            self._threads.discard(thread)
            del self._sessions[robot]
            link.close()

    def _open(self, goal: PolicyGoal) -> PolicySession:
        """Return a session for the goal.

        Raises:
            StrandsRobotsError: If the robot is busy or cannot exist, or the goal is not usable.
        """
        if not is_graph_name(goal.robot):
            raise UnknownNameError("robot", goal.robot, robots_on_graph(self))
        running = self._sessions.get(goal.robot)
        if running is not None:
            raise ConfigurationError(
                f"'{goal.robot}' already runs policy '{running.goal.policy}' for goal {running.goal.goal_id}; "
                "valid: one goal for each robot, so cancel that one first"
            )
        now = Instant(ros_time(self), time.monotonic())
        session = PolicySession(goal, now, self._shelf, self._patience)
        session.tell = self.get_logger().warning
        return session

    def _run(
        self, session: PolicySession, judge: Judge, link: PolicyRobot, world: WorldClient, done: Future[None]
    ) -> None:
        """Body of a goal's thread."""
        try:
            find_robot(self, session)
            session.cameras = cameras_for_policy(self, session.goal.robot)
            if world.has_world():
                session.bodies, session.boxes = world.body_pose, world.body_box
                session.surroundings = world.surroundings
            judge.before(world.snapshot if world.has_world() else None)
            if session.goal.lockstep:
                run_lockstep(session, world)
            else:
                mode = world.mode()[0] if world.has_world() else ""
                if mode == LOCKSTEP:
                    session.end(
                        RunReason.REFUSED, "the world runs in lockstep and this goal does not; valid: lockstep true"
                    )
                run_realtime(session, link)
            judge.after(session, _end(session, link))
        except (ConfigurationError, UnknownNameError) as error:
            session.end(RunReason.REFUSED, str(error))
        except StrandsRobotsError as error:
            session.end(RunReason.WORLD_FAILED, str(error))
        except Exception as error:  # noqa: BLE001 - the client waits for a result
            log_mistake(error)
            session.end(
                RunReason.POLICY_FAILED,
                f"internal error ({type(error).__name__}); please report it, the log has the traceback",
            )
        finally:
            done.set_result(None)
            if self.executor is not None:
                self.executor.wake()

    def _finish(self, handle: ServerGoalHandle, outcome: RunOutcome) -> RunPolicy.Result:
        """Give the goal its final state and return its result."""
        text = f"goal {_goal_id(handle)[:8]}: {outcome.reason.value}: {outcome.message}"
        if outcome.success:
            self.get_logger().info(text)
        else:
            self.get_logger().warning(text)
        if outcome.success:
            handle.succeed()
        elif outcome.reason is RunReason.CANCELLED and handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return RunPolicy.Result(
            success=outcome.success,
            message=clip(outcome.message, 4096),
            termination_reason=outcome.reason.value,
            chunks=outcome.chunks,
            steps=outcome.steps,
            elapsed=outcome.elapsed,
            joint_names=list(outcome.joint_names),
            motion=list(outcome.motion),
            underruns=outcome.underruns,
            latency_p50=outcome.latency_p50,
            latency_p99=outcome.latency_p99,
            task_checked=outcome.task_checked,
            task_done=outcome.task_done,
            measured=clip(outcome.measured, 4096),
        )


def _goal_id(handle: ServerGoalHandle) -> str:
    return bytes(handle.goal_id.uuid).hex()


def _goal(handle: ServerGoalHandle) -> PolicyGoal:
    request = handle.request
    return PolicyGoal(
        goal_id=_goal_id(handle),
        robot=request.robot,
        policy=request.policy,
        config=request.config,
        task=request.task,
        rate=request.rate,
        duration=request.duration,
        steps=request.steps,
        seed=request.seed,
        lockstep=request.lockstep,
        adapter=request.adapter,
        stop_when=request.stop_when,
        blending=request.blending,
        execute_rows=request.execute_rows,
        keep_loaded=request.keep_loaded,
        success_when=request.success_when,
    )


def _end(session: PolicySession, link: PolicyRobot) -> Instant:
    """Return when the run ended; in lockstep that is the newest observation's time."""
    observation = session.run.observation
    if session.goal.lockstep and observation is not None:
        return Instant(observation.stamp, time.monotonic())
    return link.now()


def main() -> int:
    """Run policy_node until a signal."""
    return run_node(PolicyNode)
