"""What can be calibrated on this machine: robots and leaders of LeRobot, and serial ports. No ROS."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from strands_robots.core.share import config_names
from strands_robots.description.robot_config import load_robot
from strands_robots.drivers.calibrate_command import LEADERS
from strands_robots.drivers.serial_ports import found_ports


class CalibrationReads:
    """A route that says what can be calibrated."""

    def routes(self) -> tuple[Route, ...]:
        """Return the route; it runs in a worker thread."""
        return (Route("/calibrate/choices", self.choices),)

    def choices(self, request: Request) -> Response:
        """Answer names of robots that are LeRobot's, of leader arms, and the ports of USB adapters that are plugged in now."""
        robots = [name for name in config_names("robots") if load_robot(name).hardware is not None]
        try:
            ports, problem = found_ports(), ""
        except ImportError as error:
            ports, problem = [], f"ports cannot be listed ({error}); valid: pip install pyserial"
        return JSONResponse({"robots": robots, "leaders": list(LEADERS), "ports": ports, "problem": problem})
