"""Recording while a policy works without a pause: sentry (everything, cut into episodes) and highlight (what a person points out)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from strands_robots.clients.client import GraphClient
from strands_robots.clients.policy_client import PolicyGoalFields, run_policy
from strands_robots.clients.policy_take import (
    LONGEST_LOOK,
    SHORTEST_LOOK,
    RecorderOrders,
    load_policy,
    unload_policy,
)
from strands_robots.clients.record_episode import RecordPlan, ending_of, only_robot
from strands_robots.clients.record_wishes import Wish, Wishes
from strands_robots.clients.recorder_client import close_recording, start_recording
from strands_robots.core.errors import StrandsRobotsError, WorldError
from strands_robots.ros.goals.goal_owners import GoalBeats
from strands_robots.ros.messages.stamps import to_seconds
from strands_robots.srv import RecordEpisode

SLACK = 10.0
"""The policy's goal is so much longer than what is recorded [s]: an episode is written before the next one begins."""

_Order = RecordEpisode.Request


class ContinuousRollout:
    """One policy, one dataset, no pause.

    Args:
        client: Client of the graph.
        plan: What to record; `episodes` times `duration` is the length of the whole [s, ROS time].
        tell: Takes a line about what was done.
        complain: Takes a line about what went wrong, or about progress.
        wishes: What a person asks for; NEXT begins and ends a highlight, STOP ends it all.

    Attributes:
        saved: Episodes that were saved.
    """

    def __init__(
        self, client: GraphClient, plan: RecordPlan, tell: Callable[[str], None], complain: Callable[[str], None],
        wishes: Wishes | None = None,
    ) -> None:  # fmt: skip
        self.saved = 0
        self._client, self._plan, self._tell, self._complain = client, plan, tell, complain
        self._wishes = wishes or Wishes()
        self._orders = RecorderOrders(client)

    def sentry(self) -> int:
        """Record everything that the policy does, cut into episodes without a frame between them; return how many were saved."""
        return self._run(self._watch_over)

    def highlight(self) -> int:
        """Record what a key, a message on recorder/highlight or a request points out, with the seconds before it."""
        return self._run(self._point_out)

    def _run(self, attend: Callable[[Callable[[], bool], Callable[[], None]], None]) -> int:
        plan, client = self._plan, self._client
        if not plan.policy:
            raise WorldError("no policy is given; valid: --policy")
        robot = plan.robots[0] if plan.robots else only_robot(client)
        key: dict[str, Any] = {
            "robot": robot, "policy": plan.policy, "config": plan.config, "adapter": plan.adapter, "rate": plan.rate,
        }  # fmt: skip
        load_policy(client, self._tell, **key)
        owner = uuid.uuid4().hex
        GoalBeats(client.node).keep(owner)
        try:
            start_recording(client, plan, owner, self._tell)
            before = self._state().saved
            goal = PolicyGoalFields(
                **key, task=plan.task, duration=plan.duration * plan.episodes + SLACK * (plan.episodes + 1), seed=plan.seed,
                keep_loaded=True,
            )  # fmt: skip
            try:
                result = run_policy(client, goal, self._complain, attend, lambda: self._wishes.pending is Wish.STOP)
                if result.termination_reason != "cancelled":
                    self._complain(f"the policy ended: {ending_of(result)}")
            finally:
                state = self._state()
                if state.state == state.RECORDING:
                    self._told(self._orders.order(_Order.END))
                self.saved = self._state().saved - before
                close_recording(client, self._tell, self._complain)
        finally:
            self._orders.close()
            unload_policy(client, **key)
        return self.saved

    def _watch_over(self, is_over: Callable[[], bool], cancel: Callable[[], None]) -> None:
        for number in range(self._plan.episodes):
            begun = self._orders.order(_Order.BEGIN, gapless=number > 0)
            if not begun.success:
                raise WorldError(begun.message)
            end = to_seconds(begun.state.header.stamp) + self._plan.duration
            self._wait(end, lambda: is_over() or self._wishes.pending is Wish.STOP)
            self._told(self._orders.order(_Order.END))
            if is_over() or self._wishes.pending is Wish.STOP:
                break
        cancel()

    def _point_out(self, is_over: Callable[[], bool], cancel: Callable[[], None]) -> None:
        end = to_seconds(self._state().header.stamp) + self._plan.duration * self._plan.episodes
        while self._wait(end, lambda: is_over() or self._wishes.pending is not None):
            wish = self._wishes.take()
            if is_over() or wish is Wish.STOP:
                break
            if wish is Wish.NEXT:
                self._toggle()
        cancel()

    def _toggle(self) -> None:
        """Begin a highlight, or save the one that is being recorded."""
        state = self._state()
        if state.state == state.RECORDING:
            self._told(self._orders.order(_Order.END))
            return
        begun = self._orders.order(_Order.BEGIN, before=self._plan.keep_seconds)
        (self._tell if begun.success else self._complain)(begun.message)

    def _wait(self, end: float, is_asked: Callable[[], bool]) -> bool:
        """Wait for a moment of the recorder's time [s], which a simulation lets pass faster or slower; return whether it was cut short."""
        while not is_asked():
            left = end - to_seconds(self._state().header.stamp)
            if left <= 0.0:
                return False
            self._client.spin_until(is_asked, min(max(0.4 * left, SHORTEST_LOOK), LONGEST_LOOK))
        return True

    def _state(self) -> Any:
        return self._orders.order(_Order.STATE).state

    def _told(self, ended: Any) -> None:
        (self._tell if ended.success else self._complain)(ended.message)


def roll_out(
    strategy: str, client: GraphClient, plan: RecordPlan, tell: Callable[[str], None], complain: Callable[[str], None],
    wishes: Wishes | None = None,
) -> int:  # fmt: skip
    """Record by "sentry" or "highlight"; return how many episodes were saved.

    Raises:
        StrandsRobotsError: If the policy or the recorder cannot be used.
    """
    rollout = ContinuousRollout(client, plan, tell, complain, wishes)
    try:
        return rollout.sentry() if strategy == "sentry" else rollout.highlight()
    except StrandsRobotsError:
        complain(f"{rollout.saved} episodes were saved")
        raise
