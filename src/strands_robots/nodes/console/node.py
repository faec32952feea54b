"""console_node: serves the console in the browser, on this machine. Costs nothing while no page is open."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.node import Node

from strands_robots.audit.log.layout import default_key_folder, default_log_folder
from strands_robots.clients.stop import GraphStop
from strands_robots.console.calibration_reads import CalibrationReads
from strands_robots.console.data_reads import DataSets
from strands_robots.console.model_reads import ModelReads
from strands_robots.console.pipeline_reads import Pipelines
from strands_robots.console.record_reads import RecordReads
from strands_robots.console.robot_meshes import RobotMeshes
from strands_robots.console.run_reads import Runs
from strands_robots.console.secret_file import run_secret
from strands_robots.console.server import ConsoleConfig, ConsoleServer
from strands_robots.console.tls import Listen
from strands_robots.core.errors import ConfigurationError
from strands_robots.nodes.console.driving import RosDriving
from strands_robots.nodes.console.graph_view import RosView
from strands_robots.nodes.console.ros_orders import RosOrders
from strands_robots.operators.own_key import operators_home
from strands_robots.ros.messages.conversions import clip
from strands_robots.ros.process.main import run_node
from strands_robots.ros.process.parameters import parameter, read_parameters


@dataclass(frozen=True)
class ConsoleParameters:
    """Parameters of console_node."""

    run_id: str = parameter("", "Run of the graph, given by bringup; the secret of the sessions is kept for it.")
    robots: tuple[str, ...] = parameter(
        ("",),
        "Robots that may be moved by hand from a page, '<name>=<robot>' as sim_node has them; one empty text for none.",
    )
    port: int = parameter(8780, "Port of the pages on 127.0.0.1; 0 for a free one.", minimum=0, maximum=65535)
    stop_port: int = parameter(
        8781, "Port of the stop's own way on 127.0.0.1; 0 for a free one.", minimum=0, maximum=65535
    )
    listen: str = parameter(
        "",
        "Address of this machine on which browsers of other machines may look on and stop, and sign in, over TLS; empty for none.",
    )
    listen_port: int = parameter(
        8790, "Port of the pages for other machines; 0 for a free one.", minimum=0, maximum=65535
    )
    listen_stop_port: int = parameter(
        8791, "Port of the stop's own way for other machines; 0 for a free one.", minimum=0, maximum=65535
    )
    certificate: str = parameter("", "PEM file with the certificate for `listen`; other machines use the names in it.")
    key: str = parameter("", "PEM file with its private key.")
    data_folders: tuple[str, ...] = parameter(
        ("~/datasets", "~/.cache/huggingface/lerobot"), "Folders of data sets, which pages may show and edit."
    )
    run_folders: tuple[str, ...] = parameter(
        ("out", "outputs", "~/evaluations"),
        "Folders of evaluations and pipelines, which pages may show; relative to where the console was started.",
    )
    stop_button: str = parameter(
        "", "Where the stop button beside the robots is, in words; shown when the page's own may not work."
    )


class ConsoleNode(Node):
    """Wires the console to the graph."""

    def __init__(self) -> None:
        super().__init__("console_node")
        given = read_parameters(self, ConsoleParameters)
        source = f"operator/{clip(_login_name(), 100)}"
        self._stop = GraphStop(self)
        sets = DataSets([Path(folder) for folder in given.data_folders if folder])
        self._orders = RosOrders(self, source, sets)
        robots = tuple(text for text in given.robots if text)
        self._driving = RosDriving(self, robots, self.get_logger().info)
        config = ConsoleConfig(
            given.port, given.stop_port, self.get_namespace(), given.stop_button, source, _listen(given)
        )
        log = default_log_folder(os.environ, self.get_namespace())
        folders = [Path(folder) for folder in given.run_folders if folder]
        runs, pipelines = Runs(folders), Pipelines(folders)
        records = RecordReads(log, default_key_folder(os.environ))
        view = RosView(self)
        models = ModelReads(view.urdf, view.world.since, view.world.around, view.world.base, RobotMeshes(robots).of)
        reads = (*sets.routes(), *runs.routes(), *records.routes(), *models.routes())
        reads += (*pipelines.routes(), *CalibrationReads().routes(), *self._orders.conversation.routes())
        self._server = ConsoleServer(
            config, run_secret(operators_home() / "runs", given.run_id), self._stop.stop, view, self._orders,
            self._driving, _show, self.get_logger().info, self._more, reads,
        )  # fmt: skip
        self._server.show_address()
        self.get_logger().info(
            f"console on port {self._server.port}, its stop on port {self._server.stop_port}, of 127.0.0.1, run '{given.run_id}'"
        )

    def destroy_node(self) -> None:
        """Let go of every robot, end the server, then the node."""
        self._driving.close()
        self._orders.close()
        self._server.close()
        self._stop.close()
        super().destroy_node()

    def _more(self) -> dict[str, Any]:
        return {"driving": self._driving.words(), **self._orders.words()}


def _listen(given: ConsoleParameters) -> Listen | None:
    """Return where the console listens for other machines; None where it shall not."""
    if not given.listen:
        return None
    if not given.certificate or not given.key:
        raise ConfigurationError("listen is given without certificate and key; valid: PEM files of both, or no listen")
    files = [Path(name).expanduser() for name in (given.certificate, given.key)]
    return Listen(given.listen, given.listen_port, given.listen_stop_port, files[0], files[1])


def _show(address: str) -> None:
    """Show a one-time address on this terminal only, short enough for the live view: the log is a topic that the whole graph may read."""
    print(f"open {address}", flush=True)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name, as in some containers
        return f"uid{os.getuid()}"


def main() -> int:
    """Run console_node until a signal."""
    return run_node(ConsoleNode, has_pictures=True)


if __name__ == "__main__":
    raise SystemExit(main())
