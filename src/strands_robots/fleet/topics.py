"""Names of the ways between members: the same for Zenoh keys and MQTT topics. Each name has its sender in it, so that a
router's or broker's access rules can hold a member to its own.

    fleet/<fleet>/in/<addressee>/<kind>/<sender>     to a robot, a cell or all
    fleet/<fleet>/out/<sender>/<kind>                from a member to all that may listen
"""

from __future__ import annotations

from strands_robots.fleet.bodies import KIND_OF, Body
from strands_robots.fleet.member import CELL_PREFIX, EVERYBODY, Member, MemberKind, Right
from strands_robots.fleet.roster import Roster

ROSTER = "roster"
RENEWAL = "renewal"
INWARD = ("stop", "tell", "resume", "challenge_request", "picture_request", ROSTER, RENEWAL)
"""Kinds that go to an addressee."""

OUTWARD = ("beacon", "stop_report", "challenge", "result", "witness", "picture", "renewal_request")
"""Kinds that go to every member that may listen."""

NEEDED = {
    "tell": Right.TELL,
    "resume": Right.RESUME,
    "challenge_request": Right.RESUME,
    "picture_request": Right.PICTURES,
}
"""Right that an operator needs for a kind; the others need none."""


def topic_of(fleet: str, sender: str, to: str, body: Body) -> str:
    """Return where a message is published."""
    kind = KIND_OF[type(body)]
    return outward(fleet, sender, kind) if kind in OUTWARD else inward(fleet, to, kind, sender)


def inward(fleet: str, addressee: str, kind: str, sender: str) -> str:
    """Return the topic to an addressee; `*` stands for any one part."""
    return f"fleet/{fleet}/in/{addressee}/{kind}/{sender}"


def outward(fleet: str, sender: str, kind: str) -> str:
    """Return the topic of what a member says to all; `*` stands for any one part."""
    return f"fleet/{fleet}/out/{sender}/{kind}"


def kind_of(topic: str) -> str:
    """Return the kind of message that belongs on a topic; empty for a foreign one."""
    parts = topic.split("/")
    if len(parts) == 6 and parts[2] == "in":
        return parts[4]
    return parts[4] if len(parts) == 5 and parts[2] == "out" else ""


def is_included(pattern: str, topic: str) -> bool:
    """Return whether a topic is one of a pattern's, where `*` stands for any one part."""
    wanted, given = pattern.split("/"), topic.split("/")
    return len(wanted) == len(given) and all(w in ("*", g) for w, g in zip(wanted, given))


WITNESSES = 3
"""Robots whose audit logs a robot witnesses: the next ones on the roster. Operators and auditors witness all."""


def read_by(roster: Roster, member: Member) -> tuple[str, ...]:
    """Return the topics that a member reads, the stops first.

    A robot reads the beacons of operators, of its neighbours on the roster and of its cell, and not of all: with
    hundreds of robots that would cost each of them more than its own graph does.
    """
    fleet = roster.fleet
    listened = tuple(outward(fleet, "*", kind) for kind in OUTWARD)
    rosters = inward(fleet, EVERYBODY, ROSTER, "*")
    renewals = inward(fleet, member.name, RENEWAL, "*")
    if not member.is_robot:
        return (rosters, renewals, *listened)
    addressees = [member.name, EVERYBODY, *([CELL_PREFIX + member.cell] if member.cell else [])]
    stops = tuple(inward(fleet, addressee, "stop", "*") for addressee in addressees)
    asked = tuple(
        inward(fleet, member.name, kind, "*") for kind in ("tell", "resume", "challenge_request", "picture_request")
    )
    operators = [other.name for other in roster.members if other.kind is MemberKind.OPERATOR]
    cell = [other.name for other in roster.robots(CELL_PREFIX + member.cell)] if _stops_cell(member) else []
    heard = dict.fromkeys([*operators, *witnessed_by(roster, member), *cell])
    beacons = tuple(outward(fleet, name, "beacon") for name in heard)
    return (*stops, *asked, rosters, renewals, *beacons, *(outward(fleet, name, "stop_report") for name in cell))


def witnessed_by(roster: Roster, member: Member) -> tuple[str, ...]:
    """Return whose audit logs a member witnesses, without itself."""
    robots = [other.name for other in roster.members if other.is_robot]
    if member.name not in robots:
        return tuple(robots)
    place = robots.index(member.name)
    return tuple((robots[place + 1 :] + robots[:place])[:WITNESSES])


def _stops_cell(member: Member) -> bool:
    return member.cell != "" and Right.STOP_CELL in member.rights


_OF_PERSONS = ("beacon", "witness", "renewal_request")
"""What operators and auditors say to all."""


def written_by(fleet: str, member: Member) -> tuple[str, ...]:
    """Return the topics that a member may publish on."""
    name = member.name
    if member.kind is MemberKind.AUDITOR:
        return tuple(outward(fleet, name, kind) for kind in _OF_PERSONS)
    if member.kind is MemberKind.OPERATOR:
        kinds = [kind for kind in INWARD if _is_allowed(member, kind)]
        inwards = tuple(inward(fleet, "*", kind, name) for kind in kinds)
        return (*inwards, *(outward(fleet, name, kind) for kind in _OF_PERSONS))
    cell = CELL_PREFIX + member.cell
    stops = (inward(fleet, cell, "stop", name),) if member.cell and member.may_stop(cell) else ()
    return (*stops, *(outward(fleet, name, kind) for kind in OUTWARD))


def _is_allowed(member: Member, kind: str) -> bool:
    needed = NEEDED.get(kind)
    return needed is None or needed in member.rights
