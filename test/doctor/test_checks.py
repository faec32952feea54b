"""Every check on a machine with that one thing broken: it is found, and the remedy says what to do."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from strands_robots.control import inner_loop
from strands_robots.core.errors import UnknownNameError
from strands_robots.doctor.building import check_compiler, check_inner_loop
from strands_robots.doctor.devices import check_buttons, check_cameras, check_serial_ports
from strands_robots.doctor.examination import CHECKS, examine
from strands_robots.doctor.graphics import check_gl, check_gpu
from strands_robots.doctor.learning import check_lerobot, check_torch
from strands_robots.doctor.machine import Machine
from strands_robots.doctor.middleware import check_domain, check_rmw, check_router
from strands_robots.doctor.result import Result, Status, failed
from strands_robots.doctor.ros import check_interfaces, check_python, check_ros
from strands_robots.doctor.storage import MEGABYTE, check_disk, check_shared_memory


def machine(root: Path = Path("/"), **environ: str) -> Machine:
    return Machine({**os.environ, **environ}, root)


def program(folder: Path, name: str, *lines: str) -> Path:
    """Put a program on a PATH of its own."""
    path = folder / name
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    return path


def assert_found(result: Result, status: Status, words: str, remedy: str) -> None:
    assert result.status is status, result
    assert words in result.found
    assert remedy in "\n".join(result.remedy) and len(result.remedy) == 2


def test_python_that_is_too_new_is_found() -> None:
    assert_found(check_python(machine(), (3, 15)), Status.FAILED, "3.15", "make setup PYTHON=python3.12")


def test_missing_package_is_found(tmp_path: Path) -> None:
    bare = program(tmp_path, "python", f'exec {sys.executable} -I -S "$@"')
    result = check_python(Machine(dict(os.environ), python=str(bare)))
    assert_found(result, Status.FAILED, "mujoco", "make setup")


def test_shell_without_ros_is_found_and_an_installation_is_offered(tmp_path: Path) -> None:
    bare = program(tmp_path, "python", f'exec {sys.executable} -I -S "$@"')
    lost = Machine({}, tmp_path, str(bare))
    assert_found(check_ros(lost), Status.FAILED, "No module named 'rclpy'", "make setup")
    setup = tmp_path / "opt" / "ros" / "jazzy" / "setup.bash"
    setup.parent.mkdir(parents=True)
    setup.touch()
    assert_found(check_ros(lost), Status.FAILED, "rclpy", f"source {setup}")
    assert_found(check_interfaces(lost), Status.FAILED, "cannot be imported", "make build")


def test_distribution_that_nobody_tried_is_a_warning() -> None:
    assert_found(check_ros(machine(ROS_DISTRO="rolling")), Status.WARNING, "'rolling'", "jazzy")


def test_middleware_that_is_not_installed_is_found(tmp_path: Path) -> None:
    prefix = tmp_path / "opt" / "ros" / "humble"
    index = prefix / "share" / "ament_index" / "resource_index" / "rmw_typesupport"
    index.mkdir(parents=True)
    (index / "rmw_cyclonedds_cpp").touch()
    sourced = machine(RMW_IMPLEMENTATION="rmw_nothing_cpp", AMENT_PREFIX_PATH=str(prefix), ROS_DISTRO="humble")
    result = check_rmw(sourced)
    assert_found(result, Status.FAILED, "'rmw_nothing_cpp', which is not installed", "ros-humble-rmw-nothing-cpp")


def test_other_middleware_on_the_wheels_is_refused_with_the_reason(tmp_path: Path) -> None:
    prefix = tmp_path / "venv"
    (prefix / "lib" / "python3.12" / "site-packages" / "ros_rclpy-7.1.6.dist-info").mkdir(parents=True)
    result = check_rmw(machine(RMW_IMPLEMENTATION="rmw_zenoh_cpp", AMENT_PREFIX_PATH=str(prefix)))
    assert_found(result, Status.FAILED, "linked with Fast DDS", "unset RMW_IMPLEMENTATION")
    assert "apt install" not in "".join(result.remedy)


def test_middleware_that_does_not_load_is_found(tmp_path: Path) -> None:
    index = tmp_path / "share" / "ament_index" / "resource_index" / "rmw_typesupport"
    index.mkdir(parents=True)
    (index / "rmw_broken_cpp").touch()
    prefixes = f"{tmp_path}:{os.environ['AMENT_PREFIX_PATH']}"
    result = check_rmw(machine(RMW_IMPLEMENTATION="rmw_broken_cpp", AMENT_PREFIX_PATH=prefixes))
    assert_found(result, Status.FAILED, "cannot be loaded", "unset it")


def test_router_is_asked_for_only_where_zenoh_is_used() -> None:
    assert check_router(machine(RMW_IMPLEMENTATION="rmw_fastrtps_cpp")).status is Status.ABSENT


def test_missing_router_is_a_warning_and_a_stranger_on_its_port_a_failure(tmp_path: Path) -> None:
    zenoh = machine(RMW_IMPLEMENTATION="rmw_zenoh_cpp")
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        stranger = _Held("test_program", 4711)
        assert_found(
            check_router(stranger.of(zenoh), port),
            Status.FAILED,
            f"port {port} of the Zenoh router is held by test_program (4711)",
            "end that",
        )
        hung = check_router(_Held("rmw_zenohd", 4711).of(zenoh), port)
        assert_found(hung, Status.FAILED, "rmw_zenohd (4711) listens", "kill -9")
    assert_found(check_router(zenoh, port), Status.WARNING, "no Zenoh router", "rmw_zenohd")


@pytest.mark.parametrize(
    ("host", "status", "words"),
    [
        ("127.0.0.1", Status.OK, "on this machine only"),
        ("0.0.0.0", Status.WARNING, "it listens on 0.0.0.0, without TLS"),
    ],
)
def test_router_that_other_machines_reach_is_a_warning(
    host: str, status: Status, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strands_robots.doctor.middleware.router_answers", lambda address: True)
    with socket.create_server((host, 0)) as server:
        held = _Held("rmw_zenohd", 4711).of(machine(RMW_IMPLEMENTATION="rmw_zenoh_cpp"))
        result = check_router(held, server.getsockname()[1])
    assert result.status is status and words in result.found


class _Held:
    """Makes a machine on which everything is held by one program."""

    def __init__(self, name: str, pid: int) -> None:
        self._holder = (pid, name)

    def of(self, given: Machine) -> Machine:
        holder = self._holder

        class HeldMachine(Machine):
            def holders(self, path: Path) -> list[tuple[int, str]]:
                return [holder]

        return HeldMachine(given.environ, given.root, given.python)


@pytest.mark.parametrize("given", ["many", "-1", "233"])
def test_domain_that_is_no_domain_is_found(given: str) -> None:
    assert_found(check_domain(machine(ROS_DOMAIN_ID=given)), Status.FAILED, f"'{given}'", "ROS_DOMAIN_ID=0")


def test_domain_in_the_ephemeral_ports_is_a_warning() -> None:
    assert_found(check_domain(machine(ROS_DOMAIN_ID="150")), Status.WARNING, "150", "0 to 101")


def _udp_table(root: Path, ports: list[int]) -> None:
    lines = [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"
    ]
    lines += [
        f"  1: 00000000:{port:04X} 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 {port} 2 0 0"
        for port in ports
    ]
    (root / "proc" / "net").mkdir(parents=True, exist_ok=True)
    (root / "proc" / "net" / "udp").write_text("\n".join(lines) + "\n")


def test_participants_of_the_domain_are_counted_and_a_full_domain_is_found(tmp_path: Path) -> None:
    base = 7400 + 250 * 7 + 10
    _udp_table(tmp_path, [base, base + 1, base + 2, 53])
    assert "7, 2 DDS participants" in check_domain(machine(tmp_path, ROS_DOMAIN_ID="7")).found
    _udp_table(tmp_path, list(range(base, base + 250)))
    assert_found(check_domain(machine(tmp_path, ROS_DOMAIN_ID="7")), Status.FAILED, "busy", "ROS_DOMAIN_ID=8")


def test_ports_of_this_machine_are_seen() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
        before = check_domain(machine(ROS_DOMAIN_ID="99")).found
        busy.bind(("127.0.0.1", 7400 + 250 * 99 + 10 + 2 * 50))
        count = int(before.split(", ")[1].split()[0])
        assert f"99, {count + 1} DDS" in check_domain(machine(ROS_DOMAIN_ID="99")).found


def test_machine_without_opengl_is_found() -> None:
    result = check_gl(machine(MUJOCO_GL="no_such_backend"))
    assert_found(result, Status.FAILED, "MUJOCO_GL=no_such_backend", "libegl1")
    assert "unset MUJOCO_GL" in result.remedy[1]


def test_gpu_whose_driver_does_not_answer_is_a_warning(tmp_path: Path) -> None:
    assert check_gpu(machine(tmp_path)).status is Status.ABSENT
    version = tmp_path / "proc" / "driver" / "nvidia" / "version"
    version.parent.mkdir(parents=True)
    version.touch()
    program(tmp_path, "nvidia-smi", "echo 'Driver/library version mismatch' >&2; exit 18")
    assert_found(check_gpu(machine(tmp_path, PATH=str(tmp_path))), Status.WARNING, "mismatch", "reboot")
    program(tmp_path, "nvidia-smi", "echo 'NVIDIA H200, 143771 MiB, 570.1'")
    assert check_gpu(machine(tmp_path, PATH=str(tmp_path))).found == "NVIDIA H200, 143771 MiB, 570.1"


def test_torch_that_does_not_load_or_does_not_see_the_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strands_robots.doctor.learning._version", lambda package: "")
    assert check_torch(machine()).status is Status.ABSENT and check_lerobot(machine()).status is Status.ABSENT
    monkeypatch.setattr("strands_robots.doctor.learning._version", lambda package: "2.11.0")
    broken = program(tmp_path, "python", "echo 'ImportError: libcudart' >&2; exit 1")
    assert_found(check_torch(Machine({}, tmp_path, str(broken))), Status.FAILED, "libcudart", "pip install")
    blind = program(tmp_path, "python", "echo '2.11.0 False 13.0'")
    version = tmp_path / "proc" / "driver" / "nvidia" / "version"
    version.parent.mkdir(parents=True)
    version.touch()
    assert_found(check_torch(Machine({}, tmp_path, str(blind))), Status.WARNING, "does not see the GPU", "CUDA")
    assert_found(check_lerobot(machine()), Status.WARNING, "2.11.0; tested", "setup-learning")


def test_missing_compiler_fails_only_while_there_is_something_to_build(tmp_path: Path) -> None:
    built = replace(machine(), environ={**os.environ, "PATH": str(tmp_path)})
    assert_found(check_compiler(built), Status.WARNING, "no C++ compiler", "build-essential")
    bare = program(tmp_path, "python", "exit 1")
    assert_found(
        check_compiler(Machine({"PATH": str(tmp_path)}, python=str(bare))), Status.FAILED, "no C++", "build-essential"
    )


def test_inner_loop_that_was_not_compiled_is_found(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['strands_robots.control._native'] = None; exec(sys.argv[2])"
    bare = program(tmp_path, "python", f'exec {sys.executable} -c "{hide}" "$@"')
    found = check_inner_loop(Machine(dict(os.environ), python=str(bare)))
    assert_found(found, Status.WARNING, "not compiled", "requirements/base.txt")
    assert check_inner_loop(machine()).found.startswith("compiled" if not inner_loop.MISSING else "not compiled")


@pytest.mark.parametrize(("compiler", "cmake", "words"), [
    ("echo 'cannot find -lstdc++' >&2; exit 1", "exit 0", "builds nothing: cannot find -lstdc++"),
    ("exit 0", "echo 'cmake version 3.16.1'", "CMake 3.16; valid: 3.20"),
    ("exit 0", "exit 1", "does not run"),
])  # fmt: skip
def test_compiler_or_cmake_that_does_not_work_is_found(tmp_path: Path, compiler: str, cmake: str, words: str) -> None:
    program(tmp_path, "c++", compiler)
    program(tmp_path, "cmake", cmake)
    bare = program(tmp_path, "python", "exit 1")
    assert_found(check_compiler(Machine({"PATH": str(tmp_path)}, python=str(bare))), Status.FAILED, words, "make build")


@pytest.mark.parametrize(("free", "status"), [(100, Status.FAILED), (1000, Status.WARNING), (9000, Status.OK)])
def test_disk_that_fills_up_is_found(tmp_path: Path, free: int, status: Status) -> None:
    result = check_disk(machine(ROS_HOME=str(tmp_path)), lambda path: free * MEGABYTE)
    assert result.status is status and f"{free} MB free" in result.found
    if status is not Status.OK:
        assert "du -sh" in result.remedy[0] and "ROS_HOME" in result.remedy[1]


def test_disk_that_is_full_or_may_not_be_written_is_found() -> None:
    assert_found(check_disk(machine(ROS_HOME="/proc")), Status.FAILED, "/proc cannot be written", "chown")


def test_small_shared_memory_is_a_warning(tmp_path: Path) -> None:
    assert_found(check_shared_memory(machine(tmp_path)), Status.WARNING, "missing", "--shm-size")
    (tmp_path / "dev" / "shm").mkdir(parents=True)
    assert_found(
        check_shared_memory(machine(tmp_path), lambda path: 64 * MEGABYTE), Status.WARNING, "64 MB", "--shm-size"
    )


@pytest.mark.parametrize(("check", "name", "group"), [
    (check_cameras, "video0", "video"), (check_serial_ports, "ttyACM0", "dialout"), (check_serial_ports, "ttyUSB1", "dialout"),
])  # fmt: skip
def test_device_that_may_not_be_opened_or_is_busy_is_found(
    check: Callable[[Machine], Result], name: str, group: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check(machine(tmp_path)).status is Status.ABSENT
    device = tmp_path / "dev" / name
    device.parent.mkdir()
    device.touch()
    assert check(machine(tmp_path)).status is Status.OK
    busy = check(_Held("screen", 4711).of(machine(tmp_path)))
    assert_found(busy, Status.FAILED, f"{name} is busy: screen (4711)", "kill 4711")
    assert check(_Held("driver_node", 4711).of(machine(tmp_path))).status is Status.OK
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert_found(check(machine(tmp_path)), Status.FAILED, "may not be opened", f"usermod -aG {group}")


def test_program_that_holds_a_file_is_named(tmp_path: Path) -> None:
    import subprocess

    path = tmp_path / "ttyACM0"
    path.touch()
    with path.open() as file, subprocess.Popen(["sleep", "30"], stdin=file) as holder:
        assert (holder.pid, "sleep") in Machine().holders(path)
        holder.kill()


def test_serial_port_is_shown_by_its_lasting_name(tmp_path: Path) -> None:
    links = tmp_path / "dev" / "serial" / "by-id"
    links.mkdir(parents=True)
    (tmp_path / "dev" / "ttyACM0").touch()
    (links / "usb-Feetech-00").symlink_to("../../ttyACM0")
    assert "ttyACM0 (usb-Feetech-00)" in check_serial_ports(machine(tmp_path)).found


def test_buttons_are_counted(tmp_path: Path) -> None:
    assert check_buttons(machine(tmp_path)).status is Status.ABSENT
    (tmp_path / "dev" / "input").mkdir(parents=True)
    (tmp_path / "dev" / "input" / "event3").touch()
    assert "1 of 1" in check_buttons(machine(tmp_path)).found


def test_failure_without_a_remedy_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="no remedy"):
        Result("x", Status.FAILED, "broken")
    assert failed("x", "broken", "one", "two").remedy == ("one", "two")


def test_unknown_check_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"valid: .*python.*did you mean 'disk'"):
        examine(Machine(), ["disc"])
    assert [result.name for result in examine(Machine(), ["cameras", "router"])] == ["cameras", "router"]
    assert set(CHECKS) >= {"gl", "rmw", "compiler", "disk"}
