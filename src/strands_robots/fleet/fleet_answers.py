"""What a fleet's operator answers to programs: the robots' state, and the outcome of a stop, as plain data.

One place, so that an agent and a device of another system never hear different words for a robot that may be moving.
"""

from __future__ import annotations

from typing import Any

from strands_robots.core.text import printable
from strands_robots.fleet.member import EVERYBODY, MemberKind
from strands_robots.fleet.station import Station

STOP_WAIT = 3.0
"""How long a stop waits for evidence [s]; it is repeated beyond that."""


def read_fleet(station: Station) -> dict[str, Any]:
    """Return what each robot of the roster says.

    Returns:
        "fleet" and "robots"; each robot has "is_hardware" and "state", and where it was heard "at_rest" and "heard_ago" [s].
    """
    robots: dict[str, Any] = {}
    for member in station.channel.roster.members:
        if not member.is_robot:
            continue
        said = robots[member.name] = {
            "is_hardware": member.kind is MemberKind.ROBOT,
            "state": "not heard: it may be moving",
        }
        heard, age = station.presence.find(member.name), station.presence.age(member.name)
        if heard is not None and age is not None and station.presence.is_present(member.name):
            at_rest = heard.beacon.is_at_rest
            said |= {"state": heard.beacon.state, "at_rest": at_rest, "heard_ago": round(age, 1)}
    return {"fleet": station.channel.roster.fleet, "robots": robots}


def stop_fleet(station: Station, wanted: str, reason: str) -> dict[str, Any]:
    """Stop, and return what is known of each robot after `STOP_WAIT`.

    Args:
        station: The operator's.
        wanted: "all", "cell-<name>" or a robot. A name that no robot has stops all: a stop that was misspelled is still
            meant.
        reason: Why; made printable and cut to 256 characters.

    Returns:
        "stopped", "all_at_rest", "robots" with an outcome in words each, and a "note" where the name was none.
    """
    addressee = wanted if station.channel.roster.robots(wanted) else EVERYBODY
    campaign = station.stop(addressee, reason)
    station.wait_for(lambda: campaign.is_done, STOP_WAIT)
    words = {outcome.robot: outcome.words() for outcome in campaign.outcomes()}
    values: dict[str, Any] = {"stopped": addressee, "all_at_rest": campaign.is_done, "robots": words}
    if addressee != wanted:
        values["note"] = f"no robot or cell is called '{printable(wanted)[:64]}', so all were stopped"
    return values
