"""`strands-robots rollout`: an option that a strategy has no use for is refused before a graph is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from strands_robots.cli.main import app
from strands_robots.core.errors import ConfigurationError


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--strategy", "sentry", "--reset-time", "3"], "--reset-time would not count with strategy sentry"),
        (["--strategy", "highlight", "--success-when", "{}"], "--success-when would not count with strategy highlight"),
        (["--language"], "--language, --resume or --camera would not count with strategy base"),
    ],
)
def test_option_without_a_use_is_refused(tmp_path: Path, words: list[str], said: str) -> None:
    root = ["--root", str(tmp_path)] if "--strategy" in words else []
    result = CliRunner().invoke(app, ["rollout", "hold", "--task", "wave", *root, *words])
    assert isinstance(result.exception, ConfigurationError) and said in str(result.exception)
