"""What pages ask for, done with the same functions as the command line's, and in its name: operator/<login name>."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from rclpy.node import Node

from strands_robots.approvals.decision import sign_decision
from strands_robots.audit.event import Durability
from strands_robots.clients.approval_client import decide, find_request, read_state
from strands_robots.clients.client import GraphClient
from strands_robots.clients.plan_client import plan_joints
from strands_robots.clients.resume_client import resume_graph
from strands_robots.console.chat import Conversation
from strands_robots.console.data_reads import DataSets
from strands_robots.console.orders import (
    Calibrate,
    CalibrateWish,
    CancelMove,
    CancelPrompt,
    Decide,
    DeleteEpisodes,
    Move,
    Order,
    Plan,
    PlanRequest,
    PlayPlan,
    Prompt,
    PushDataset,
    Record,
    RecordWish,
    Resume,
    SplitDataset,
)
from strands_robots.console.port import Answer
from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.edit import delete_episodes, read_parts, split
from strands_robots.dataset.push import push_dataset
from strands_robots.drivers.calibration_process import ArmCalibration
from strands_robots.nodes.console.chat_job import ChatJob
from strands_robots.nodes.console.jobs import MoveJob, RecordJob
from strands_robots.nodes.console.request_plan import plan_answer, planned_request
from strands_robots.operators.operator_key import OperatorKey, load_key
from strands_robots.operators.own_key import find_key
from strands_robots.ros.audit.audit_publisher import audit_of
from strands_robots.ros.messages.conversions import clip

END_PATIENCE = 0.3
_WISHES = {
    "next": "on to the next", "again": "once more", "stop": "saved, then stopped", "discard": "discarded, then stopped",
    "pause": "the pause is held, or goes on",
}  # fmt: skip

_CALIBRATED = {
    "use_file": "the file's calibration is written to the servos", "anew": "calibrated anew", "middle": "the middle is taken",
    "save": "what was recorded is written to the servos and to the file",
}  # fmt: skip


class RosOrders:
    """An Orders on ROS. Called by the server's worker threads. `close` ends what runs.

    Args:
        node: A node of this process.
        source: Who asks, operator/<name>.
        sets: Data sets that may be edited.

    Attributes:
        conversation: What agents were asked from pages.
    """

    def __init__(self, node: Node, source: str, sets: DataSets) -> None:
        self._node, self._source, self._sets = node, source, sets
        self._lock = threading.Lock()
        self._moves: dict[str, MoveJob] = {}
        self._recording: RecordJob | None = None
        self._chat: ChatJob | None = None
        self._calibration: ArmCalibration | None = None
        self.conversation = Conversation()
        self._by_kind: dict[type[Order], Callable[[Any], Answer]] = {
            Resume: self._resume, Decide: self._decide, PlanRequest: self._plan_request, Plan: self._plan, Move: self._move,
            PlayPlan: self._move, CancelMove: self._cancel, Record: self._record, RecordWish: self._wish, Calibrate: self._calibrate,
            CalibrateWish: self._calibrate_wish, Prompt: self._prompt, CancelPrompt: self._cancel_prompt,
            DeleteEpisodes: self._delete_episodes, SplitDataset: self._split_dataset, PushDataset: self._push_dataset,
        }  # fmt: skip

    def make(self, order: Order, session: str) -> Answer:
        """Do an order; see console/port.py."""
        # What the order says is recorded, but for what opens a key.
        details = order.model_dump(exclude={"passphrase"})
        kind = type(order).__name__
        audit_of(self._node).record(
            "console_order",
            {"order": kind, "session": session[:8], **details},
            actor=self._source,
            durability=Durability.NOW,
        )
        do = self._by_kind.get(type(order))
        if do is None:
            raise ConfigurationError(f"order '{kind}' cannot be done here")
        return do(order)

    def words(self) -> dict[str, Any]:
        """Return what runs, for the pages."""
        with self._lock:
            recording, calibration = self._recording, self._calibration
            moves = list(self._moves.values())
        return {
            "moves": {job.robot: job.words() for job in moves},
            "recording": None if recording is None else recording.words(),
            "calibration": None if calibration is None else calibration.words(),
            "chat": self.conversation.words(),
        }

    def close(self) -> None:
        """End what runs: the robot brakes, the present episode is discarded and the data set closed."""
        with self._lock:
            recording, moves, chat = self._recording, list(self._moves.values()), self._chat
            calibration = self._calibration
        if calibration is not None:
            calibration.close()
        for job in moves:
            job.cancel()
        if chat is not None:
            chat.cancel()
        if recording is not None:
            recording.close(END_PATIENCE)

    def _client(self, what: str) -> GraphClient:
        return GraphClient(beside=self._node, name=f"{self._node.get_name()}_{what}_{time.monotonic_ns()}")

    def _resume(self, order: Resume) -> Answer:
        with closing(self._client("resume")) as client:
            report = resume_graph(
                client, self._source, clip(order.reason, 256), order.stop_id, lambda: _key(order.passphrase)
            )
        words = (
            f"armed, epoch {report.arm_epoch}: {report.message}" if report.is_armed else f"not armed: {report.message}"
        )
        return Answer(report.is_armed, words, {"refusal": report.refusal})

    def _decide(self, order: Decide) -> Answer:
        with closing(self._client("decide")) as client:
            state = read_state(client)
            entry, request = find_request(state, order.request_id)
            if request.digest != order.digest:
                raise ConfigurationError(
                    "the request is not the one that the page showed; valid: read it again, then decide"
                )
            decision = sign_decision(
                entry.request_id,
                request.digest,
                order.approve,
                clip(order.text, 1024),
                state.run_id,
                _key(order.passphrase),
            )
            response = decide(client, decision)
        return Answer(response.success, response.message, {"refusal": response.refusal})

    def _plan_request(self, order: PlanRequest) -> Answer:
        with closing(self._client("plan")) as client:
            return planned_request(client, order, self._source)

    def _plan(self, order: Plan) -> Answer:
        with closing(self._client("plan")) as client:
            result = plan_joints(
                client,
                order.robot,
                order.positions,
                source=self._source,
                speed_scale=order.speed,
                planner=order.planner,
            )
        return plan_answer(result)

    def _move(self, order: Move | PlayPlan) -> Answer:
        with self._lock:
            running = self._moves.get(order.robot)
            if running is not None and not running.is_over:
                raise ConfigurationError(f"a motion of '{order.robot}' runs; valid: end it first")
            self._moves[order.robot] = MoveJob(self._node, order, self._source)
        return Answer(True, f"'{order.robot}' is asked to move")

    def _cancel(self, order: CancelMove) -> Answer:
        with self._lock:
            running = self._moves.get(order.robot)
        if running is None or running.is_over:
            return Answer(False, f"no motion of '{order.robot}' runs")
        running.cancel()
        return Answer(True, "the robot brakes on its path")

    def _prompt(self, order: Prompt) -> Answer:
        with self._lock:
            if self._chat is not None and not self._chat.is_over:
                raise ConfigurationError("a turn runs; valid: wait for its end, or end it")
            self._chat = ChatJob(self._node, order, self._source, self.conversation)
        return Answer(True, f"asked '{order.agent}'")

    def _cancel_prompt(self, order: CancelPrompt) -> Answer:
        with self._lock:
            running = self._chat
        if running is None or running.is_over:
            return Answer(False, "no turn of this console runs")
        running.cancel()
        return Answer(True, "the turn ends, and the goals of its agent with it")

    def _record(self, order: Record) -> Answer:
        with self._lock:
            if self._recording is not None and not self._recording.is_over:
                raise ConfigurationError(f"a recording into '{self._recording.order.root}' runs; valid: stop it first")
            self._recording = RecordJob(self._node, order)
        return Answer(True, f"recording into {order.root}")

    def _wish(self, order: RecordWish) -> Answer:
        with self._lock:
            recording = self._recording
        if recording is None or recording.is_over:
            raise ConfigurationError("no recording of this console runs; valid: start one")
        recording.wish(order.wish)
        return Answer(True, _WISHES[order.wish])

    def _calibrate(self, order: Calibrate) -> Answer:
        with self._lock:
            if self._calibration is not None and not self._calibration.is_over:
                raise ConfigurationError("a calibration of this console runs; valid: end it first")
            self._calibration = ArmCalibration(order.robot, order.leader, order.port, order.arm)
        return Answer(True, "LeRobot takes the torque of every servo away: support the arm")

    def _calibrate_wish(self, order: CalibrateWish) -> Answer:
        with self._lock:
            calibration = self._calibration
        if calibration is None or calibration.is_over:
            raise ConfigurationError("no calibration of this console runs; valid: start one")
        if order.wish == "cancel":
            calibration.cancel()
            return Answer(True, "LeRobot lets go of the arm's bus")
        calibration.answer(order.wish)
        return Answer(True, _CALIBRATED[order.wish])

    def _delete_episodes(self, order: DeleteEpisodes) -> Answer:
        left = delete_episodes(self._sets.root(order.dataset), order.episodes)
        return Answer(True, f"{left} episodes are left")

    def _split_dataset(self, order: SplitDataset) -> Answer:
        root = self._sets.root(order.dataset)
        made = split(root, root.parent, read_parts(order.parts))
        return Answer(True, "; ".join(f"{root.parent / name} has {count} episodes" for name, count in made.items()))

    def _push_dataset(self, order: PushDataset) -> Answer:
        pushed = push_dataset(self._sets.root(order.dataset), order.repo_id, private=order.private)
        who = "private" if pushed.private else "public"
        return Answer(True, f"{pushed.url}: {pushed.files} files, {who}")


def _key(passphrase: str) -> OperatorKey:
    return load_key(find_key(None), lambda: passphrase.encode())
