"""The nodes' own executor calls what rclpy's calls, whatever clocks, coroutines and other threads do; both pass the same tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("rclpy.event_handler", reason="rclpy of Jazzy or later")

import rclpy
from graph import claim_domain, wait_for
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from rosgraph_msgs.msg import Clock as ClockMessage
from std_msgs.msg import String
from std_srvs.srv import Trigger

from strands_robots.ros.calls.drain import NeverCalled, take
from strands_robots.ros.process.executor import fits_rclpy, make_executor
from strands_robots.ros.process.light_executor import LightExecutor
from strands_robots.ros.process.polled_clock import ros_time

STEADY = Clock(clock_type=ClockType.STEADY_TIME)


class Spun:
    """A node on simulated time, spun by a thread; and one beside it, spun by rclpy's own executor."""

    def __init__(self, kind: type, context: Context) -> None:
        self.context = context
        self.node = self._make("spun", [Parameter("use_sim_time", value=True)])
        self.other = self._make("other", [])
        self.executor, self._other_executor = kind(context=context), SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self._other_executor.add_node(self.other)
        self.end: Future = Future()
        self._clock = self.other.create_publisher(ClockMessage, "/clock", 10)
        self._threads = [
            threading.Thread(target=self._spin, args=(self.executor,), daemon=True),
            threading.Thread(target=self._spin, args=(self._other_executor,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _make(self, name: str, parameters: list[Parameter]) -> Node:
        return Node(name, context=self.context, parameter_overrides=parameters, use_global_arguments=False)

    def _spin(self, executor: Any) -> None:
        executor.spin_until_future_complete(self.end)

    def set_time(self, seconds: float) -> None:
        message = ClockMessage()
        message.clock.sec, message.clock.nanosec = int(seconds), int(seconds % 1.0 * 1e9)
        self._clock.publish(message)

    def close(self) -> float:
        """End both; returns how long the first one's thread took [s]."""
        began = time.monotonic()
        self.end.set_result(True)
        self._threads[0].join(5.0)
        took = time.monotonic() - began
        self._threads[1].join(5.0)
        for executor, node in ((self.executor, self.node), (self._other_executor, self.other)):
            executor.remove_node(node)
            executor.shutdown()
            node.destroy_node()
        return took


@pytest.fixture(params=[SingleThreadedExecutor, LightExecutor], ids=["rclpy", "light"])
def spun(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spun]:
    if request.param is LightExecutor and not fits_rclpy():
        pytest.skip("this rclpy is another one; make_executor returns rclpy's own")
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    domain, lock = claim_domain()
    context = Context()
    rclpy.init(context=context, domain_id=domain)
    with lock:
        under_test = Spun(request.param, context)
        yield under_test
        if not under_test.end.done():
            under_test.close()
        rclpy.try_shutdown(context=context)


@pytest.fixture
def context() -> Iterator[Context]:
    domain, lock = claim_domain()
    made = Context()
    rclpy.init(context=made, domain_id=domain)
    with lock:
        yield made
        rclpy.try_shutdown(context=made)


def test_nodes_get_the_light_one_where_it_fits(context: Context) -> None:
    executor = make_executor(context)
    assert isinstance(executor, LightExecutor) == fits_rclpy()
    executor.shutdown()


def test_timers_of_both_clocks_are_called_while_simulated_time_stands_runs_and_jumps(spun: Spun) -> None:
    calls = {"simulated": 0, "steady": 0}

    def count(name: str) -> Callable[[], None]:
        return lambda: calls.update({name: calls[name] + 1})

    spun.node.create_timer(0.05, count("simulated"))
    steady = spun.node.create_timer(0.02, count("steady"), clock=STEADY)
    wait_for(lambda: calls["steady"] >= 5, what="steady timer without /clock")
    assert calls["simulated"] == 0
    wait_for(lambda: spun._clock.get_subscription_count() == 1, what="the node's /clock")
    for begin in (100.0, 1000.0, 2.0):  # runs, jumps forward, jumps backward
        before = calls["simulated"]
        for step in range(400):
            spun.set_time(begin + 0.01 * step)
            time.sleep(0.002)
            if calls["simulated"] >= before + 5:
                break
        assert calls["simulated"] >= before + 5, begin
    steady.cancel()
    time.sleep(0.05)
    before = calls["steady"]
    time.sleep(0.1)
    assert calls["steady"] == before
    steady.reset()
    wait_for(lambda: calls["steady"] > before, what="the timer that was reset")


def test_time_is_the_newest_clock_wherever_it_is_asked_for(spun: Spun) -> None:
    told: list[float] = []

    def read() -> float:
        return round(ros_time(spun.node), 6)

    spun.node.create_timer(0.01, lambda: told.append(spun.node.get_clock().now().nanoseconds / 1e9), clock=STEADY)
    wait_for(lambda: spun._clock.get_subscription_count() == 1, what="the node's /clock")
    for seconds in (100.0, 100.25, 250.5, 3.25):  # runs, jumps forward, jumps backward
        is_there = lambda seconds=seconds: (spun.set_time(seconds), read() == seconds)[1]  # noqa: E731
        wait_for(is_there, what="the time in another thread")
        wait_for(lambda seconds=seconds: told[-1:] == [seconds], what="the time in a callback")
    assert told == sorted(told[: told.index(3.25)]) + told[told.index(3.25) :]
    spun.node.set_parameters([Parameter("use_sim_time", value=False)])
    wait_for(lambda: ros_time(spun.node) > 1e9 and told[-1] > 1e9, what="the wall's time")
    spun.node.set_parameters([Parameter("use_sim_time", value=True)])
    wait_for(lambda: spun._clock.get_subscription_count() == 1, what="the node's /clock again")
    wait_for(lambda: (spun.set_time(7.0), read() == told[-1] == 7.0)[1], what="simulated time again")


def test_clock_wakes_the_light_one_only_for_timers_on_simulated_time(spun: Spun) -> None:
    if not isinstance(spun.executor, LightExecutor):
        pytest.skip("rclpy's own wakes for each message")
    turns: list[bool] = []
    wait = spun.executor._wait
    spun.executor._wait = lambda timeout: (wait(timeout), turns.append(True))  # type: ignore[method-assign, func-returns-value]
    wait_for(lambda: (spun.set_time(1.0), ros_time(spun.node) == pytest.approx(1.0))[1], what="the node's /clock")

    def turns_of_clocks(begin: float) -> int:
        before = len(turns)
        for step in range(40):
            spun.set_time(begin + 0.01 * step)
            wait_for(lambda step=step: ros_time(spun.node) == pytest.approx(begin + 0.01 * step))
        return len(turns) - before

    def gather() -> None:
        before = len(turns)
        spun.executor.wake()
        wait_for(lambda: len(turns) > before and not spun.executor._is_stale, what="the entities gathered anew")

    gather()
    assert turns_of_clocks(100.0) <= 5
    calls: list[bool] = []
    timer = spun.node.create_timer(0.05, lambda: calls.append(True))
    gather()
    assert turns_of_clocks(200.0) >= 20 and len(calls) >= 3
    spun.node.destroy_timer(timer)
    gather()
    assert turns_of_clocks(300.0) <= 5


def test_entities_made_and_destroyed_by_other_threads_count_at_once(spun: Spun) -> None:
    heard: list[str] = []
    for turn in range(3):
        reader = spun.node.create_subscription(String, "words", lambda message: heard.append(message.data), 10)
        service = spun.node.create_service(Trigger, f"ask{turn}", lambda request, response: response)
        writer = spun.other.create_publisher(String, "words", 10)
        client = spun.other.create_client(Trigger, f"ask{turn}")
        wait_for(lambda writer=writer: writer.get_subscription_count() == 1, what="one reader")
        assert client.wait_for_service(10.0)
        writer.publish(String(data=str(turn)))
        wait_for(lambda turn=turn: heard and heard[-1] == str(turn), what="the message")
        answer = client.call_async(Trigger.Request())
        wait_for(answer.done, what="the answer")
        spun.node.destroy_subscription(reader)
        spun.node.destroy_service(service)
        wait_for(lambda writer=writer: writer.get_subscription_count() == 0, what="the end of the reader")
        spun.other.destroy_publisher(writer)
        spun.other.destroy_client(client)


def test_coroutine_waits_without_holding_others_and_goes_on_when_another_thread_wakes_it(spun: Spun) -> None:
    released, ticks = Future(), []
    group = ReentrantCallbackGroup()

    async def answer(request: Any, response: Any) -> Any:
        await released
        response.success = True
        return response

    spun.node.create_service(Trigger, "slow", answer, callback_group=group)
    spun.node.create_timer(0.02, lambda: ticks.append(1), clock=STEADY)
    client = spun.other.create_client(Trigger, "slow")
    assert client.wait_for_service(10.0)
    future = client.call_async(Trigger.Request())
    before = len(ticks)
    wait_for(lambda: len(ticks) > before + 5, what="timers while the service waits")
    assert not future.done()
    released.set_result(None)
    spun.executor.wake()
    wait_for(future.done, what="the answer")
    assert future.result().success


def test_readers_that_are_never_called_keep_no_processor_busy(spun: Spun) -> None:
    reader = spun.node.create_subscription(String, "kept", print, 10, callback_group=NeverCalled(), raw=True)
    writer = spun.other.create_publisher(String, "kept", 10)
    wait_for(lambda: writer.get_subscription_count() == 1)
    writer.publish(String(data="waits"))
    time.sleep(0.2)
    began, busy = time.monotonic(), time.process_time()
    time.sleep(0.5)
    assert time.process_time() - busy < 0.5 * (time.monotonic() - began)
    assert len(list(take(reader, String))) == 1


def test_guard_conditions_errors_and_the_end_are_as_in_rclpy(spun: Spun) -> None:
    seen: list[int] = []
    guard = spun.node.create_guard_condition(lambda: seen.append(1))
    for number in range(1, 21):
        guard.trigger()
        wait_for(lambda number=number: len(seen) >= number, what="the guard's callback")
    assert spun.close() < 1.0


def test_mistake_of_quality_of_service_is_told(spun: Spun, capfd: pytest.CaptureFixture[str]) -> None:
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    spun.other.create_publisher(String, "mixed", best_effort)
    spun.node.create_subscription(String, "mixed", print, QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE))
    told = ""

    def is_told() -> bool:
        nonlocal told
        told += "".join(capfd.readouterr())
        return "offering incompatible QoS" in told or "incompatible" in told

    wait_for(is_told, what="the warning")


def test_future_that_is_waited_for_learns_of_the_executor_once(context: Context) -> None:
    if not fits_rclpy():
        pytest.skip("this rclpy is another one")
    node, executor, future = (
        Node("turns", context=context, use_global_arguments=False),
        LightExecutor(context=context),
        Future(),
    )
    executor.add_node(node)
    for _ in range(50):
        executor.spin_once_until_future_complete(future, 0.0)
    assert len(future._callbacks) == 1
    executor.remove_node(node)
    executor.shutdown()
    node.destroy_node()


def test_error_of_a_callback_leaves_the_spinning(context: Context) -> None:
    node, executor = Node("fails", context=context, use_global_arguments=False), make_executor(context)
    executor.add_node(node)
    node.create_timer(0.01, lambda: 1 / 0, clock=STEADY)
    with pytest.raises(ZeroDivisionError):
        executor.spin_until_future_complete(Future(), 5.0)
    executor.remove_node(node)
    executor.shutdown()
    node.destroy_node()
