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
        task: The goal; it has its plan afterwards.
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
    done: Future[str] = Future()

    def plan() -> None:
        problem = "the planning thread failed; motion_node's log says how"
        try:
            task.prepare(*state, begin)
            problem = ""
        except StrandsRobotsError as error:
            problem = str(error)
        finally:
            done.set_result(problem)
            if node.executor is not None:
                node.executor.wake()

    threading.Thread(target=plan, name=f"takeover on {running.robot}", daemon=True).start()
    problem = await done
    late = now() - (begin - ROOM)
    if not problem and late <= 0.0:
        return begin
    task.forget()
    words = problem or f"the plan was made {late:.2f} s too late"
    node.get_logger().info(f"'{running.robot}' brakes before the next goal begins: {words}")
    return None
