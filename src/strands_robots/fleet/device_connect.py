"""A fleet as a device of Arm's Device Connect (device-connect-edge 0.2): it reads, stops and asks; it never authorises.

Device Connect's callers say themselves who they are, and all devices of a tenant share one certificate. So what comes from
there is only what anyone may do: look, stop, and ask for a goal that a person at the robot's graph has to approve.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from strands_robots.core.errors import ConfigurationError, NoAnswerError, StrandsRobotsError
from strands_robots.core.text import printable
from strands_robots.fleet.bodies import TELL_ACTIONS, TELL_FIELDS, Result
from strands_robots.fleet.fleet_answers import read_fleet, stop_fleet
from strands_robots.fleet.member import EVERYBODY, MemberKind
from strands_robots.fleet.station import Station


class FleetDesk:
    """What the device's functions do. Calls wait, and are made in threads.

    Args:
        station: The gateway's own member of the fleet, an operator that may tell at most.

    Raises:
        ConfigurationError: If the member may resume.
    """

    def __init__(self, station: Station) -> None:
        me = station.channel.me
        if me.kind is not MemberKind.OPERATOR or any(right.value == "resume" for right in me.rights):
            raise ConfigurationError(f"'{me.name}' is {me.kind.value}; valid for a gateway: an operator without resume")
        self._station = station

    def read(self) -> dict[str, Any]:
        """Return what each robot of the roster says."""
        return read_fleet(self._station)

    def stop(self, robots: str, reason: str) -> dict[str, Any]:
        """Stop, and return what is known of each robot after some seconds. A name that no robot has stops all."""
        return stop_fleet(self._station, robots, f"device connect: {reason}")

    def request_tell(self, robot: str, is_hardware: bool, action: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Ask for a goal that a person at the robot's graph has to approve, and return the request's identity."""
        text = json.dumps(fields, separators=(",", ":"))
        if action not in TELL_ACTIONS or len(text) > TELL_FIELDS:
            valid = f"valid: {', '.join(TELL_ACTIONS)}, and fields of at most {TELL_FIELDS} characters"
            return {"state": "refused", "message": f"action '{printable(action)[:32]}'; {valid}"}
        try:
            request = self._station.tell(robot, is_hardware, action, text, needs_person=True)
        except (NoAnswerError, StrandsRobotsError) as error:
            return {"state": "refused", "message": printable(str(error))[:400]}
        return {"state": "asked", "request": request}

    def tell_result(self, request: str) -> dict[str, Any]:
        """Return what became of a request."""
        result = self._station.result(request)
        if not isinstance(result, Result):
            return {"state": "not answered"}
        return result.model_dump(mode="json")


def make_driver(station: Station) -> Any:
    """Return the DeviceDriver of a fleet.

    Raises:
        ConfigurationError: If device-connect-edge is not installed; the fleet itself needs it for nothing.
    """
    try:
        from device_connect_edge.drivers import DeviceDriver, rpc
    except ImportError as error:
        raise ConfigurationError(
            "device-connect-edge is not installed (Python 3.11 or newer); install it with: pip install device-connect-edge. "
            "The fleet goes on over Zenoh and MQTT without it"
        ) from error
    desk = FleetDesk(station)

    class FleetDriver(DeviceDriver):  # type: ignore[misc,unused-ignore]
        """Looks at a fleet of robots, stops it, and asks for goals."""

        device_type = "robot_fleet"

        async def connect(self) -> None:
            """The station has its own links."""

        async def disconnect(self) -> None:
            """The station belongs to the caller."""

        @rpc()  # type: ignore[untyped-decorator,unused-ignore]
        async def read_state(self) -> dict[str, Any]:
            """Return what each robot says: armed or stopped, at rest, or not heard."""
            return await asyncio.to_thread(desk.read)

        @rpc()  # type: ignore[untyped-decorator,unused-ignore]
        async def stop(self, robots: str = EVERYBODY, reason: str = "") -> dict[str, Any]:
            """Stop robots: all, cell-<name> or one. Free for everybody."""
            return await asyncio.to_thread(desk.stop, robots, reason)

        @rpc()  # type: ignore[untyped-decorator,unused-ignore]
        async def request_tell(
            self, robot: str, is_hardware: bool, action: str, fields: dict[str, Any]
        ) -> dict[str, Any]:
            """Ask for a goal of run_policy or move_to; a person at the robot approves it or not."""
            return await asyncio.to_thread(desk.request_tell, robot, is_hardware, action, fields)

        @rpc()  # type: ignore[untyped-decorator,unused-ignore]
        async def tell_result(self, request: str) -> dict[str, Any]:
            """Return what became of a request."""
            return await asyncio.to_thread(desk.tell_result, request)

    return FleetDriver()


async def serve(station: Station, device_id: str, urls: list[str]) -> None:
    """Be a device until cancelled.

    Args:
        station: The gateway's member.
        device_id: Its name on Device Connect.
        urls: Brokers; empty for Device Connect's device-to-device mode on this network.
    """
    driver = make_driver(station)
    from device_connect_edge import DeviceRuntime

    await DeviceRuntime(driver=driver, device_id=device_id, messaging_urls=urls or None, allow_insecure=not urls).run()
