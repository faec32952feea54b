"""What the live view and the plain line show of a moment."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from strands_robots.live.screen import ScreenContent, plain_line, render

from .moments import moment, robot


def shown(snapshot: Any, width: int = 150, height: int = 30, encoding: str = "utf-8", **changes: Any) -> str:
    values = {"notice": "", "log": ("first line", "last line"), "log_path": "/tmp/x.log", "keys": " space: STOP "}
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(
        file=terminal, width=width, height=height, force_terminal=True, color_system=None, legacy_windows=False
    )
    console.print(render(ScreenContent(snapshot, height=height, **{**values, **changes})))
    terminal.flush()
    return terminal.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]


def test_frames_are_boxes_where_the_terminal_has_them_and_ascii_elsewhere() -> None:
    assert "\u256d" in shown(moment())
    text = shown(moment(), encoding="ascii")
    assert text.isascii() and "+-" in text and "so101" in text


def test_borders_have_the_colour_of_the_safety_state_and_errors_stand_out() -> None:
    console = Console(width=100, height=30, force_terminal=True, color_system="standard", legacy_windows=False)
    with console.capture() as capture:
        content = ScreenContent(moment(), "", ("[ERROR] it broke", "fine"), "/tmp/x.log", "", 30)
        console.print(render(content))
    assert "\x1b[32m\u256d" in capture.get() and "\x1b[31m[ERROR] it broke" in capture.get()


def test_screen_shows_safety_robot_rates_lease_refusals_log_and_keys() -> None:
    text = shown(moment())
    for words in (
        "ARMED", "real-time factor 0.99", "t 12.3 s", "so101", "armed", "moving 0.50/s", "policy/a", "100.0", "camera wrist", "30.0",
        "scene", "camera top", "joints [rad, m]",
        "10:00:01 so101: expired: 2 s old", "last line", "/tmp/x.log", "space: STOP",
    ):  # fmt: skip
        assert words in text, words


def test_screen_says_who_stopped_and_that_a_robot_is_latched_or_silent() -> None:
    safety = SimpleNamespace(state="STOPPED", arm_epoch=4, stop_id=2, source="button/usb", reason="pressed", rate=20.0)
    text = shown(
        moment(robot(is_latched=True, latch_reason="stop: requested"), robot(name="b", is_heard=False), safety=safety)
    )
    for words in ("STOPPED  by button/usb: pressed", "LATCHED stop: requested", "NOT HEARD"):
        assert words in text


def test_screen_says_that_safety_node_is_not_heard_and_which_button_is_silent() -> None:
    text = shown(moment(safety=None, sim_time=None, buttons=(("usb", "SILENT"),)))
    for words in ("safety_node NOT HEARD", "no clock", "button usb: SILENT"):
        assert words in text


def test_screen_before_the_graph_is_found_and_in_a_small_terminal() -> None:
    assert "looking for the graph" in shown(None)
    text = shown(moment(), width=40, height=10)
    assert max(map(len, text.splitlines())) <= 40 and len(text.splitlines()) <= 10


def test_words_of_others_are_text_and_no_markup() -> None:
    assert "[red]x[/red]" in shown(moment(robot(lease_holder="[red]x[/red]")))


def test_plain_line_is_one_line_of_ascii_with_everything() -> None:
    assert plain_line(moment()) == (
        "safety ARMED  stop 1, epoch 4, 20 Hz | t 12.3 s, real-time factor 0.99 | so101 armed, moving 0.50/s, lease policy/a, "
        "refused 2, 100.0 Hz, q [+0.10 -0.20] | camera so101/wrist 30.0 Hz | camera top 29.9 Hz | "
        "last refusal 10:00:01 so101: expired: 2 s old"
    )
    assert plain_line(moment(safety=None, sim_time=None)).startswith("safety_node NOT HEARD | no clock | so101")
