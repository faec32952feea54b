"""driver_node: one real robot on the graph, as a lifecycle node. Only wires parameters, topics and transitions to the loop."""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from strands_robots.control.gate import Gate
from strands_robots.control.limits import LimitPolicy
from strands_robots.control.refusal import Refusal, Verdict
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.description.urdf_files import published_urdf
from strands_robots.drivers.driver import DriverError
from strands_robots.drivers.loop import DrivenRobot, DriverLoop, SteadyRosTime
from strands_robots.drivers.making import KINDS, RealRobot, RobotConnection, make_driver, make_gate
from strands_robots.nodes.driver.driver_diagnostics import DriverDiagnostics
from strands_robots.nodes.driver.lifecycle import guard_transitions
from strands_robots.nodes.driver.robot_discovery_guard import other_robot
from strands_robots.nodes.driver.ros2_control_client import Ros2ControlClient
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters
from strands_robots.ros.robot.robot_topics import RobotTopics, RobotTopicsConfig
from strands_robots.ros.robot.safety_subscriber import SafetySubscriber

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


@dataclass(frozen=True)
class DriverParameters:
    """Parameters of driver_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; for the log.")
    robot: str = parameter("", "The robot, '<name>=<robot>'; there is no default for real hardware.")
    driver: str = parameter("auto", "What moves the robot; auto is what its description names.", choices=KINDS)
    port: str = parameter("", "Serial port of a servo bus; there is no default for real hardware.")
    calibration: str = parameter("", "LeRobot's calibration file; empty for the one that LeRobot keeps for `arm`.")
    arm: str = parameter("", "Id of the arm, as given to lerobot-calibrate.")
    controllers: str = parameter(
        "", "Controllers of a robot behind ros2_control: a name in config/ros2_control, a YAML file, or YAML."
    )
    wait: float = parameter(
        30.0,
        "Longest wait at a connection for controllers and states of a robot behind ros2_control [s].",
        minimum=0.1,
        maximum=3600.0,
    )
    autostart: str = parameter(
        "none", "Transitions that the node makes once, at its start.", choices=["none", "configure", "activate"]
    )
    at_exit: str = parameter("hold", "What the servos do when the node ends.", choices=["hold", "off"])
    control_period: float = parameter(0.01, "Time between two control ticks [s].", minimum=0.002, maximum=0.1)
    heartbeat_timeout: float = parameter(
        0.25, "Without SafetyState for this long the robot stops [s, steady time].", minimum=0.02, maximum=10.0
    )
    answer_timeout: float = parameter(
        0.0,
        "A drive that has not answered for this long is lost and the robot stops [s]; 0 takes the driver's own: 0.15 on a servo bus, "
        "0.3 behind a class of LeRobot.",
        minimum=0.0,
        maximum=5.0,
    )
    stall_timeout: float = parameter(
        0.25,
        "A control tick that comes this late while something plays stops the robot [s, steady time]; at least five periods.",
        minimum=0.02,
        maximum=10.0,
    )
    lease_timeout: float = parameter(
        0.5,
        "A source silent for this long after its chunk loses the robot [s, steady time].",
        minimum=0.02,
        maximum=60.0,
    )
    limit_policy: str = parameter(
        "clamp", "What happens to values over a limit.", choices=[policy.value for policy in LimitPolicy]
    )
    stop_category: int = parameter(
        -1, "IEC 60204-1 stop category: 0, 1 or 2; -1 takes the robot's own.", minimum=-1, maximum=2
    )
    external_lifetime: float = parameter(
        0.5, "Commands on the standard topics are accepted for this long after receipt [s].", minimum=0.01, maximum=60.0
    )


class DriverNode(LifecycleNode):
    """One real robot: configure connects, activate holds with torque, deactivate stops, cleanup lets go."""

    def __init__(self) -> None:
        super().__init__("driver_node")
        guard_transitions(self)
        self._given = read_parameters(self, DriverParameters)
        self._robot = RealRobot.parse(self._given.robot)
        self._clock_of_robot = SteadyRosTime()
        self._gates: list[Gate] = []
        self._loop: DriverLoop | None = None
        self._ports: RobotTopics | None = None
        self._told = ""
        self._safety = SafetySubscriber(self, self._gates, self._clock_of_robot.now, self._given.run_id)
        self._diagnostics = DriverDiagnostics(self)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(0.05, self._watch, clock=steady)
        self.create_timer(1.0, lambda: self._diagnostics.publish(self._loop), clock=steady)
        self._problem = ""
        if self._given.autostart != "none":
            try:
                self._start()
            except ConfigurationError:
                self.destroy_node()
                raise

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Connect and check; the robot's topics come, torque stays as it is."""
        given, robot = self._given, self._robot
        try:
            self._require_no_rival()
            connection = RobotConnection(
                given.driver,
                given.port,
                given.calibration,
                given.arm,
                given.controllers,
                given.stop_category,
                given.answer_timeout,
                given.wait,
                self.get_logger().info,
            )
            driver = make_driver(robot, connection, lambda controlled: Ros2ControlClient(self, controlled, robot.name))
            driver.connect()
        except StrandsRobotsError as error:
            return self._refuse(error)
        driven = DrivenRobot(robot.name, len(robot.config.joints), driver)
        try:
            self._require_no_rival()  # connecting gave discovery more time
            driven.read()
            gate = make_gate(
                robot, driver, driven.position, given.control_period, given.stop_category, given.limit_policy,
                given.heartbeat_timeout, given.stall_timeout, given.lease_timeout,
            )  # fmt: skip
        except StrandsRobotsError as error:
            driver.disconnect()
            return self._refuse(error)
        urdf = robot.config.urdf
        description = "" if urdf is None else published_urdf(urdf)
        config = RobotTopicsConfig(given.external_lifetime, given.control_period)
        self._ports = RobotTopics(self, gate, self._admit, self._clock_of_robot.now, description, config)
        self._loop = DriverLoop(driven, gate, self._ports, given.control_period, self._clock_of_robot)
        self._gates.append(gate)
        self._loop.start()
        self.get_logger().info(f"'{robot.name}' is connected: {driver.identity}")
        return SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Torque on, at the measured position."""
        assert self._loop is not None
        try:
            self._loop.activate()
        except StrandsRobotsError as error:
            return self._refuse(error)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop within the limits; the servos go on holding."""
        assert self._loop is not None
        if not self._loop.deactivate("deactivated") and not self._loop.fault:
            self.get_logger().error(f"'{self._robot.name}' was not seen at rest")
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Torque off, and disconnect; a robot that cannot be reached any more is only forgotten."""
        self._leave(lets_go=True)
        return SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As when the process ends."""
        self._leave(lets_go=self._given.at_exit == "off")
        return SUCCESS

    def destroy_node(self) -> None:
        """Stop the robot, then end the node."""
        if self._loop is not None and self._loop.is_active:
            self._loop.deactivate("driver_node ends", 0.5)
        self._leave(lets_go=self._given.at_exit == "off")
        self._safety.close()
        super().destroy_node()

    def _require_no_rival(self) -> None:
        rival = other_robot(self, self._robot.name)
        if rival:
            raise DriverError(f"'{rival}' already serves /{self._robot.name}; valid: one robot node for each name")

    def _start(self) -> None:
        if self.trigger_configure() is not SUCCESS:
            raise ConfigurationError(f"robot '{self._robot.name}': {self._problem}")
        if self._given.autostart == "activate" and self.trigger_activate() is not SUCCESS:
            raise ConfigurationError(f"robot '{self._robot.name}': {self._problem}")

    def _leave(self, lets_go: bool) -> None:
        loop, ports = self._loop, self._ports
        if loop is None or ports is None:
            return
        self._loop = self._ports = None
        if lets_go:
            try:
                loop.release()
            except DriverError as error:
                self.get_logger().error(f"torque could not be switched off: {error}")
        loop.stop()
        loop.gate.retire()
        now = self._clock_of_robot.now()
        ports.publish_gate(now.ros, loop.gate.report(now))
        loop.robot.driver.disconnect()
        self._gates.remove(loop.gate)
        ports.close()

    def _admit(self, gate: Gate, chunk: Chunk, topic: str) -> Verdict:
        if self._loop is None or not self._loop.is_active:
            return gate.refuse(
                Refusal.LATCHED,
                f"'{self._robot.name}' is not active; valid: after the transition activate",
                chunk.source,
            )
        return gate.submit(chunk, topic, self._clock_of_robot.now())

    def _watch(self) -> None:
        """Leave the active state after a fault; only an operator's request leads back to it."""
        fault = "" if self._loop is None else self._loop.fault
        if fault and fault != self._told:
            self.get_logger().error(
                f"'{self._robot.name}' is lost: {fault}; it stays so until an operator does cleanup, configure, activate"
            )
            self.trigger_deactivate()
        self._told = fault

    def _refuse(self, error: StrandsRobotsError) -> TransitionCallbackReturn:
        self._problem = str(error)
        self.get_logger().error(self._problem)
        return FAILURE


def main() -> int:
    """Run driver_node; return the process's exit code."""
    return run_node(DriverNode, grace=5.0, is_critical=True)
