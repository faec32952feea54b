"""Every page in a real Chromium without a graph: accessibility, layout, stops and reloads in states that are rare."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graph import wait_for

from .browser import DESKTOP, PAGES, PHONE, picture, serious
from .moments import (
    REQUEST,
    browser,
    give_pictures,
    in_3d,
    is_fresh,
    moment,
    page,
    robot,
    safety,
    says,
    show,
)
from .rig import Console, HandGraph

__all__ = ["browser", "page"]  # Fixtures.


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_page_at_work_has_nothing_that_axe_calls_serious_and_fits(
    page: Any, size: dict[str, int], scheme: str, tmp_path: Path
) -> None:
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    for name in PAGES:
        show(page, name)
        if name in ("live", "drive", "record"):
            wait_for(lambda: page.evaluate("() => document.querySelectorAll('.camera').length") == 2, 20.0)
            wait_for(lambda: page.hand.wanted, 10.0)
            give_pictures(page)
            page.wait_for_function(
                "() => document.querySelectorAll('.camera[data-pictures]').length === 2", timeout=20000
            )
        if name in ("live", "drive", "approvals"):
            in_3d(page)
        elif name in ("data", "audit", "runs"):
            if name == "audit":
                page.fill("#audit-since", "")
                page.get_by_role("button", name="Show").press("Enter")
                page.wait_for_function("() => document.querySelectorAll('main tbody tr').length > 5", timeout=20000)
            page.wait_for_function(
                "() => !['', 'Reading'].includes(document.querySelector('main').textContent.slice(5, 12))"
            )
            page.wait_for_load_state("networkidle")
        assert not serious(page), name
        page.evaluate("() => scrollTo(0, 0)")
        if name in ("live", "drive", "record"):
            wait_for(lambda: is_fresh(page), 20.0, "fresh pictures")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= size["width"], (
            f"{name} is wider than the screen"
        )
        kind = "phone" if size is PHONE else "desktop"
        assert picture(page, f"{name}_{kind}_{scheme}", tmp_path).stat().st_size > 5000


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (moment(robots=[robot(is_latched=True, reason="stop: test")], safety=safety("STOPPED")), "STOPPED, at rest"),
        (moment(robots=[robot(is_latched=True, is_at_rest=False)]), "STOPPED, NOT AT REST: so101"),
        (moment(robots=[robot(is_heard=False, is_latched=True)]), "so101: SILENT"),
        (moment(robots=[robot(is_latched=True), robot(name="other")], safety=safety("STOPPING")), "NOT STOPPED: other"),
        (moment(robots=[]), "No robot is heard"),
        (moment(), "Armed: robots may move"),
    ],
    ids=["stopped", "moving", "silent", "one loose", "no robot", "armed"],
)  # fmt: skip
def test_the_page_says_of_a_stop_what_the_robots_say(page: Any, state: dict[str, Any], words: str) -> None:
    page.hand.moment = state
    says(page, words)


def test_without_safety_node_or_without_a_state_the_page_says_where_the_other_button_is(page: Any) -> None:
    page.hand.moment = moment(safety=None)
    says(page, "safety_node is not heard", "warning")
    says(page, "on the table, left", "warning")
    page.hand.moment = moment()
    page.wait_for_function("() => document.getElementById('warning').hidden", timeout=20000)
    assert page.is_hidden("#warning")


def test_a_press_is_one_stop_by_mouse_by_enter_and_by_space(page: Any) -> None:
    page.get_by_role("button", name="STOP").click()
    wait_for(lambda: len(page.hand.stops) == 1, 10.0)
    page.get_by_role("button", name="STOP").press("Enter")
    wait_for(lambda: len(page.hand.stops) == 2, 10.0)
    page.keyboard.press("Space")
    wait_for(lambda: len(page.hand.stops) == 3, 10.0)
    assert [reason for _, reason, _ in page.hand.stops] == ["stop button of the console"] * 2 + [
        "space bar in the console"
    ]


def test_what_a_robot_or_an_agent_says_is_never_read_as_markup(page: Any) -> None:
    evil = '<img src=x onerror="window.evil = 1"><b>bold</b>'
    request = {**REQUEST, "asker": evil, "words": [evil], "rule": evil}
    log = [{"at": "1", "name": evil, "level": "error", "words": evil}]
    approvals = {"can_approve": True, "requests": [request]}
    page.hand.moment = moment(robots=[robot(holder=evil, reason=evil, is_latched=True)], log=log, approvals=approvals)
    page.wait_for_function("() => document.body.textContent.includes('onerror')", timeout=20000)
    show(page, "approvals")
    page.wait_for_function("() => document.body.textContent.includes('onerror')", timeout=20000)
    assert page.evaluate("() => window.evil") is None and page.locator("main b, main img").count() == 0


@pytest.mark.parametrize(
    "name",
    [name if name in ("live", "drive", "record") else pytest.param(name, marks=pytest.mark.long) for name in PAGES],
)
def test_a_reload_in_every_state_shows_the_same_state(page: Any, name: str) -> None:
    states = [
        (moment(), "Armed: robots may move"),
        (moment(robots=[robot(is_latched=True, reason="stop: test")], safety=safety("STOPPED")), "STOPPED, at rest"),
        (moment(robots=[robot(is_latched=True, is_at_rest=False)], safety=safety("STOPPED")), "STOPPED, NOT AT REST"),
        (moment(moves={"so101": {"robot": "so101", "is_over": False, "message": "40 percent of the way"}}), "Armed"),
    ]
    show(page, name)
    for state, words in states:
        page.hand.moment = state
        says(page, words)
        page.reload()
        page.wait_for_selector("main h1")
        says(page, words)
    if name == "drive":
        page.wait_for_function("() => document.body.textContent.includes('40 percent of the way')", timeout=20000)
    if name == "record":
        assert "Episode 3 is recorded" in page.inner_text("main") and "7 of 10 episodes left" in page.inner_text("main")
    assert not page.hand.stops and not page.hand.orders and not page.hand.holds, "a reload asks for nothing"


def test_a_dialog_that_was_open_is_gone_after_a_reload_and_nothing_was_resumed(page: Any) -> None:
    page.hand.moment = moment(robots=[robot(is_latched=True)], safety=safety("STOPPED"))
    page.get_by_role("button", name="Resume").click()
    page.get_by_label("Why it is safe to go on").fill("half a reas")
    page.reload()
    says(page, "STOPPED, at rest")
    assert page.locator("dialog[open]").count() == 0 and not page.hand.orders


def test_a_server_that_is_gone_is_said_and_found_again_without_a_reload(browser: Any, tmp_path: Path) -> None:
    hand = HandGraph()
    hand.moment = moment()
    first = Console(hand)
    context = browser.new_context(viewport=DESKTOP)
    page = context.new_page()
    page.goto(first.addresses[-1])
    page.wait_for_selector(".joint", timeout=60000)
    page.evaluate("window.mark = 1")
    port, stop_port = first.server.port, first.server.stop_port
    first.close()
    says(page, "NOT HEARD")
    says(page, "on the table, left", "warning")
    second = Console(hand, port=port, stop_port=stop_port)
    says(page, "Armed")
    assert page.evaluate("window.mark") == 1
    context.close()
    second.close()
