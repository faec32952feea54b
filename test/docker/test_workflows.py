"""The workflows: actions pinned by commit, least permissions, and jobs that come to an end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

GITHUB = Path(__file__).resolve().parents[2] / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
_PINNED = re.compile(r"uses: [\w.-]+(/[\w.-]+)+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")


def loaded(path: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="ascii"))
    return content


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version(path: Path) -> None:
    for line in path.read_text(encoding="ascii").splitlines():
        if "uses:" in line:
            assert _PINNED.search(line), f"{path.name}: {line.strip()}"


def test_one_action_has_one_commit() -> None:
    pins = {tuple(m.split("@")) for path in WORKFLOWS for m in re.findall(r"uses: (\S+@\S+)", path.read_text())}
    assert len({name for name, _ in pins}) == len(pins)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_may_only_read_and_every_job_has_a_time_limit(path: Path) -> None:
    workflow = loaded(path)
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 60
        assert set(job.get("permissions", {}).items()) <= {("contents", "read"), ("security-events", "write")}


def test_both_distributions_are_built_and_code_and_dependencies_are_looked_at() -> None:
    assert {path.stem for path in WORKFLOWS} >= {"ci", "lint", "images", "codeql", "dependency-review"}
    assert loaded(GITHUB / "workflows" / "images.yml")["jobs"]["build"]["strategy"]["matrix"]["distribution"] == [
        "humble", "jazzy",
    ]  # fmt: skip


def test_humble_runs_the_core_and_jazzy_everything() -> None:
    lanes = loaded(GITHUB / "workflows" / "ci.yml")["jobs"]["ros-make"]["strategy"]["matrix"]["include"]
    targets_of = {lane["distribution"]: lane["target"] for lane in lanes}
    assert targets_of == {"humble": "test-core", "jazzy": "test", "kilted": "test-core", "lyrical": "test-core"}
    targets = re.findall(r"^([a-z-]+):", (GITHUB.parent / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for path in WORKFLOWS:
        for target in re.findall(r"\bmake ([a-z][a-z-]+)", re.sub(r"#.*", "", path.read_text(encoding="ascii"))):
            assert target in targets, f"{path.name}: make {target}"


def test_graphs_run_on_every_middleware_of_every_distribution_and_the_wheels_on_every_python() -> None:
    jobs = loaded(GITHUB / "workflows" / "ci.yml")["jobs"]
    matrix = jobs["middleware"]["strategy"]["matrix"]
    assert matrix["distribution"] == ["humble", "jazzy", "kilted", "lyrical"]
    assert matrix["middleware"] == ["rmw_fastrtps_cpp", "rmw_cyclonedds_cpp", "rmw_zenoh_cpp"]
    assert "--middleware ${{ matrix.middleware }}" in jobs["middleware"]["steps"][-1]["run"]
    pythons = [lane["python"] for lane in jobs["wheels"]["strategy"]["matrix"]["include"]]
    assert pythons == ["3.10", "3.11", "3.12", "3.13", "3.14"]


def test_every_long_test_runs_on_a_schedule() -> None:
    workflow = loaded(GITHUB / "workflows" / "long.yml")
    assert workflow[True]["schedule"][0]["cron"]  # YAML 1.1 reads the key `on` as true.
    parts = [part["arguments"].split() for part in workflow["jobs"]["test-long"]["strategy"]["matrix"]["part"]]
    rest = [words for words in parts if words[0].startswith("--ignore=")]
    named = {word for words in parts if words not in rest for word in words}
    assert len(rest) == 1 and {word.removeprefix("--ignore=") for word in rest[0]} == named
    assert all((GITHUB.parent / name).is_dir() for name in named)
    assert "make test-long ARGS=" in workflow["jobs"]["test-long"]["steps"][1]["run"]


def test_dependabot_watches_actions_packages_and_images() -> None:
    updates = loaded(GITHUB / "dependabot.yml")["updates"]
    assert {entry["package-ecosystem"] for entry in updates} == {"github-actions", "pip", "docker", "devcontainers"}
    for entry in updates:
        assert (GITHUB.parent / entry["directory"].lstrip("/")).is_dir()
