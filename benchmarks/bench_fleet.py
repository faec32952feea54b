"""A fleet's stop over the real router with TLS, generated rules and signatures: from the request to each latched gate.

Simulated members without MuJoCo share a few processes, each with a link of its own. A trial: every graph is armed; the
operator's station stops all; each graph notes when its gate latched, the station when each robot reported rest.

* size: fleets of 10, 50, 100 and 250; presence after the start and after a killed router;
* stalled: 12 members, of which 2 are suspended (SIGSTOP) while 400 messages a second of 4 kB go to these two.

The reference of the same run is a bare Zenoh put of as many bytes through the same router to one subscriber.

Run it with: python benchmarks/bench_fleet.py [--size 10 50 ...] [--stalled-trials 200] [--seconds 300]
One part (`--size 250 --stalled-trials 0`, or `--size --stalled-trials 200`) takes at most 8 minutes: no stop begins after
`--seconds`, and the figures say how many trials there were.
"""

from __future__ import annotations

import argparse
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from _report import report

from strands_robots.core.errors import NoAnswerError
from strands_robots.fleet.faults import Fault, FaultPlan
from strands_robots.fleet.member_folder import MemberFolder
from strands_robots.fleet.station import Station
from strands_robots.fleet.stop_campaign import StopCampaign, StopOutcome
from strands_robots.fleet.topics import inward
from strands_robots.fleet.transport import Transport
from strands_robots.fleet.trial_fleet import OPERATOR, TrialFleet

TRIALS = {10: 100, 50: 60, 100: 50, 250: 30, 500: 15}
PROCESSES = 4
FLOOD_RATE = 400.0
STOP_TIME = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(robots: int, plan: FaultPlan | None = None) -> Iterator[tuple[TrialFleet, Station, Transport, float]]:
    """Give a fleet with its operator, and how long it took until each member was heard [s]."""
    with tempfile.TemporaryDirectory() as folder:
        endpoint = f"tls/127.0.0.1:{free_port()}"
        with TrialFleet(Path(folder) / "fleet", robots, endpoint, PROCESSES, plan) as fleet:
            operator = fleet.operator
            transport = operator.transport()
            station = Station(operator.channel(), transport)
            try:
                waited = until(station, lambda: all_present(station, fleet), "every member is heard")
                yield fleet, station, transport, waited
            finally:
                station.close()
                transport.close()


def all_present(station: Station, fleet: TrialFleet) -> bool:
    return all(station.presence.is_present(name) for name in fleet.names)


def until(station: Station, condition: Callable[[], bool], what: str, timeout: float = 120.0) -> float:
    """Wait for a condition and return how long it took [s]."""
    began = time.monotonic()
    if not station.wait_for(condition, timeout):
        raise NoAnswerError(f"not within {timeout:g} s: {what}")
    return time.monotonic() - began


def armed(station: Station, names: Sequence[str]) -> bool:
    heard = [station.presence.find(name) for name in names]
    return all(entry is not None and entry.beacon.state == "armed" for entry in heard)


def ms(values: Sequence[float], part: float) -> float:
    return float(np.percentile(np.asarray(values) * 1000.0, part))


def bare(fleet: TrialFleet, transport: Transport) -> list[float]:
    """Return one-way times of a bare put of 400 bytes through the same router [s]."""
    topic, times = inward("trial", fleet.names[0], "tell", OPERATOR), list[float]()
    heard = threading.Event()
    reader = MemberFolder(fleet.folder / fleet.names[0]).transport()
    reader.subscribe(inward("trial", fleet.names[0], "tell", "*"), lambda topic, data: heard.set())
    try:
        deadline = time.monotonic() + 10.0
        while not heard.wait(0.1) and time.monotonic() < deadline:
            transport.publish(topic, b"x" * 400, is_stop=True)
        for _ in range(300):
            heard.clear()
            began = time.monotonic()
            transport.publish(topic, b"x" * 400, is_stop=True)
            if heard.wait(1.0):
                times.append(time.monotonic() - began)
    finally:
        reader.close()
    return times


def stop_once(
    fleet: TrialFleet, station: Station, names: Sequence[str]
) -> tuple[list[float], list[float], StopCampaign]:
    """Arm, stop, and return the times until each named gate latched, and until each reported rest [s]."""
    fleet.arm()
    until(station, lambda: armed(station, names), "every well member is armed")
    began = time.monotonic()
    campaign = station.stop("all", "benchmark")

    def rested() -> set[str]:
        return {entry.robot for entry in campaign.outcomes() if entry.outcome is StopOutcome.AT_REST}

    station.wait_for(lambda: rested() >= set(names), STOP_TIME)
    latched = fleet.latched_times(campaign.stop_id)
    confirmed = [entry.confirmed_after for entry in campaign.outcomes() if entry.confirmed_after is not None]
    return [latched[name] - began for name in names if name in latched], confirmed, campaign


def measure_size(robots: int, trials: int, seconds: float) -> tuple[dict[str, float], dict[str, float]]:
    latched: list[float] = []
    last: list[float] = []
    confirmed: list[float] = []
    with running(robots) as (fleet, station, transport, present):
        began, wanted = time.monotonic(), 0
        while wanted < robots * trials and time.monotonic() - began < seconds:
            times, rests, _ = stop_once(fleet, station, fleet.names)
            wanted += robots
            latched += times
            confirmed += rests
            last.append(max(times))
        reference = bare(fleet, transport)
        fleet.restart_router()
        killed = time.monotonic()
        until(station, lambda: all(heard_since(station, name, killed) for name in fleet.names), "all are back")
        back = time.monotonic() - killed
        processor = fleet.processor_times()
    found = {
        "trials": float(wanted // robots), "stops_wanted": float(wanted), "latched": float(len(latched)),
        "rest_confirmed": float(len(confirmed)), "present_after_s": present, "latched_p50_ms": ms(latched, 50),
        "latched_p99_ms": ms(latched, 99), "latched_max_ms": ms(latched, 100), "last_latched_p50_ms": ms(last, 50),
        "rest_reported_p50_ms": ms(confirmed, 50), "rest_reported_p99_ms": ms(confirmed, 99),
        "present_after_router_restart_s": back, "members_processor_s": processor["members"],
    }  # fmt: skip
    return found, {"bare_put_p50_ms": ms(reference, 50), "bare_put_p99_ms": ms(reference, 99)}


def heard_since(station: Station, name: str, moment: float) -> bool:
    heard = station.presence.find(name)
    return heard is not None and heard.at > moment


def measure_stalled(trials: int, seconds: float) -> dict[str, float]:
    plan = FaultPlan(((Fault.STALL, 2),))
    latched: list[float] = []
    complete = named = tried = 0
    with running(12, plan) as (fleet, station, transport, _):
        stalled = set(fleet.faults[Fault.STALL])
        well = [name for name in fleet.names if name not in stalled]
        fleet.begin_faults()
        ending = threading.Event()

        def flood() -> None:
            while not ending.wait(1.0 / FLOOD_RATE):
                for name in stalled:
                    transport.publish(inward("trial", name, "tell", OPERATOR), b"x" * 4000)

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        try:
            began = time.monotonic()
            while tried < trials and time.monotonic() - began < seconds:
                times, _, campaign = stop_once(fleet, station, well)
                tried += 1
                latched += times
                complete += len(times) == len(well)
                silent = {entry.robot for entry in campaign.outcomes() if entry.outcome is StopOutcome.NOT_HEARD}
                named += silent == stalled
        finally:
            ending.set()
            thread.join()
            fleet.end_faults()
    return {
        "stalled_trials": float(tried), "stalled_trials_where_every_well_robot_latched": float(complete),
        "stalled_trials_that_named_the_two": float(named), "stalled_latched_p50_ms": ms(latched, 50),
        "stalled_latched_p99_ms": ms(latched, 99), "stalled_latched_max_ms": ms(latched, 100),
    }  # fmt: skip


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="*")
    parser.add_argument("--stalled-trials", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=300.0, help="longest time of the stops of one part")
    arguments = parser.parse_args()
    for size in arguments.size if arguments.size is not None else [10, 50, 100, 250]:
        before = os.getloadavg()[0]
        figures, reference = measure_size(size, TRIALS.get(size, 20), arguments.seconds)
        report(f"fleet_{size}", {**figures, "load_before_one": before}, reference)
    if arguments.stalled_trials:
        report(
            "fleet_stalled",
            measure_stalled(arguments.stalled_trials, arguments.seconds),
            {"wanted": float(arguments.stalled_trials)},
        )


if __name__ == "__main__":
    main()
