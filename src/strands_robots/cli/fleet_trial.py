"""`strands-robots fleet sim --robots`: stops of a trial fleet, and what became of each."""

from __future__ import annotations

import socket
import statistics
import tempfile
import time
from pathlib import Path

from strands_robots.cli.cli_options import say
from strands_robots.fleet.faults import Fault, FaultPlan
from strands_robots.fleet.station import Station
from strands_robots.fleet.stop_campaign import StopOutcome
from strands_robots.fleet.trial_fleet import TrialFleet

PRESENT_TIME = 120.0
ARMED_TIME = 30.0
STOP_TIME = 10.0
"""How long a stop of a trial is repeated [s]."""

_SILENT = (Fault.STALL, Fault.PARTITION)


def run_trial(robots: int, plan: FaultPlan, stops: int) -> bool:
    """Make a fleet, stop it so often, print what each robot did, and return whether every well robot was stopped each time."""
    with tempfile.TemporaryDirectory(prefix="fleet-trial-") as folder:
        endpoint = f"tls/127.0.0.1:{_free_port()}"
        say(f"making {robots} members")
        with TrialFleet(Path(folder) / "fleet", robots, endpoint, plan=plan) as fleet:
            operator = fleet.operator
            transport = operator.transport()
            station = Station(operator.channel(), transport)
            try:
                return _try_stops(fleet, station, stops)
            finally:
                station.close()
                transport.close()


def _try_stops(fleet: TrialFleet, station: Station, stops: int) -> bool:
    began = time.monotonic()
    if not station.wait_for(lambda: all(station.presence.is_present(name) for name in fleet.names), PRESENT_TIME):
        missing = [name for name in fleet.names if not station.presence.is_present(name)]
        say(f"NOT HEARD after {PRESENT_TIME:g} s: {', '.join(missing)}")
        return False
    say(f"every member was heard after {time.monotonic() - began:.1f} s")
    silent = {name for fault in _SILENT for name in fleet.faults.get(fault, ())}
    for fault, names in fleet.faults.items():
        say(f"  {fault.value}: {', '.join(names)}")
    fleet.begin_faults()
    good = [_try_stop(fleet, station, silent) for _ in range(stops)]
    fleet.end_faults()
    say(f"{sum(good)} of {stops} stops reached every well member, and named the {len(silent)} that are not")
    return all(good)


def _try_stop(fleet: TrialFleet, station: Station, silent: set[str]) -> bool:
    well = [name for name in fleet.names if name not in silent]
    fleet.arm()
    station.wait_for(lambda: all(_state(station, name) == "armed" for name in well), ARMED_TIME)
    began = time.monotonic()
    campaign = station.stop("all", "trial")

    def at_rest() -> set[str]:
        return {entry.robot for entry in campaign.outcomes() if entry.outcome is StopOutcome.AT_REST}

    station.wait_for(lambda: at_rest() >= set(well), STOP_TIME)
    times = [moment - began for name, moment in fleet.latched_times(campaign.stop_id).items() if name in well]
    unheard = {entry.robot for entry in campaign.outcomes() if entry.outcome is StopOutcome.NOT_HEARD}
    if times:
        middle, last = statistics.median(times) * 1000.0, max(times) * 1000.0
        say(f"stop: {len(times)} of {len(well)} latched, median {middle:.1f} ms, last {last:.1f} ms")
    for entry in campaign.outcomes():
        if entry.outcome is not StopOutcome.AT_REST:
            say(f"  {entry.robot}: {entry.words()}")
    return at_rest() >= set(well) and unheard == silent


def _state(station: Station, name: str) -> str:
    heard = station.presence.find(name)
    return heard.beacon.state if heard is not None else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
