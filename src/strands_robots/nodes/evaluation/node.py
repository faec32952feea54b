"""evaluation_node: the action server evaluate. Episodes run in processes of their own, each with its own world."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.task import Future
from strands_robots.action import Evaluate

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.evaluation.episode_result import EpisodeResult, PolicyChoice
from strands_robots.evaluation.runner import Evaluation, EvaluationConfig, evaluate
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters


@dataclass(frozen=True)
class EvaluationParameters:
    """Parameters of evaluation_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; for the log.")


class EvaluationNode(Node):
    """Runs one evaluation at a time; a second goal is accepted and aborted, because only a result can say why."""

    def __init__(self) -> None:
        super().__init__("evaluation_node")
        read_parameters(self, EvaluationParameters)
        self._is_ending = threading.Event()
        self._running = ""
        self._server = ActionServer(
            self, Evaluate, "evaluate", self._execute, cancel_callback=lambda handle: CancelResponse.ACCEPT,
            goal_callback=lambda goal: GoalResponse.ACCEPT,
        )  # fmt: skip

    def destroy_node(self) -> None:
        """End the evaluation, then the node."""
        self._is_ending.set()
        self._server.destroy()
        super().destroy_node()

    async def _execute(self, handle: ServerGoalHandle) -> Evaluate.Result:
        done: Future[Evaluate.Result] = Future()
        if self._running:
            done.set_result(_refused(f"an evaluation of {self._running} is running; valid: one at a time"))
        else:
            self._running = clip(f"'{handle.request.task}' with '{handle.request.policy}'", 256)
            threading.Thread(target=self._run, args=(handle, done), name="evaluation", daemon=True).start()
        result = await done
        if result.success:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return result

    def _run(self, handle: ServerGoalHandle, done: Future[Evaluate.Result]) -> None:
        request = handle.request
        progress = [0, 0]

        def tell(result: EpisodeResult) -> None:
            progress[0] += 1
            progress[1] += result.success
            handle.publish_feedback(Evaluate.Feedback(episodes=progress[0], successes=progress[1]))

        try:
            config = EvaluationConfig(
                request.task,
                PolicyChoice(request.policy, request.config, request.adapter),
                request.episodes,
                request.seed,
                request.workers,
                Path(request.output_folder).expanduser() if request.output_folder else None,
                request.failure_videos,
                is_resumed=bool(request.output_folder),
            )
            evaluation = evaluate(config, tell, lambda: handle.is_cancel_requested or self._is_ending.is_set())
            result = _result(evaluation, config)
        except ConfigurationError as error:
            result = _refused(str(error))
        except StrandsRobotsError as error:
            result = Evaluate.Result(message=clip(str(error), 4096), termination_reason="failed")
        self._running = ""
        done.set_result(result)
        if self.executor is not None:
            self.executor.wake()


def _result(evaluation: Evaluation, config: EvaluationConfig) -> Evaluate.Result:
    is_complete = len(evaluation.results) == config.episodes
    lower, upper = evaluation.interval
    return Evaluate.Result(
        success=is_complete,
        message=evaluation.summary(),
        termination_reason="completed" if is_complete else "cancelled",
        episodes=len(evaluation.results),
        successes=evaluation.successes,
        success_rate=evaluation.rate,
        lower=lower,
        upper=upper,
        results=json.dumps([result.to_dict() for result in evaluation.results]),
    )


def _refused(message: str) -> Evaluate.Result:
    return Evaluate.Result(message=clip(message, 4096), termination_reason="refused")


def main() -> int:
    """Run evaluation_node until a signal."""
    return run_node(EvaluationNode)
