"""Lets a planned goal of MoveTo begin in the middle of the motion that a robot carries out."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rclpy.node import Node
from rclpy.task import Future

from strands_robots.control.lease import source_class
from strands_robots.core.errors import MotionError, StrandsRobotsError
from strands_robots.motion.motion_goal import MotionSession
from strands_robots.planning.scene_move import SceneMoveTask

LEAD = 0.7
"""A plan that begins in motion begins this long after it was asked for [s, ROS time]: so long it may take to be made."""

_SLICE = 0.01  # [s]

ROOM = 0.2
"""What the new goal needs of it after its plan was made, to hear the robot [s, ROS time]."""


def checked_right(source: str, running: MotionSession) -> None:
    """Check that a source may end a motion of another one.

    Raises:
        MotionError: "refused" if its class is below that of the motion's source.
    """
    if source_class(source).priority < source_class(running.source).priority:
        raise MotionError(
            "refused",
            f"'{source}' may not end the motion of '{running.source}' on '{running.robot}'; valid: a source of the same class or a "
            "higher one (operator, teleop, policy and external, agent)",
        )


async def begin_in_motion(
    node: Node, source: str, running: MotionSession, task: SceneMoveTask, now: Callable[[], float]
) -> float | None:
    """Plan a goal from where a robot will be in a moment; the executor goes on while this waits.

    Args:
        node: The node, whose executor is woken.
        source: Who asks.
        running: The motion that the robot carries out.
        task: The goal; it has its plan afterwards. Where none is made in time it is of no more use, because it may get one yet.
        now: Returns the ROS time [s].

    Returns:
        The ROS time at which the plan begins [s]; None if it must begin at rest: the robot will not be under way then, another source
        holds its lease, no way begins from its motion, or the plan was not made in time.
    """
    begin = now() + LEAD
    state = running.state_at(begin)
    is_at_once = source == running.source or source_class(source).priority > source_class(running.source).priority
    if state is None or not is_at_once:
        return None
    made, problems = threading.Event(), ["the planning thread failed; motion_node's log says how"]
    done: Future[None] = Future()

    def plan() -> None:
        try:
            task.prepare(*state, begin)
            problems[0] = ""
        except StrandsRobotsError as error:
            problems[0] = str(error)
        finally:
            made.set()

    def wait() -> None:
        # Not longer: until there is a plan the robot goes on along the way that the new goal shall end.
        while not made.wait(_SLICE) and now() <= begin - ROOM:
            pass
        done.set_result(None)
        if node.executor is not None:
            node.executor.wake()

    for work in (plan, wait):
        threading.Thread(target=work, name=f"takeover on {running.robot}", daemon=True).start()
    await done
    problem = problems[0] if made.is_set() else ""
    if made.is_set() and not problem and now() <= begin - ROOM:
        return begin
    task.give_up()
    words = problem or f"no plan was made within {LEAD - ROOM:g} s"
    node.get_logger().info(f"'{running.robot}' brakes before the next goal begins: {words}")
    return None
