"""fleet.yaml -> policies of AWS IoT Core, one for each set of rights. Plain data, no I/O.

A policy names the thing of the certificate by variable, so that one text serves every robot and none can speak as another.
The thing has the member's name; a robot that may stop its cell has an attribute `cell`. A certificate that was detached
connects no more, because the condition asks for the attachment.

Source: AWS IoT Core Developer Guide, "Thing policy variables"; a policy has at most 2,048 characters.
"""

from __future__ import annotations

import json
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.member import CELL_PREFIX, EVERYBODY, Member, MemberKind, Right
from strands_robots.fleet.roster import Roster
from strands_robots.fleet.topics import INWARD, OUTWARD, ROSTER, inward, outward

LONGEST = 2048
THING = "${iot:Connection.Thing.ThingName}"
_CELL = CELL_PREFIX + "${iot:Connection.Thing.Attributes[cell]}"


def policy_name(fleet: str, member: Member) -> str:
    """Return the name of the policy that a member needs: its kind and its rights."""
    rights = sorted(right.value for right in member.rights)
    kind = "robot" if member.is_robot else member.kind.value
    return "-".join([fleet, kind, *rights])


def policies(fleet: Roster, region: str, account: str) -> dict[str, str]:
    """Return every policy that the members of a roster need, by name.

    Args:
        fleet: The roster.
        region: For example "eu-central-1".
        account: Number of the account.

    Raises:
        ConfigurationError: If one would be longer than AWS takes.
    """
    place = f"arn:aws:iot:{region}:{account}"
    made: dict[str, str] = {}
    for member in fleet.members:
        name = policy_name(fleet.fleet, member)
        if name not in made:
            made[name] = json.dumps(_policy(fleet.fleet, member, place), separators=(",", ":"))
            if len(made[name]) > LONGEST:
                raise ConfigurationError(f"policy '{name}' has {len(made[name])} characters; valid: at most {LONGEST}")
    return made


def _policy(fleet: str, member: Member, place: str) -> dict[str, Any]:
    writes, reads = _writes(fleet, member), _reads(fleet, member)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "iot:Connect",
                "Resource": f"{place}:client/{THING}",
                "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "true"}},
            },
            _allow("iot:Publish", place, "topic", writes),
            _allow("iot:Subscribe", place, "topicfilter", reads),
            _allow("iot:Receive", place, "topic", reads),
        ],
    }


def _allow(action: str, place: str, what: str, topics: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": [f"{place}:{what}/{topic}" for topic in topics]}


def _writes(fleet: str, member: Member) -> list[str]:
    """Return what a thing may publish; `*` in a resource stands for any text."""
    if member.is_robot:
        cell = [inward(fleet, _CELL, "stop", THING)] if Right.STOP_CELL in member.rights else []
        return [*cell, outward(fleet, THING, "*")]
    said = [outward(fleet, THING, kind) for kind in ("beacon", "witness")]
    if member.kind is MemberKind.AUDITOR:
        return said
    needed = {"tell": Right.TELL, "resume": Right.RESUME, "challenge_request": Right.RESUME}
    kinds = [kind for kind in INWARD if kind not in needed or needed[kind] in member.rights]
    return [*said, *(inward(fleet, "*", kind, THING) for kind in kinds)]


def _reads(fleet: str, member: Member) -> list[str]:
    rosters = inward(fleet, EVERYBODY, ROSTER, "*")
    if not member.is_robot:
        return [rosters, *(outward(fleet, "*", kind) for kind in OUTWARD)]
    # Which kinds and which members' beacons a robot reads is said in topics.py; a policy that named each would be too long.
    reports = [outward(fleet, "*", "stop_report")] if Right.STOP_CELL in member.rights else []
    asked = [f"fleet/{fleet}/in/{addressee}/*" for addressee in (THING, _CELL, EVERYBODY)]
    return [*asked, outward(fleet, "*", "beacon"), *reports]
