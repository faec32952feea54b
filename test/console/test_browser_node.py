"""The console in a real Chromium, before a simulated robot: the stop, the dead-man, reloads, keyboards, phones, accessibility."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from graph import Graph, wait_for

from .browser import DESKTOP, PAGES, chromium, send_to_browser
from .test_console_node import Served


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def served(browser: Any) -> Iterator[Served]:
    with Graph() as graph:
        yield Served(graph)


@pytest.fixture(scope="module")
def cookies(served: Served) -> list[dict[str, Any]]:
    name, _, value = served.cookie.partition("=")
    return [{"name": name, "value": value, "domain": "127.0.0.1", "path": "/", "httpOnly": True, "sameSite": "Strict"}]


@pytest.fixture
def page(browser: Any, served: Served, cookies: list[dict[str, Any]]) -> Iterator[Any]:
    served.armed()
    context = browser.new_context(viewport=DESKTOP)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(f"{served.url}/#live")
    page.wait_for_selector(".joint")
    page.wait_for_function("() => document.getElementById('stop-state').textContent.startsWith('Armed')")
    yield page
    with suppress(Exception):
        context.close()


def says(page: Any, words: str, element: str = "stop-state", timeout: float = 15.0) -> None:
    page.wait_for_function(
        "([id, words]) => document.getElementById(id).textContent.includes(words)",
        arg=[element, words],
        timeout=timeout * 1000,
    )


def hold(page: Any, served: Served) -> None:
    """Open Drive, take the robot, and hold a button with the mouse until the robot moves."""
    page.goto(f"{served.url}/#drive")
    page.get_by_role("button", name="Take the robot").click()
    button = page.get_by_role("button", name="elbow_flex up")
    page.wait_for_function("() => !document.querySelector('.hold').disabled", timeout=30000)
    before = served.elbow()
    button.hover()
    page.mouse.down()
    wait_for(lambda: abs(served.elbow() - before) > 0.01, 10.0, "motion")


def test_the_address_opens_once_and_other_browsers_are_told_where_to_look(browser: Any, served: Served) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(served.address)
    assert "used already" in page.inner_text("body")
    page.goto(served.url)
    assert "not signed in" in page.inner_text("body")
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_space_stops_on_every_page_and_the_page_says_what_the_robots_said(page: Any, served: Served, name: str) -> None:
    page.goto(f"{served.url}/#{name}")
    page.keyboard.press("Space")
    wait_for(lambda: served.gates[-1].latched, 5.0, "the gate is latched")
    says(page, "STOPPED, at rest")
    assert "space bar in the console" in page.inner_text("#stop-detail")


def test_space_stops_though_a_button_has_the_focus_and_types_in_a_field(page: Any, served: Served) -> None:
    page.goto(f"{served.url}/#record")
    page.fill("#record-task", "")
    page.focus("#record-task")
    page.keyboard.type("put the cube away")
    assert page.input_value("#record-task") == "put the cube away" and not served.gates[-1].latched
    page.get_by_role("button", name="Start recording").focus()
    page.keyboard.press("Space")
    wait_for(lambda: served.gates[-1].latched, 5.0)


def test_the_button_stops_and_resume_arms(page: Any, served: Served) -> None:
    page.get_by_role("button", name="STOP").click()
    wait_for(lambda: served.gates[-1].latched, 5.0)
    says(page, "STOPPED, at rest")
    page.get_by_role("button", name="Resume").click()
    page.get_by_label("Why it is safe to go on").fill("the cell is clear")
    page.keyboard.press("Enter")
    says(page, "Armed")
    assert not served.gates[-1].latched


def test_a_server_that_stands_still_is_said_at_once_and_the_page_recovers(page: Any, served: Served) -> None:
    served.process.send(signal.SIGSTOP)
    try:
        says(page, "may not work", "warning", 5.0)
        assert "stop button beside the robots" in page.inner_text("#warning")
        page.keyboard.press("Space")
        says(page, "STOP ASKED, NOT CONFIRMED")
    finally:
        served.process.send(signal.SIGCONT)
    wait_for(lambda: served.gates[-1].latched, 10.0, "the press arrives when the server goes on")
    says(page, "STOPPED, at rest")
    page.wait_for_function("() => document.getElementById('warning').hidden", timeout=10000)


def test_letting_the_mouse_go_holds_the_robot(page: Any, served: Served) -> None:
    hold(page, served)
    page.mouse.up()
    wait_for(served.is_still, 5.0, "rest")


@pytest.mark.parametrize("what", ["hidden", "reloaded", "closed", "offline", "frozen", "window left"])
def test_whatever_happens_to_a_page_that_holds_a_button_the_robot_holds(page: Any, served: Served, what: str) -> None:
    hold(page, served)
    if what == "hidden":  # As the browser says it when another tab is chosen.
        page.evaluate(
            "Object.defineProperty(document, 'hidden', {value: true}); document.dispatchEvent(new Event('visibilitychange'))"
        )
    elif what == "reloaded":
        page.reload()
    elif what == "closed":
        page.close()
    elif what == "offline":
        page.context.set_offline(True)
    elif what == "window left":
        page.evaluate("window.dispatchEvent(new Event('blur'))")
    else:
        send_to_browser(signal.SIGSTOP)
    try:
        wait_for(served.is_still, 5.0, "rest")
        place = served.elbow()
    finally:
        if what == "frozen":
            send_to_browser(signal.SIGCONT)
    if what == "frozen":  # Beats that the browser sends when it goes on belong to a press that is over.
        says(page, "Armed", timeout=20.0)
        assert abs(served.elbow() - place) < 0.02
    wait_for(served.is_still, 5.0)


def test_a_second_tab_sees_who_drives(page: Any, served: Served) -> None:
    hold(page, served)
    page.mouse.up()
    other = page.context.new_page()
    other.goto(f"{served.url}/#drive")
    other.wait_for_function("() => document.body.textContent.includes('Another page drives it')")
    assert other.get_by_role("button", name="Take the robot").is_disabled()
    page.close()
    other.wait_for_function("() => document.body.textContent.includes('No page drives it')")


def test_a_graph_that_restarts_is_followed_without_a_reload(page: Any, served: Served) -> None:
    page.evaluate("window.mark = 1")
    sim = next(process for process in served.graph.processes if process.name == "sim_node")
    sim.stop()
    says(page, "SILENT")
    served.start_simulation()
    says(page, "STOPPED, at rest", timeout=40.0)
    assert page.evaluate("window.mark") == 1


def test_every_page_is_reached_and_used_by_keyboard_alone(page: Any, served: Served) -> None:
    seen: set[str] = set()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip", "the first stop of Tab skips the navigation"
    for _ in PAGES:
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.hash")
        page.keyboard.press("Enter")
        page.wait_for_function("(hash) => document.querySelector('#nav a[aria-current]').hash === hash", arg=name)
        seen.add(name.lstrip("#"))
    assert seen == set(PAGES)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "stop-button", "the stop comes next"
    page.keyboard.press("Enter")
    wait_for(lambda: served.gates[-1].latched, 5.0)


def test_a_key_that_is_held_moves_and_let_go_holds(page: Any, served: Served) -> None:
    page.goto(f"{served.url}/#drive")
    page.get_by_role("button", name="Take the robot").press("Enter")
    page.wait_for_function("() => !document.querySelector('.hold').disabled", timeout=30000)
    before = served.elbow()
    page.get_by_role("button", name="elbow_flex up").focus()
    page.keyboard.down("Enter")
    wait_for(lambda: abs(served.elbow() - before) > 0.01, 10.0, "motion")
    page.keyboard.up("Enter")
    wait_for(served.is_still, 5.0, "rest")


def test_no_page_asks_the_network_or_breaks_its_own_policy(
    browser: Any, served: Served, cookies: list[dict[str, Any]]
) -> None:
    context = browser.new_context(viewport=DESKTOP)
    context.add_cookies(cookies)
    page = context.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name in PAGES:
        page.goto(f"{served.url}/#{name}")
        page.wait_for_selector("main h1")
        page.wait_for_timeout(500)
    assert not complaints
    assert all(url.startswith((served.url, "blob:")) for url in asked), asked
    context.close()
