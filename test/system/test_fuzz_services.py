"""Requests full of nonsense to every service of sim_node: it answers each, lives, and keeps to its folders."""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from graph import Graph, wait_for
from hypothesis import HealthCheck, given, settings
from strands_robots.srv import GetWorldState, LoadScene

from .request_fuzz import DOCUMENTS, GOOD, messages
from .world_under_test import WorldUnderTest

FEW = 12
MANY = 80
OWN = "/world/"
STANDARD = "simulation_interfaces/srv/"
SMALLEST = 10
"""Services that sim_node has at least; fewer were not found."""


class Fuzzed(WorldUnderTest):
    """A world with folders that hold traps."""

    def __init__(self, graph: Graph, folder: Path) -> None:
        self.folder = folder
        scenes, output = folder / "scenes", folder / "output"
        scenes.mkdir()
        output.mkdir()
        (folder / "secret.xml").write_text(GOOD, encoding="utf-8")
        (scenes / "good.xml").write_text(GOOD, encoding="utf-8")
        (scenes / "bomb.xml").write_text(DOCUMENTS[8], encoding="utf-8")
        (scenes / "outside.xml").write_text('<mujoco><include file="../secret.xml"/></mujoco>', encoding="utf-8")
        (scenes / "loop.xml").write_text('<mujoco><include file="loop.xml"/></mujoco>', encoding="utf-8")
        (scenes / "link.xml").symlink_to(folder / "secret.xml")
        super().__init__(graph, scene_folders=[str(scenes)], output_folder=str(output))
        self.kinds = self._services()

    def _services(self) -> dict[str, Any]:
        def find() -> dict[str, Any]:
            found = self.client.get_service_names_and_types()
            return {
                name: _kind(types[0]) for name, types in found if name.startswith(OWN) or types[0].startswith(STANDARD)
            }

        self.ok(GetWorldState, "world/get_state")
        wait_for(lambda: len(find()) >= SMALLEST, 10.0, "the services of sim_node")
        return find()

    def send(self, name: str, request: Any) -> Any:
        """Send a request whose parts that only cost time are made small."""
        for size in ("width", "height"):
            if hasattr(request, size):
                setattr(request, size, min(getattr(request, size), 64))
        fields = {field: getattr(request, field) for field in request.get_fields_and_field_types()}
        return self.call(self.kinds[name], name, timeout=60.0, **fields)

    def check(self) -> None:
        """Fail when the node is harmed or has touched what it must not."""
        assert self.sim.exit_code is None
        state = self.ok(GetWorldState, "world/get_state", full=True)
        assert all(math.isfinite(value) for value in [*state.qpos, *state.qvel])
        assert sorted(os.listdir(self.folder)) == ["output", "scenes", "secret.xml"]
        assert not (Path.home() / "x.png").exists()


def _kind(name: str) -> Any:
    package, _, kind = name.split("/")
    return getattr(importlib.import_module(f"{package}.srv"), kind)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with Graph() as graph:
        yield Fuzzed(graph, tmp_path_factory.mktemp("fuzz"))


def fuzz(world: Fuzzed, examples: int, derandomize: bool) -> None:
    chosen = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=derandomize,
        suppress_health_check=list(HealthCheck),
    )
    for name, kind in sorted(world.kinds.items()):
        world.ok(LoadScene, "world/load")
        chosen(given(request=messages(kind.Request))(answers(world, name)))()
        world.check()


def answers(world: Fuzzed, name: str) -> Callable[[Any], None]:
    """Return a test of one request: it is a success, or refused in words, and the node lives."""

    def answers_request(request: Any) -> None:
        answer = world.send(name, request)
        if hasattr(answer, "success"):
            is_told = answer.success or (answer.message and answer.message.isascii())
        else:  # simulation_interfaces, where 1 is OK
            result = getattr(answer, "result", None)
            is_told = result is None or result.result == 1 or (result.error_message and result.error_message.isascii())
        assert is_told, f"{name}: {answer!r}"
        assert world.sim.exit_code is None, name

    return answers_request


@pytest.mark.timeout(120)
def test_every_service_answers_nonsense_and_the_world_lives(world: Fuzzed) -> None:
    fuzz(world, FEW, derandomize=True)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_service_answers_much_nonsense(world: Fuzzed) -> None:
    fuzz(world, MANY, derandomize=False)


@pytest.mark.parametrize("document", range(len(DOCUMENTS)))
def test_every_document_is_loaded_or_refused_in_words(world: Fuzzed, document: int) -> None:
    text = DOCUMENTS[document]
    answer = world.call(LoadScene, "world/load", mjcf=text)
    assert answer.success or (answer.message and answer.message.isascii())
    # A NUL ends a string on the way.
    assert answer.success == (text.partition("\0")[0] in ("", GOOD, DOCUMENTS[18])), answer.message
    world.check()


@pytest.mark.parametrize(
    "file",
    ["bomb.xml", "outside.xml", "link.xml", "loop.xml", "../secret.xml", "/etc/passwd", "good.mjb"],
)
def test_every_trap_in_the_folder_is_refused(world: Fuzzed, file: str) -> None:
    assert "valid" in world.refused(LoadScene, "world/load", file=file) or "MuJoCo" in world.refused(
        LoadScene, "world/load", file=file
    )
    world.check()
