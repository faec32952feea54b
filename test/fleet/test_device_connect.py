"""The fleet as a device of the real Device Connect, in its device-to-device mode: another device reads, stops and asks."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from fleet_rig import Fleet

from strands_robots.core.errors import ConfigurationError
from strands_robots.fleet.device_connect import FleetDesk, make_driver
from strands_robots.fleet.member import MemberKind, Right

GOAL = {"robot": "arm1", "is_hardware": True, "action": "run_policy", "fields": {"duration": 60.0}}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch, fleet: Fleet) -> None:
    monkeypatch.setattr("strands_robots.fleet.fleet_answers.STOP_WAIT", 0.2)
    fleet.members["anna"] = fleet.member("anna", MemberKind.OPERATOR, "", Right.TELL)


def started(fleet: Fleet) -> Any:
    fleet.start("arm1", "sim1")
    fleet.arm("arm1", "sim1")
    station = fleet.station("anna")
    fleet.advance(1.1)
    assert station.wait_for(lambda: station.presence.is_present("sim1"), 2.0)
    return station


def test_another_device_reads_stops_and_only_asks(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    edge = pytest.importorskip("device_connect_edge")
    from device_connect_edge.drivers import DeviceDriver

    for name in ("ZENOH_CONNECT", "NATS_URL", "MESSAGING_URLS"):
        monkeypatch.delenv(name, raising=False)
    station = started(fleet)

    class Caller(DeviceDriver):  # type: ignore[misc]
        device_type = "caller"

        async def connect(self) -> None: ...

        async def disconnect(self) -> None: ...

    async def talk() -> list[dict[str, Any]]:
        driver, caller = make_driver(station), Caller()
        devices = [
            edge.DeviceRuntime(driver=each, device_id=name, tenant="strands-test", allow_insecure=True)
            for each, name in ((driver, "fleet"), (caller, "caller"))
        ]
        tasks = [asyncio.create_task(device.run()) for device in devices]
        try:
            answers = [await _asked(caller, "read_state")]
            answers.append(await _asked(caller, "request_tell", **GOAL))
            answers.append(await _asked(caller, "stop", reason="it leans"))
            return answers
        finally:
            for device in devices:
                await device.stop()
            await asyncio.gather(*tasks, return_exceptions=True)

    read, asked, stopped = asyncio.run(talk())
    assert read["robots"]["arm1"]["state"] == "armed" and "may be moving" in read["robots"]["arm3"]["state"]
    assert asked["state"] == "asked" and not fleet.graphs["arm1"].is_moving
    assert stopped["all_at_rest"] is False and fleet.graphs["arm1"].report().state != "armed"


async def _asked(caller: Any, function: str, **given: Any) -> dict[str, Any]:
    """Call the fleet's device; two devices find each other within seconds."""
    problem: Exception | None = None
    for _ in range(40):
        try:
            answer = await caller.invoke_remote("fleet", function, timeout=5.0, **given)
            result: dict[str, Any] = answer.get("result", answer)
            return result
        except Exception as error:  # noqa: BLE001 (Device Connect raises several kinds while it does not know the other yet)
            problem = error
            await asyncio.sleep(0.25)
    raise AssertionError(f"{function} was not answered: {problem}")


def test_what_is_asked_by_callers_that_nobody_knows_needs_a_person(fleet: Fleet) -> None:
    station = started(fleet)
    desk = FleetDesk(station)
    request = desk.request_tell(**GOAL)["request"]
    assert station.wait_for(lambda: desk.tell_result(request)["state"] == "refused", 2.0)
    assert desk.tell_result(request)["refusal"] == "needs_person" and not fleet.graphs["arm1"].is_moving
    assert desk.request_tell("arm1", True, "format_disk", {})["state"] == "refused"


def test_a_gateway_that_may_resume_is_refused(fleet: Fleet) -> None:
    fleet.members["anna"] = fleet.member("anna", MemberKind.OPERATOR, "", Right.TELL, Right.RESUME)
    with pytest.raises(ConfigurationError, match="without resume"):
        FleetDesk(fleet.station("anna"))


def test_without_the_package_it_says_so(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "device_connect_edge.drivers", None)
    with pytest.raises(ConfigurationError, match="goes on over Zenoh and MQTT"):
        make_driver(started(fleet))
