"""sim_node: a simulated world on the graph. Only wires parameters, topics and services to the runtime."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rosgraph_msgs.msg import Clock as ClockMessage

from strands_robots.control.gate import Gate, GateConfig
from strands_robots.control.limits import LimitPolicy
from strands_robots.control.loop import ControlLoop
from strands_robots.control.refusal import Verdict
from strands_robots.core.chunk import Chunk
from strands_robots.core.errors import WorldError
from strands_robots.core.types import Instant, StopCategory
from strands_robots.description.urdf_files import published_urdf
from strands_robots.nodes.sim.camera_registry import CameraRegistry
from strands_robots.nodes.sim.markers import SceneMarkers
from strands_robots.nodes.sim.query_services import QueryServices
from strands_robots.nodes.sim.render_services import RenderServices
from strands_robots.nodes.sim.robot_registry import RobotRegistry
from strands_robots.nodes.sim.scene_services import SceneServices
from strands_robots.nodes.sim.simulated_robot_topics import SimulatedRobotTopics
from strands_robots.nodes.sim.simulation_interfaces import SimulationInterfaces, has_simulation_interfaces
from strands_robots.nodes.sim.state_services import StateServices
from strands_robots.nodes.sim.transforms import WorldTransforms, has_transforms
from strands_robots.nodes.sim.world_diagnostics import MOST_PAIRS, WorldDiagnostics
from strands_robots.nodes.sim.world_services import WorldServices
from strands_robots.ros.calls.publishers import create_publisher
from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import fill_time
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters
from strands_robots.ros.robot.robot_topics import RobotTopicsConfig
from strands_robots.ros.robot.safety_subscriber import SafetySubscriber
from strands_robots.sim.edit.model_files import ModelGuard
from strands_robots.sim.penetration import penetrations
from strands_robots.sim.render.gl import check_rendering
from strands_robots.sim.render.viewer import Viewer, require_screen
from strands_robots.sim.run.runtime import RuntimeConfig, SimRuntime, WorldMode
from strands_robots.sim.world.world import World
from strands_robots.sim.world.world_robot import WorldRobot
from strands_robots.sim.world.world_setup import naming_robots, world_config

WATCH_PERIOD = 0.1
"""Time between two looks at the physics thread [s, steady time]."""

HANGING_LOOKS = 50
"""The node ends when the physics thread made no progress for this many looks. Looks are counted, not seconds, so that a
process that was stopped and continued is not taken for a hanging one."""


@dataclass(frozen=True)
class SimParameters:
    """Parameters of sim_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; for the log.")
    robots: tuple[str, ...] = parameter(
        ("so101=so101",),
        "Robots, each '<name>=<robot>' or '<name>=<robot>@<x>,<y>,<z>[,<yaw>]'; a known robot or a model file.",
    )
    mode: str = parameter("realtime", "How simulated time passes.", choices=[mode.value for mode in WorldMode])
    real_time_factor: float = parameter(
        1.0, "Simulated seconds for each second of wall time, in mode realtime.", minimum=0.01, maximum=100.0
    )
    headless: bool = parameter(True, "False opens MuJoCo's viewer; needs a screen.")
    cameras: bool = parameter(True, "Publish the cameras.")
    camera_rate: float = parameter(
        30.0, "Pictures of each camera per simulated second [Hz].", minimum=0.1, maximum=240.0
    )
    seed: int = parameter(0, "Seed of the world's random streams.", minimum=0)
    scene: str = parameter("", "MJCF file of the surroundings; empty for a floor.")
    scene_folders: tuple[str, ...] = parameter(
        ("",), "Folders below which services may read scenes, robots and meshes; empty reads none."
    )
    output_folder: str = parameter("", "Folder below which world/render may write; empty writes nothing.")
    timestep: float = parameter(0.002, "Physics timestep [s].", minimum=1e-5, maximum=0.05)
    control_period: float = parameter(
        0.01, "Time between two control ticks [s]; a whole multiple of timestep.", minimum=1e-3, maximum=1.0
    )
    heartbeat_timeout: float = parameter(
        0.25, "Without SafetyState for this long the robots stop [s, steady time].", minimum=0.02, maximum=10.0
    )
    stall_timeout: float = parameter(
        0.25,
        "A control tick that comes this late while something plays stops the robot [s, steady time]; at least five periods.",
        minimum=0.02,
        maximum=10.0,
    )
    lease_timeout: float = parameter(
        0.5, "A source silent for this long after its chunk loses the robot [s, ROS time].", minimum=0.02, maximum=60.0
    )
    limit_policy: str = parameter(
        "clamp", "What happens to values over a limit.", choices=[policy.value for policy in LimitPolicy]
    )
    stop_category: int = parameter(
        -1, "IEC 60204-1 stop category of every robot: 0, 1 or 2; -1 takes each robot's own.", minimum=-1, maximum=2
    )
    external_lifetime: float = parameter(
        0.5, "Commands on the standard topics are accepted for this long after receipt [s].", minimum=0.01, maximum=60.0
    )
    owner_timeout: float = parameter(
        5.0, "A silent owner of world/step loses it after this [s, steady time].", minimum=0.1, maximum=600.0
    )


class SimNode(Node):
    """The simulated world as a node. `runtime` has the threads; they start with the node and end in `destroy_node`."""

    def __init__(self) -> None:
        super().__init__("sim_node")
        given = read_parameters(self, SimParameters)
        if not given.headless:
            require_screen()
        with naming_robots(given.robots):
            config = world_config(given.robots, given.scene, given.timestep, given.camera_rate)
            self.world = World(config, given.seed)
        self._given = given
        robots = self._robots = RobotRegistry(self, self.world, lambda robot: _gate(robot, given), self._robot_ports)
        control = ControlLoop(self.world, robots.loops, given.timestep, given.control_period)
        if given.cameras:
            check_rendering()
        self._camera_roster = CameraRegistry(self, self.world, given.cameras)
        self.cameras = self._camera_roster.worker
        self._clock_message = ClockMessage()
        self._clock_publisher = create_publisher(self, ClockMessage, "/clock", qos.STATE)
        self._transforms = WorldTransforms(self, self.world) if has_transforms() else None
        if self._transforms is None:
            self.get_logger().info("tf2_msgs is not installed; /tf is not published")
        self.runtime = SimRuntime(
            self.world, control, self.cameras,
            RuntimeConfig(WorldMode(given.mode), given.real_time_factor, given.owner_timeout), self._publish_time,
        )  # fmt: skip
        self.runtime.stepper.settle = lambda: self._settle(robots)
        self._safety = SafetySubscriber(self, robots.gates, self.runtime.now, given.run_id)
        robots.start(self.runtime, self._safety)
        folder = Path(given.output_folder).expanduser() if given.output_folder else None
        WorldServices(self, self.runtime, self.world, robots.ports, lambda: robots.follow(self._follow_world))
        RenderServices(self, self.runtime, self.world, folder)
        self._queries = QueryServices(self, self.runtime, self.world)
        StateServices(self, self.runtime, self.world)
        self._markers = SceneMarkers(self, self.runtime, self.world)
        guard = ModelGuard([Path(folder) for folder in given.scene_folders if folder])
        scene = SceneServices(
            self, self.runtime, self.world, guard, robots.prune, lambda: robots.follow(self._follow_world)
        )
        self._standard = (
            SimulationInterfaces(self, self.runtime, self.world, guard, scene) if has_simulation_interfaces() else None
        )
        self._diagnostics = WorldDiagnostics(self, self.runtime, robots.gates, lambda: penetrations(self.world))
        self._viewer = None if given.headless else Viewer(self.world)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._looks, self._ticks, self._followed = 0, -1, self.world.generation
        self.create_timer(WATCH_PERIOD, self._watch, clock=steady)
        self.create_timer(1.0, self._diagnostics.publish, clock=steady)
        if self._viewer is not None:
            self.create_timer(1.0 / 30.0, self._viewer.show, clock=steady)
        self.cameras.start()
        self.runtime.start()
        self._say_penetrations()
        self.get_logger().info(f"{given.mode} world with {', '.join(robots.ports)}, run '{given.run_id}'")

    def destroy_node(self) -> None:
        """End the threads, then the node."""
        self.cameras.end()
        self.runtime.stop(0.3)
        self.cameras.stop()
        self._safety.close()
        self._queries.stop()
        self._markers.stop()
        if self._standard is not None:
            self._standard.stop()
        if self._viewer is not None:
            self._viewer.close()
        super().destroy_node()

    def _robot_ports(self, gate: Gate) -> SimulatedRobotTopics:
        urdf = self.world.robots[gate.config.robot].config.urdf
        if urdf is None:
            self.get_logger().warning(f"'{gate.config.robot}' has no URDF; robot_description stays empty")
        description = "" if urdf is None else published_urdf(urdf, self.world.robots[gate.config.robot].spec.rule)
        config = RobotTopicsConfig(self._given.external_lifetime, self._given.control_period)
        return SimulatedRobotTopics(self, gate, self._admit, self._now, description, config, self.world)

    def _admit(self, gate: Gate, chunk: Chunk, topic: str) -> Verdict:
        return self.runtime.admit(gate, chunk, topic)

    def _now(self) -> Instant:
        return self.runtime.now()

    def _follow_world(self) -> None:
        """Give cameras and frames that are new in the world their topics, after the world was changed."""
        self._followed = self.world.generation
        self._say_penetrations()
        self.runtime.call(self._camera_roster.follow())
        if self._transforms is not None:
            self.runtime.call(self._transforms.follow())

    def _say_penetrations(self) -> None:
        """Say which robots start inside of something: at rest they may push with all their force against what cannot move."""
        for each in penetrations(self.world)[:MOST_PAIRS]:
            self.get_logger().warning(
                f"robot '{each.robot}' starts inside something: {each}; place it higher or elsewhere ('<name>=<robot>@<x>,<y>,<z>'), "
                "or give it another home"
            )

    def _settle(self, robots: RobotRegistry) -> None:
        """Wait, in lockstep, until every reliable reader has what was published; in the physics thread."""
        for port in list(robots.ports.values()):
            port.settle()
        self._camera_roster.settle()

    def _publish_time(self, stamp: float) -> None:
        """Publish /clock, and the frames at the same rate; in the physics thread."""
        fill_time(self._clock_message.clock, stamp)
        self._clock_publisher.publish(self._clock_message)
        if self._transforms is not None:
            self._transforms.publish(stamp)

    def _watch(self) -> None:
        """Follow resets that drew another world; end the node when one of its threads has ended or hangs."""
        if self.world.generation != self._followed:
            self._followed = self.world.generation
            self._robots.follow(self._follow_world)
        for name, failure in (("physics", self.runtime.failure), ("camera", self.cameras.failure)):
            if failure is not None:
                raise WorldError(f"the {name} thread has ended: {failure}") from failure
        self._looks = self._looks + 1 if self.runtime.progress == self._ticks else 0
        self._ticks = self.runtime.progress
        if self._looks >= HANGING_LOOKS:
            raise WorldError(f"the physics thread made no progress for {HANGING_LOOKS * WATCH_PERIOD:.0f} s")


def _gate(robot: WorldRobot, given: SimParameters) -> Gate:
    mode = WorldMode(given.mode)
    # A tick that comes late by the wall clock means a hanging robot only where the wall clock decides when ticks come.
    periods = 5.0 * given.control_period / given.real_time_factor
    stall = max(given.stall_timeout, periods) if mode is WorldMode.REALTIME else float("inf")
    config = GateConfig(
        robot=robot.name,
        session=uuid.uuid4().hex,
        control_period=given.control_period,
        stop_category=robot.config.stop_category if given.stop_category < 0 else StopCategory(given.stop_category),
        modes=robot.config.control_modes,
        heartbeat_timeout=given.heartbeat_timeout,
        stall_timeout=stall,
        lease_timeout=given.lease_timeout,
        handover_speed=robot.config.handover_speed,
        limit_policy=LimitPolicy(given.limit_policy),
    )
    return Gate(config, robot.limits, robot.position, robot.supervision(given.control_period))


def main() -> int:
    """Run sim_node; return the process's exit code."""
    return run_node(SimNode, grace=2.5, has_pictures=True, is_critical=True)
