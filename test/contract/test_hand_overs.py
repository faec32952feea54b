"""Every way from one thread to another resolves the caller's future, whatever the work raises, and goes on serving."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import pytest

from strands_robots.core.errors import StrandsRobotsError, WorldError
from strands_robots.core.futures import done, map_future, resolve, then
from strands_robots.core.work_queue import WorkQueue

Give = Callable[[Callable[[], Any]], "Future[Any]"]


@dataclass
class HandOver:
    """One way into another thread.

    Attributes:
        give: Gives it work; returns the future result.
        stop: Ends it; None where it has no end.
        is_alive: Whether what serves it still runs.
    """

    give: Give
    stop: Callable[[], None] | None = None
    is_alive: Callable[[], bool] = lambda: True


def _resolve() -> Iterator[HandOver]:
    def give(work: Callable[[], Any]) -> Future[Any]:
        answer: Future[Any] = Future()
        resolve(answer, work)
        return answer

    yield HandOver(give)


def _then() -> Iterator[HandOver]:
    yield HandOver(lambda work: then(done(None), lambda _: done(work())))


def _map_future() -> Iterator[HandOver]:
    yield HandOver(lambda work: map_future(done(None), lambda _: work()))


def _work_queue() -> Iterator[HandOver]:
    queue = WorkQueue("work")
    yield HandOver(queue.submit, queue.stop)
    queue.stop()


def _work_queue_then() -> Iterator[HandOver]:
    queue = WorkQueue("work")
    yield HandOver(lambda work: queue.then(done(None), lambda _: work()), queue.stop)
    queue.stop()


def _physics() -> Iterator[HandOver]:
    from sim.fake_world import Bench

    bench = Bench()
    bench.runtime.start()
    yield HandOver(bench.runtime.call, bench.runtime.stop, lambda: bench.runtime.failure is None)
    bench.runtime.stop()


def _executor() -> Iterator[HandOver]:
    import rclpy
    from graph import claim_domain
    from rclpy.executors import SingleThreadedExecutor

    from strands_robots.ros.calls.executor_calls import ExecutorCalls

    domain, lock = claim_domain()
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node("hand_over", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    calls = ExecutorCalls(node)

    def give(work: Callable[[], Any]) -> Future[Any]:
        answer = calls.call(work)
        executor.spin_once(timeout_sec=5.0)
        return answer

    yield HandOver(give)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)
    lock.close()


WAYS = {
    "resolve": _resolve,
    "then": _then,
    "map_future": _map_future,
    "work_queue": _work_queue,
    "work_queue_then": _work_queue_then,
    "physics": _physics,
    "executor": _executor,
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[HandOver]:
    yield from WAYS[request.param]()


def test_result_is_returned(way: HandOver) -> None:
    assert way.give(lambda: 42).result(5.0) == 42


@pytest.mark.parametrize(
    "error", [KeyError("missing"), SystemExit(3), RecursionError("deep"), WorldError("no"), OSError("disk")]
)
def test_any_error_reaches_the_caller_and_the_next_work_is_done(way: HandOver, error: BaseException) -> None:
    def work() -> None:
        raise error

    assert way.give(work).exception(5.0) is error
    assert way.give(lambda: "next").result(5.0) == "next"
    assert way.is_alive()


def test_mistake_is_logged_with_its_traceback_once(way: HandOver, caplog: pytest.LogCaptureFixture) -> None:
    def work_with_a_mistake() -> None:
        raise KeyError("missing")

    with caplog.at_level(logging.ERROR):
        assert isinstance(way.give(work_with_a_mistake).exception(5.0), KeyError)
    [record] = [each for each in caplog.records if each.exc_info]
    assert "work_with_a_mistake" in caplog.text and record.name == "strands_robots"


def test_refusal_is_not_logged_as_a_mistake(way: HandOver, caplog: pytest.LogCaptureFixture) -> None:
    def work() -> None:
        raise StrandsRobotsError("not possible")

    assert isinstance(way.give(work).exception(5.0), StrandsRobotsError)
    assert not caplog.records


@pytest.mark.parametrize("name", ["work_queue", "work_queue_then", "physics"])
def test_work_given_after_the_end_is_answered(name: str) -> None:
    for way in WAYS[name]():
        assert way.stop is not None
        way.stop()
        assert isinstance(way.give(lambda: 1).exception(5.0), WorldError)
