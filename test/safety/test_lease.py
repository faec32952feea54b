"""Who may command when: classes, silence, take-over."""

from __future__ import annotations

import pytest

from strands_robots.control.lease import Lease, source_class
from strands_robots.control.refusal import Refusal, Refused

from .gates import Bench

RANK = {"operator": 4, "teleop": 3, "policy": 2, "external": 2, "agent": 1}
HOME = [[0.0, 0.0, 0.25]]


@pytest.mark.parametrize("holder", RANK)
@pytest.mark.parametrize("other", RANK)
def test_higher_class_takes_over_and_others_wait(holder: str, other: str) -> None:
    bench = Bench().arm()
    assert bench.submit(HOME, source=f"{holder}/a").accepted
    verdict = bench.submit(HOME, source=f"{other}/b")
    assert verdict.accepted is (RANK[other] > RANK[holder])
    if not verdict.accepted:
        assert verdict.refusal is Refusal.LEASE
        bench.run(0.52)
        assert bench.submit(HOME, source=f"{other}/b").accepted


def test_lease_lasts_while_the_chunk_plays() -> None:
    bench = Bench().arm()
    bench.submit(HOME * 100, control_period=0.01)
    bench.run(1.3)
    assert bench.gate.report(bench.now).lease_holder == "policy/test"
    assert not bench.submit(HOME, source="policy/other").accepted
    bench.run(0.3)
    assert bench.gate.report(bench.now).lease_holder == ""


def test_lease_lasts_until_the_set_point_has_arrived() -> None:
    bench = Bench().arm()
    bench.submit([[1.0, 2.0, 0.25]])
    bench.run(0.9)
    assert not bench.submit(HOME, source="policy/other").accepted


def test_stop_ends_the_lease() -> None:
    bench = Bench().arm()
    bench.submit(HOME)
    bench.gate.stop("button", bench.now)
    assert bench.gate.lease_holder == ""


def test_lease_on_steady_clock_ignores_simulated_time() -> None:
    bench = Bench(lease_on_steady_clock=True).arm()
    bench.submit(HOME)
    bench.ros += 10.0
    assert not bench.submit(HOME, source="policy/other", stamp=bench.ros).accepted
    for _ in range(6):
        bench.steady += 0.1
        bench.beat()
    assert bench.submit(HOME, source="policy/other").accepted


@pytest.mark.parametrize("source", ["", "policy", "policy/", "boss/a", "Policy/a", "policy/a b", "policy/" + "x" * 200])
def test_source_of_another_form_is_refused_with_the_classes(source: str) -> None:
    with pytest.raises(Refused) as caught:
        source_class(source)
    assert caught.value.refusal is Refusal.MALFORMED_SOURCE
    assert f"source '{source[:128]}' is not" in str(caught.value)
    assert "operator, teleop" in str(caught.value) and str(caught.value).endswith("agent")


def test_refusal_says_how_long_the_holder_has_at_least() -> None:
    lease = Lease(0.5)
    lease.take("policy/a", 10.0, 12.0)
    with pytest.raises(Refused, match=r"'policy/a' holds the robot for at least 1\.75 s more"):
        lease.check("policy/b", 10.75)
    lease.check("policy/b", 12.51)
    assert lease.holder == ""


def test_lease_ends_after_the_timeout_and_not_at_it() -> None:
    lease = Lease(0.5)
    lease.take("policy/a", 10.0, 12.0)
    with pytest.raises(Refused, match=r"at least 0\.00 s more"):
        lease.check("policy/b", 12.5)
