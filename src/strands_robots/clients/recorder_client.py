"""Records episodes as a client of recorder_node."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from strands_robots.clients.client import GraphClient
from strands_robots.clients.hand_watch import HandWatch
from strands_robots.clients.policy_client import PolicyGoalFields, run_policy
from strands_robots.clients.policy_take import GOAL_SLACK, PolicyTake, RecorderOrders, load_policy, unload_policy
from strands_robots.clients.record_episode import (
    RecordPlan,
    ending_of,
    only_robot,
    outcome_of,
    play,
)
from strands_robots.clients.record_wishes import Wish, Wishes
from strands_robots.clients.recorder_watch import Ended, RecorderLostError, RecorderWatch, require_going
from strands_robots.core.errors import StrandsRobotsError, WorldError
from strands_robots.msg import EpisodeState
from strands_robots.ros.goals.goal_owners import GoalBeats
from strands_robots.srv import RecordEpisode, ResetWorld, StartRecording

START_TIMEOUT = 120.0
EPISODE_TIMEOUT = 300.0
_BY_HAND = "'teleop/"
"""What the gate says of who holds the robot, where a hand took it from a policy."""


def record_episodes(
    client: GraphClient, plan: RecordPlan, tell: Callable[[str], None], complain: Callable[[str], None],
    wishes: Wishes | None = None,
) -> int:  # fmt: skip
    """Record the episodes of a plan and return how many were saved.

    An episode ends early, is recorded again, or is the last one, when `wishes` or another client of recorder_node says so: the
    orders END, DISCARD and STOP of recorder/episode do what the keys do, and BEGIN ends the pause before an episode.

    Args:
        client: Client of the graph.
        plan: What to record.
        tell: Takes a line about what was done.
        complain: Takes a line about what went wrong, or about progress.
        wishes: What a person asks for meanwhile; None where no person can ask.

    Raises:
        NoAnswerError: If recorder_node does not answer.
        WorldError: If it cannot start, takes no more episodes, or dies.
    """
    key: dict[str, Any] = {}
    if plan.policy:
        robot = plan.robots[0] if plan.robots else only_robot(client)
        key = {"robot": robot, "policy": plan.policy, "config": plan.config, "adapter": plan.adapter, "rate": plan.rate}
        load_policy(client, tell, **key)
    try:
        return _record(client, plan, key, wishes or Wishes(), tell, complain)
    finally:
        if key:
            unload_policy(client, **key)


def _record(
    client: GraphClient, plan: RecordPlan, key: dict[str, Any], wishes: Wishes, tell: Callable[[str], None],
    complain: Callable[[str], None],
) -> int:  # fmt: skip
    """Record the episodes, the policy being loaded; return how many were saved."""
    owner = uuid.uuid4().hex
    GoalBeats(client.node).keep(owner)
    start_recording(client, plan, owner, tell)
    watch = RecorderWatch(client, plan.root)
    orders = RecorderOrders(client)
    session = _Session(client, plan, key, watch, orders, wishes, tell, complain)
    try:
        session.run()
    except KeyboardInterrupt:
        complain("interrupted: the present episode is discarded")
        _order(client, RecordEpisode.Request.DISCARD)
        close_recording(client, tell, complain)
    except RecorderLostError:
        raise
    except BaseException:
        close_recording(client, tell, complain)
        raise
    else:
        if not session.is_closed:
            close_recording(client, tell, complain)
    finally:
        watch.close()
        orders.close()
    return session.saved


def close_recording(client: GraphClient, tell: Callable[[str], None], complain: Callable[[str], None]) -> None:
    """Close the dataset and say what it has."""
    response = _order(client, RecordEpisode.Request.STOP)
    (tell if response.success else complain)(response.message)


def start_recording(client: GraphClient, plan: RecordPlan, owner: str, tell: Callable[[str], None]) -> None:
    """Open the dataset of a plan.

    Raises:
        WorldError: If recorder_node refuses.
    """
    request = StartRecording.Request(
        root=plan.root, repo_id=plan.repo_id, mode=plan.mode, fps=plan.fps, robots=list(plan.robots),
        cameras=list(plan.cameras), task=plan.task, units=plan.units, with_velocity=plan.velocity,
        with_effort=plan.effort, with_outcome=bool(plan.success_when), with_intervention=plan.intervention,
        codec=plan.codec, encoder_settings=plan.encoder, on_stale=plan.on_stale, owner=owner,
        keep_seconds=plan.keep_seconds, with_language=plan.language,
        provenance=json.dumps({"policy": plan.policy, "policy_config": plan.config}) if plan.policy else "",
    )  # fmt: skip
    response = client.call(StartRecording, "recorder/start", request, START_TIMEOUT)
    if not response.success:
        raise WorldError(response.message)
    for line in response.repaired:
        tell(line)
    tell(f"{response.message}; it has {response.episodes}")


@dataclass
class _Session:
    """The episodes of a plan, one after the other.

    Attributes:
        client, plan, wishes, tell, complain: As `record_episodes` has them.
        key: Fields of LoadPolicy of the loaded policy; empty without one.
        watch: What the recorder says of itself.
        orders: The way to the recorder while a policy runs.
        saved: Episodes that were saved and kept.
        is_closed: Whether another client has closed the dataset.
    """

    client: GraphClient
    plan: RecordPlan
    key: dict[str, Any]
    watch: RecorderWatch
    orders: RecorderOrders
    wishes: Wishes
    tell: Callable[[str], None]
    complain: Callable[[str], None]
    saved: int = 0
    is_closed: bool = False

    def run(self) -> None:
        """Record until every episode was tried, or a person stops it."""
        number, begun = 0, None
        if self.plan.countdown > 0.0:
            wish, begun = self._pause(self.plan.countdown, "the first episode begins in")
            if wish is Wish.STOP:
                return
        while number < self.plan.episodes and not self.is_closed:
            ended = self._episode(self.plan.seed + number, begun)
            if ended is Wish.STOP or self.is_closed:
                return
            self.watch.require_going()
            number += ended is Wish.NEXT
            begun = None
            if number < self.plan.episodes and not (self.plan.reset_time == 0.0 and self.wishes.pause.is_over):
                wish, begun = self._pause(self.plan.reset_time, "put the scene back: the next episode begins in")
                if wish is Wish.STOP:
                    return
                if wish is Wish.AGAIN and ended is Wish.NEXT and self._take_back():
                    number -= 1

    def _episode(self, seed: int, begun: Any) -> Wish:
        """Record one episode; return NEXT when it is done with, AGAIN when it shall be recorded again, STOP when it was the last.

        Args:
            seed: Of the world and the policy.
            begun: What recorder_node answered where another client has begun the episode; else None.
        """
        client, plan = self.client, self.plan
        if plan.policy and not plan.lockstep and begun is None:
            return self._policy_episode(seed)
        if plan.lockstep and begun is None:
            reset = client.call(ResetWorld, "world/reset", ResetWorld.Request(seed=seed), 10.0)
            if not reset.success:
                raise WorldError(f"the world cannot be reset: {reset.message}")
        if begun is None:
            begun = _order(client, RecordEpisode.Request.BEGIN, provenance=json.dumps({"seed": seed}))
        if not begun.success:
            if begun.state.state == EpisodeState.IDLE:
                raise self.watch.lost()
            require_going(begun.state)
            self.complain(begun.message)
            return Wish.NEXT
        self.wishes.take()  # A key of the time before is not meant for this episode.
        self.watch.begin(begun.state)
        outcome = RecordEpisode.Request.UNKNOWN
        try:
            problem, outcome = play(client, plan, self.key, seed, self.complain, self._is_over)
        except RecorderLostError:
            raise
        except StrandsRobotsError as error:
            problem = str(error)
        other, wish = self.watch.ended(), self.wishes.take()
        if other is not None:
            return self._ended_elsewhere(begun.episode, other)
        if wish is Wish.AGAIN:
            self._discard(begun.episode, "it is recorded again")
            return Wish.AGAIN
        if problem and wish is None:
            self._discard(begun.episode, problem)
            return Wish.NEXT
        self._save(outcome)
        return Wish.STOP if wish is Wish.STOP else Wish.NEXT

    def _policy_episode(self, seed: int) -> Wish:
        """Record one episode of a policy in real time, which begins with its first motion; returns as `_episode`."""
        plan = self.plan
        outcome = RecordEpisode.Request.FAILED if plan.success_when else RecordEpisode.Request.UNKNOWN
        take = PolicyTake(
            self.client, self.orders, plan.duration, plan.fps, json.dumps({"seed": seed}), int(outcome), self._begun,
            self._is_over, self._is_kept,
        )  # fmt: skip
        goal = PolicyGoalFields(
            **self.key, task=plan.task, duration=plan.duration + GOAL_SLACK, seed=seed, stop_when=plan.success_when,
            keep_loaded=True,
        )  # fmt: skip
        problem, result = "", None
        try:
            result = run_policy(self.client, goal, self.complain, take.attend, self._is_stopped)
            if plan.is_dagger:
                result = self._after_corrections(take, goal, result)
        except StrandsRobotsError as error:
            problem = str(error)
            if (
                result is not None
            ):  # The hand's part is kept, so this is the only place that says why the policy did not go on.
                self.complain(f"the policy did not go on: {problem}")
        wish = self.wishes.take()
        if take.ended is not None:
            self._told(take.ended)
            return Wish.STOP if wish is Wish.STOP else Wish.NEXT
        if take.begun is None or not take.begun.success:
            require_going(None if take.begun is None else take.begun.state)
            if wish is not Wish.STOP:
                self.complain(f"no episode: {problem or ending_of(result)}")
            return Wish.STOP if wish is Wish.STOP else Wish.NEXT
        other = self.watch.ended()
        if other is not None:
            return self._ended_elsewhere(take.begun.episode, other)
        if wish is Wish.AGAIN:
            self._discard(take.begun.episode, "it is recorded again")
            return Wish.AGAIN
        if result is not None and wish is None:
            problem, outcome = self._verdict(result, take)
        if problem:
            self._discard(take.begun.episode, problem)
            return Wish.NEXT
        self._save(outcome)
        return Wish.STOP if wish is Wish.STOP else Wish.NEXT

    def _after_corrections(self, take: PolicyTake, goal: PolicyGoalFields, result: Any) -> Any:
        """Give the robot back to the policy each time a hand has let it go, to the end of the episode; return the last result.

        Each time the policy begins anew, from a fresh observation: nothing of what it computed before the correction is played.
        """
        with HandWatch(self.client, goal.robot) as hand:
            while take.begun is not None and take.begun.success and take.ended is None and _is_by_hand(result):
                self.complain(f"{result.message}; the policy goes on when the hand lets go")
                hand.wait_until_free(lambda: self._is_over() or take.left() <= 0.0)
                left = take.left()
                if self._is_over() or left <= 0.0:
                    return result
                again = replace(goal, duration=left + GOAL_SLACK)
                result = run_policy(self.client, again, self.complain, take.attend_again, self._is_stopped)
        return result

    def _begun(self, state: EpisodeState) -> None:
        self.wishes.take()  # A key of the time before is not meant for this episode.
        self.watch.begin(state)

    def _is_stopped(self) -> bool:
        return self.wishes.pending is Wish.STOP

    def _is_kept(self) -> bool:
        """Return whether the present episode is this client's to end, and worth keeping."""
        return self.wishes.pending is not Wish.AGAIN and self.watch.ended() is None

    def _verdict(self, result: Any, take: PolicyTake) -> tuple[str, int]:
        """Return what went wrong with a policy that ended before its episode, or nothing, and RecordEpisode's outcome."""
        if result.termination_reason == "cancelled":
            raise KeyboardInterrupt  # run_policy takes the key press itself.
        if self.plan.intervention and _is_by_hand(result):
            self.complain("a hand took the robot from the policy; the episode continues to its end")
            take.wait(self._is_over)
            return "", int(RecordEpisode.Request.UNKNOWN)
        if not result.success:
            return f"{result.termination_reason}: {result.message}", int(RecordEpisode.Request.UNKNOWN)
        return "", outcome_of(self.plan, result.termination_reason)

    def _is_over(self) -> bool:
        """Return whether the present episode shall end, or has ended, before its time."""
        return self.wishes.pending is not None or self.watch.ended() is not None

    def _ended_elsewhere(self, episode: int, ended: Ended) -> Wish:
        """Take note of an episode that another client, or the recorder itself, has ended."""
        self.is_closed = ended.is_closed
        if ended.is_saved:
            self.saved += 1
            self.tell(ended.message)
            return Wish.NEXT
        self.complain(ended.message or f"episode {episode} was not kept")
        return Wish.AGAIN if ended.message.endswith(": discarded") else Wish.NEXT

    def _discard(self, episode: int, why: str) -> None:
        self.complain(f"episode {episode}: {why}")
        _order(self.client, RecordEpisode.Request.DISCARD)

    def _save(self, outcome: int) -> None:
        reward = 1.0 if outcome == RecordEpisode.Request.SUCCEEDED else 0.0
        self._told(_order(self.client, RecordEpisode.Request.END, outcome=outcome, reward=reward))

    def _told(self, ended: Any) -> None:
        """Say what became of an episode that this client ended."""
        (self.tell if ended.success else self.complain)(ended.message)
        if not ended.success and ended.state.state == EpisodeState.IDLE:
            raise self.watch.lost()
        for count in ended.state.streams:
            numbers = ", ".join(
                f"{getattr(count, name)} {name}"
                for name in ("received", "used", "repeated", "stale", "lost", "gaps", "late")
            )
            self.tell(f"  {count.topic}: {numbers}")
        self.saved += bool(ended.success)

    def _pause(self, duration: float, words: str) -> tuple[Wish | None, Any]:
        """Wait before an episode; return what was asked for, and the episode that another client has begun.

        Args:
            duration: How long [s]; longer while a person holds the pause.
            words: What the time is for.
        """
        self.wishes.take()
        pause = self.wishes.pause
        self.watch.begin(_order(self.client, RecordEpisode.Request.STATE).state)
        self.complain(f"{words} {duration:g} s")
        pause.begin(duration)
        try:
            while not pause.is_over and self.wishes.pending is None and not self.watch.is_recording():
                ended = self.watch.ended()
                if ended is not None and ended.is_closed:
                    self.is_closed = True
                    return Wish.STOP, None
                self.client.spin_until(lambda: False, 0.1 if pause.is_held else min(0.1, pause.left or 0.0))
        finally:
            pause.end()
        if not self.watch.is_recording():
            return self.wishes.take(), None
        begun = _order(self.client, RecordEpisode.Request.STATE)
        begun.episode = begun.state.episode
        return None, begun

    def _take_back(self) -> bool:
        """Take the newest episode out of the dataset; return whether that was done."""
        answer = _order(self.client, RecordEpisode.Request.DELETE_LAST)
        self.complain(answer.message)
        self.saved -= bool(answer.success)
        return bool(answer.success)


def _is_by_hand(result: Any) -> bool:
    """Return whether a policy's run ended because a hand has the robot."""
    return bool(result is not None and result.termination_reason == "refused" and _BY_HAND in result.message)


def _order(client: GraphClient, command: int, **fields: Any) -> Any:
    request = RecordEpisode.Request(command=command, **fields)
    return client.call(RecordEpisode, "recorder/episode", request, EPISODE_TIMEOUT)
