"""stop_button_node: one button of hardware that stops the graph. Its death stops the graph as well (safety_node listens)."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from strands_robots.msg import StopButtonState, StopRequest

from strands_robots.core.errors import ConfigurationError
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.messages.stamps import to_time
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters
from strands_robots.stop_button.button import ButtonInput, ButtonState, SwitchContact
from strands_robots.stop_button.evdev import EvdevButton
from strands_robots.stop_button.gpio import RESISTORS, GpioButton, GpioConfig, check_gpiod, parse_line
from strands_robots.stop_button.key_names import parse_keys
from strands_robots.stop_button.monitor import Monitor


@dataclass(frozen=True)
class StopButtonParameters:
    """Parameters of stop_button_node."""

    run_id: str = parameter("", "run of the graph, from bringup; only recorded")
    name: str = parameter("button", "name of the button; its stops have the source button/<name>")
    device: str = parameter("", "input device: /dev/input/event<number>, another path to it, or the device's name")
    gpio: str = parameter("", "GPIO line instead of an input device: gpiochip<number>:<line>")
    keys: tuple[str, ...] = parameter((), "keys of the input device that stop, names or numbers; none for every key")
    contact: str = parameter(
        "auto",
        "what the switch does while it is not pressed; auto: a key is normally open, a GPIO line normally closed",
        choices=("auto", *(contact.value for contact in SwitchContact)),
    )
    grab: bool = parameter(False, "take the input device for this node alone, so that it types nowhere else")
    resistor: str = parameter("pull_up", "what gives the GPIO line a level while the switch is open", choices=RESISTORS)
    debounce: float = parameter(
        0.0, "time that a level of the GPIO line must last to count; delays the stop [s]", minimum=0.0, maximum=0.05
    )


def make_button(parameters: StopButtonParameters) -> ButtonInput:
    """Return the button that the parameters describe, not opened yet.

    Raises:
        ConfigurationError: If they describe none or two, a normally closed button names no keys, or gpiod is missing.
    """
    if bool(parameters.device) == bool(parameters.gpio):
        raise ConfigurationError(
            f"device is '{clip(parameters.device, 128)}' and gpio is '{clip(parameters.gpio, 128)}'; valid: one of them"
        )
    default = SwitchContact.NORMALLY_OPEN if parameters.device else SwitchContact.NORMALLY_CLOSED
    contact = default if parameters.contact == "auto" else SwitchContact(parameters.contact)
    if parameters.device:
        return EvdevButton(parameters.device, parse_keys(parameters.keys), contact, parameters.grab)
    chip, line = parse_line(parameters.gpio)
    check_gpiod()
    return GpioButton(GpioConfig(chip, line, contact, parameters.resistor, parameters.debounce))


class _Link:
    """Publishes from the thread that reads the button: who hears the heartbeat knows that this thread lives."""

    def __init__(self, node: Node, name: str) -> None:
        self._log = node.get_logger()
        self._request = StopRequest(source=f"button/{name}")
        self._beat = StopButtonState(name=name, session=uuid.uuid4().hex)
        self._stops = node.create_publisher(StopRequest, "safety/stop_request", qos.SAFETY)
        self._beats = node.create_publisher(StopButtonState, "safety/buttons", qos.SAFETY)

    def stop(self, reason: str) -> None:
        self._request.reason = clip(reason, 256)
        self._request.header.stamp = to_time(time.time())
        self._stops.publish(self._request)
        self._log.warning(f"stop: {self._request.reason}")

    def beat(self, state: ButtonState, message: str) -> None:
        self._beat.sequence += 1
        self._beat.state = int(state)
        self._beat.message = clip(message, 256)
        self._beat.header.stamp = to_time(time.time())
        self._beats.publish(self._beat)

    def listeners(self) -> int:
        return int(self._stops.get_subscription_count())


class StopButtonNode(Node):
    """Wires one button to the graph."""

    def __init__(self) -> None:
        super().__init__("stop_button_node")
        parameters = read_parameters(self, StopButtonParameters)
        name = parameters.name
        if not name or len(name) > 64 or not name.isascii() or not name.isprintable():
            raise ConfigurationError(f"name is '{clip(name, 128)}'; valid: 1 to 64 printable ASCII characters")
        self._ending = threading.Event()
        self._monitor = Monitor(make_button(parameters), _Link(self, name), self._ending.wait)
        self._thread = threading.Thread(target=self._watch, name="button", daemon=True)
        self._thread.start()
        self.create_timer(0.2, self._check, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def destroy_node(self) -> None:
        """End the thread, then the node."""
        self._ending.set()
        self._thread.join(0.5)
        super().destroy_node()

    def _watch(self) -> None:
        while not self._ending.is_set():
            self._monitor.step(time.monotonic())
        self._monitor.close()

    def _check(self) -> None:
        if not self._thread.is_alive():
            raise RuntimeError("the thread that reads the button has ended")


def main() -> int:
    """Run stop_button_node until a signal."""
    return run_node(StopButtonNode, is_critical=True)
