"""docs/explanation/safety.md names tests: each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

TEST = Path(__file__).resolve().parent
TEXT = (TEST.parent / "docs" / "explanation" / "safety.md").read_text(encoding="utf-8")
IN_AUTHORITY = "safety/test_authority.py"


def _defines(file: str, name: str) -> bool:
    path = TEST / file
    return (
        path.is_file() and re.search(rf"^(def {name}\(|{name} = )", path.read_text(encoding="utf-8"), re.M) is not None
    )


def test_every_test_that_the_document_names_exists() -> None:
    named = re.findall(r"`([a-z_/]+\.py)::(\w+)`", TEXT)
    named += [(IN_AUTHORITY, name) for name in re.findall(r"`(test_\w+)`", TEXT)]
    assert len(named) > 50
    assert [f"{file}::{name}" for file, name in named if not _defines(file, name)] == []


def test_every_test_of_the_stop_buttons_exists() -> None:
    text = (TEST.parent / "docs" / "how_to" / "add_a_stop_button.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_/]+\.py)::(\w+)`", text)
    assert len(named) > 10
    assert [f"{file}::{name}" for file, name in named if not _defines(file, name)] == []


def test_every_test_of_what_an_agent_cannot_do_exists() -> None:
    text = (TEST.parent / "docs" / "explanation" / "what_an_agent_cannot_do.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_/]+\.py)::(\w+)`", text)
    assert len(named) > 20
    assert [f"{file}::{name}" for file, name in named if not _defines(file, name)] == []


def test_every_refusal_of_a_resume_is_in_the_document() -> None:
    from strands_robots.safety.resume import ResumeRefusal

    elsewhere = {ResumeRefusal.NOTHING_STOPPED, ResumeRefusal.NO_SOURCE}
    assert [
        refusal.value for refusal in ResumeRefusal if refusal not in elsewhere and f"`{refusal.value}`" not in TEXT
    ] == []
