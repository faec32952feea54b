"""The commands that look at policies and evaluate them; none needs a running graph."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from strands_robots.cli.main import app

RUNNER = CliRunner()


def test_policies_are_listed() -> None:
    result = RUNNER.invoke(app, ["policy", "list"])
    assert result.exit_code == 0
    assert {"hold", "sine", "scripted", "replay", "lerobot", "openpi", "groot", "vera", "cosmos3", "act"} <= set(
        result.stdout.split()
    )


def test_policy_that_fits_says_what_it_answers() -> None:
    result = RUNNER.invoke(app, ["policy", "check", "hold", "--robot", "so101"])
    assert result.exit_code == 0
    assert "fits: 20 rows of shoulder_pan" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sine", "--robot", "so101", "--config", "{joints: {knee: [{amplitude: 0.1, frequency: 1.0}]}}"], "knee"),
        (["hold", "--robot", "so102"], "unknown robot 'so102'"),
        (
            [
                "openpi",
                "--robot",
                "so101",
                "--config",
                "{state: {s: [a]}, action: {actions: [a]}, port: 1, patience: 0}",
            ],
            "no server",
        ),
    ],
)
def test_policy_that_does_not_fit_says_why(arguments: list[str], words: str) -> None:
    result = RUNNER.invoke(app, ["policy", "check", *arguments])
    assert result.exit_code == 1
    assert "does not fit" in result.stdout
    assert words in result.stdout


def test_evaluate_prints_the_rate_and_writes_every_episode(tmp_path: Path) -> None:
    task = tmp_path / "reach.yaml"
    task.write_text(
        "{name: reach, robot: so101, success: {joint: shoulder_pan, above: 0.2}, duration: 3.0, settle: 0.0}"
    )
    config = "{waypoints: [{joints: {shoulder_pan: 0.3}}]}"
    result = RUNNER.invoke(
        app,
        [
            "evaluate",
            str(task),
            "scripted",
            "--config",
            config,
            "--episodes",
            "2",
            "--workers",
            "1",
            "--output",
            str(tmp_path),
        ],
    )
    assert result.exit_code == 0, result.output
    assert "2 of 2 succeeded" in result.stdout
    assert len(json.loads((tmp_path / "results.json").read_text())["results"]) == 2
