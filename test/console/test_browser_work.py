"""What is done on the pages, in a real Chromium without a graph: recording, plans, decisions, data sets, evaluations, agents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graph import wait_for

from strands_robots.console.port import Answer
from strands_robots.console.world_scene import WorldShape

from .browser import picture, serious
from .moments import REQUEST, browser, calibration, in_3d, moment, page, robot, show

__all__ = ["browser", "page"]  # Fixtures.

WAY = {
    "digest": "cd" * 32,
    "names": ["shoulder_pan", "elbow_flex"],
    "rows": [[-0.4, 0.0], [-0.2, 0.5], [-0.4, 0.8]],
    "times": [0.0, 1.0, 2.4],
    "duration": 2.4,
}
"""A plan of two joints, as the server answers it."""


def test_a_decision_is_about_the_request_that_was_shown(page: Any) -> None:
    show(page, "approvals")
    page.get_by_label("Passphrase of your key").fill("secret")
    page.get_by_role("button", name="Approve once").press("Enter")
    wait_for(lambda: page.hand.orders, 10.0)
    order = page.hand.orders[0]
    assert (order.request_id, order.digest, order.approve, order.passphrase) == (
        "r1",
        REQUEST["digest"],
        True,
        "secret",
    )
    page.hand.moment = moment(approvals={"can_approve": True, "requests": []})
    page.wait_for_function("() => !document.body.textContent.includes('helper asks')", timeout=20000)


def test_a_failed_recording_shows_its_reason_and_the_form_again(page: Any) -> None:
    show(page, "record")
    assert page.is_hidden("#record-root")
    assert "7 of 10 episodes left" in page.inner_text("main") and "81.2 GB" in page.inner_text("main")
    failure = "recorder_node: no room on the disk; valid: free some, then go on with the data set"
    page.hand.moment = moment(recording={**moment()["recording"], "is_over": True, "failure": failure})
    page.wait_for_selector("#record-root", state="visible", timeout=20000)
    assert failure in page.inner_text("main")


def test_the_pause_before_an_episode_counts_down_is_held_and_begun(page: Any) -> None:
    show(page, "record")
    recording = {**moment()["recording"], "pause_left": 7.2}
    recorder = {**moment()["recorder"], "state": "ready", "episode": -1}
    page.hand.moment = moment(recording=recording, recorder=recorder)
    page.wait_for_function("() => document.body.textContent.includes('episode 3 begins in 8 s')", timeout=20000)
    for name in ("Pause", "Begin now", "Record the last one again", "Stop"):
        page.locator("main").get_by_role("button", name=name, exact=True).press("Enter")
    wait_for(lambda: len(page.hand.orders) == 4, 10.0)
    assert [order.wish for order in page.hand.orders] == ["pause", "next", "again", "stop"]
    page.hand.moment = moment(recording={**recording, "is_held": True}, recorder=recorder)
    page.wait_for_function("() => document.body.textContent.includes('Paused; episode 3 waits')", timeout=20000)
    assert page.get_by_role("button", name="Let the time go on").get_attribute("aria-pressed") == "true"


def test_a_joint_without_a_number_is_not_sent_to_zero(page: Any) -> None:
    show(page, "drive")
    field = page.get_by_label("elbow_flex goes to")
    for name in ("Show the plan", "Move without a plan"):
        field.fill("0.1")
        field.fill("")
        page.get_by_role("button", name=name).press("Enter")
        page.get_by_text("elbow_flex goes to no number").wait_for(timeout=20000)
    field.fill("0.4")
    page.get_by_role("button", name="Move without a plan").press("Enter")
    wait_for(lambda: page.hand.orders, 10.0)
    assert [order.positions for order in page.hand.orders] == [{"elbow_flex": 0.4}]


def test_a_plan_that_comes_when_another_robot_is_chosen_cannot_be_played(page: Any) -> None:
    page.hand.moment = moment(robots=[robot(), robot(name="other")])
    show(page, "drive")
    page.get_by_label("elbow_flex goes to").fill("0.4")
    page.hand.blocks.clear()
    page.hand.answer = Answer(True, "planned", {"digest": "ab" * 32, "names": [], "rows": [[]], "times": [0.0]})
    page.get_by_role("button", name="Show the plan").press("Enter")
    wait_for(lambda: page.hand.orders, 10.0)
    page.select_option("#drive-robot", "other")
    with page.expect_response("**/do/plan"):
        page.hand.blocks.set()
    page.evaluate("() => fetch('/session').then((answer) => answer.text())")  # The page has had its turn.
    assert page.get_by_role("button", name="Move on this plan").is_disabled() and "planned" not in page.inner_text(
        "main"
    )


def test_a_plan_is_shown_as_a_ghost_before_exactly_it_is_played(page: Any) -> None:
    show(page, "drive")
    in_3d(page)
    page.get_by_role("button", name="To home").press("Enter")
    assert page.input_value("[aria-label='elbow_flex goes to']") == "0.800"
    details = {
        "digest": "ab" * 32,
        "names": ["elbow_flex"],
        "rows": [[0.0], [0.8]],
        "times": [0.0, 1.0],
        "duration": 1.0,
    }
    page.hand.answer = Answer(True, "planned", details)
    assert page.get_by_role("button", name="Move on this plan").is_disabled()
    page.get_by_role("button", name="Show the plan").press("Enter")
    page.wait_for_function("() => document.body.textContent.includes('planned')", timeout=20000)
    drawn = int(page.locator(".scene").get_attribute("data-drawn"))
    wait_for(lambda: int(page.locator(".scene").get_attribute("data-drawn")) > drawn + 3, 20.0, "the ghost moves")
    page.get_by_role("button", name="Move on this plan").press("Enter")
    wait_for(lambda: len(page.hand.orders) == 2, 10.0)
    planned, played = page.hand.orders
    assert planned.positions == {"elbow_flex": 0.8} and (played.robot, played.digest) == ("so101", "ab" * 32)
    assert page.get_by_role("button", name="Move on this plan").is_disabled(), "a plan is played once"


def test_evaluations_are_shown_with_intervals_their_failures_and_a_against_b(page: Any, tmp_path: Path) -> None:
    import scipy.stats  # noqa: F401  The first comparison of a process waits for it.

    show(page, "runs")
    page.get_by_role("link", name="monday").wait_for(timeout=20000)
    text = page.inner_text("main")
    assert "62.5 %" in text and "5 of 8" in text and "running" in text
    page.get_by_role("button", name="Compare").press("Enter")
    page.wait_for_function(
        "() => document.querySelector('main pre')?.textContent.includes('exact McNemar')", timeout=60000
    )
    picture(page, "compare_desktop_light", tmp_path)
    page.get_by_role("link", name="monday").press("Enter")
    page.wait_for_selector(".uplot", timeout=20000)
    picture(page, "run_desktop_light", tmp_path)
    assert page.locator("main video").count() == 3 and not serious(page)


def test_a_chat_shows_what_was_said_with_the_tools_folded_in_and_asks(page: Any) -> None:
    show(page, "agent")
    page.get_by_text("I open it.").wait_for(timeout=20000)
    assert page.get_by_text("calls set_gripper").is_visible() and not page.get_by_text('"robot": "so101"').is_visible()
    page.get_by_text("calls set_gripper").click()
    assert page.get_by_text('"robot": "so101"').is_visible()
    page.get_by_label("What shall it do?").fill("Close it")
    page.keyboard.press("Control+Enter")
    wait_for(lambda: page.hand.orders, 10.0)
    assert (page.hand.orders[0].agent, page.hand.orders[0].text) == ("helper", "Close it")


def test_bad_episodes_are_seen_in_their_place_taken_out_and_recorded_again(page: Any, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: make setup-learning")
    show(page, "data")
    page.get_by_role("link", name="cube").press("Enter")
    page.get_by_role("link", name="Episode 4").wait_for(timeout=20000)
    page.get_by_role("button", name="Verify").press("Enter")
    page.wait_for_function("() => document.querySelectorAll('.found li').length > 0", timeout=60000)
    assert not serious(page)
    picture(page, "findings_desktop_light", tmp_path)
    page.on("dialog", lambda dialog: dialog.accept())
    for index in (2, 4):
        page.get_by_role("button", name=f"Choose episode {index}").press("Enter")
    page.get_by_role("button", name="Record the chosen again").press("Enter")
    page.wait_for_function("() => document.querySelector('main h1').textContent === 'Record'", timeout=20000)
    assert page.hand.orders[0].episodes == [2, 4]
    page.hand.moment = moment(recording=None)
    page.wait_for_selector("#record-root", state="visible", timeout=20000)
    assert page.input_value("#record-root").endswith("/sets/cube") and page.input_value("#record-mode") == "resume"
    assert page.input_value("#record-task") == "put the cube away" and page.input_value("#record-episodes") == "2"


def test_a_data_set_is_split_and_pushed_from_its_page(page: Any) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: make setup-learning")
    show(page, "data")
    page.get_by_role("link", name="cube").press("Enter")
    page.get_by_label("Parts").fill("train=0:4 rest=4,5")
    page.get_by_role("button", name="Split").press("Enter")
    wait_for(lambda: len(page.hand.orders) == 1, 10.0)
    page.get_by_label("Repository").fill("anna/cube")
    page.get_by_role("button", name="Push").press("Enter")
    wait_for(lambda: len(page.hand.orders) == 2, 10.0)
    split, push = page.hand.orders
    assert split.parts == ["train=0:4", "rest=4,5"] and (push.repo_id, push.private) == ("anna/cube", True)


def test_an_episodes_curves_have_one_time_axis_and_play_without_a_video(page: Any) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: make setup-learning")
    show(page, "data")
    page.get_by_role("link", name="cube").press("Enter")
    page.get_by_role("link", name="Episode 4").press("Enter")
    page.wait_for_function("() => document.querySelectorAll('.uplot').length === 7", timeout=20000)
    page.get_by_role("button", name="Play").press("Enter")
    page.wait_for_function("() => Number(document.getElementById('episode-time').value) > 0.5", timeout=20000)
    page.get_by_role("button", name="Pause").press("Enter")
    assert "frame" in page.inner_text("main") and not serious(page)


def test_a_request_is_planned_before_it_is_decided_with_its_joints_duration_and_hash(page: Any) -> None:
    show(page, "approvals")
    page.hand.answer = Answer(True, "planned", WAY)
    page.get_by_role("button", name="Show the way, as it is planned now").press("Enter")
    page.get_by_text("This way takes 2.4 s over 3 points").wait_for(timeout=20000)
    order = page.hand.orders[0]
    assert (order.request_id, order.digest) == ("r1", REQUEST["digest"]), "the plan is of the request that is shown"
    text = page.inner_text("main")
    assert (
        "cd" * 32 in text
        and "shoulder_pan\t-0.400\t-0.400\t0.000" in text
        and "elbow_flex\t0.000\t0.800\t0.800" in text
    )
    page.wait_for_function("() => Number(document.querySelector('.scene')?.dataset.drawn ?? 0) > 3", timeout=60000)
    assert not serious(page) and len(page.hand.orders) == 1, "looking decides nothing"


def test_a_request_to_play_a_plan_shows_that_plan(page: Any, tmp_path: Path) -> None:
    digest = "cd" * 32
    fields = f'{{"robot": "so101", "digest": "{digest}"}}'
    words = [f'Play exactly the plan with digest "{digest}" on robot "so101"']
    request = {
        **REQUEST,
        "id": "r2",  # The card of a request is made once.
        "name": "execute_plan",
        "type": "strands_robots/action/ExecutePlan",
        "fields": fields,
        "words": words,
    }
    page.hand.moment = moment(approvals={"can_approve": True, "requests": [request]})
    show(page, "approvals")
    page.hand.answer = Answer(True, "This is the plan itself: nothing else is played", WAY)
    page.get_by_role("button", name="Show the plan").press("Enter")
    page.get_by_text("This way takes 2.4 s over 3 points").wait_for(timeout=20000)
    assert "elbow_flex\t0.000\t0.800\t0.800" in page.inner_text("main")
    page.wait_for_function("() => Number(document.querySelector('.scene')?.dataset.drawn ?? 0) > 3", timeout=60000)
    picture(page, "approving_a_plan_desktop_light", tmp_path)
    assert not serious(page) and len(page.hand.orders) == 1, "looking decides nothing"


def test_a_plan_for_two_robots_is_drawn_for_both(page: Any) -> None:
    fields = f'{{"robot": "so101", "others": ["second"], "digest": "{"ef" * 32}"}}'
    request = {
        **REQUEST,
        "id": "r3",
        "name": "execute_plan",
        "type": "strands_robots/action/ExecutePlan",
        "fields": fields,
    }
    robots = [robot(), robot(name="second"), robot(name="third")]
    page.hand.urdfs["second"] = page.hand.urdfs["so101"]
    page.hand.moment = moment(robots=robots, approvals={"can_approve": True, "requests": [request]})
    show(page, "approvals")
    details = {
        "digest": "ef" * 32,
        "robots": ["so101", "second"],
        "names": ["so101/shoulder_pan", "second/shoulder_pan"],
        "rows": [[-0.4, -0.4], [0.4, 0.6]],
        "times": [0.0, 1.5],
        "duration": 1.5,
    }
    page.hand.answer = Answer(True, "This is the plan itself: nothing else is played", details)
    page.get_by_role("button", name="Show the plan").press("Enter")
    page.get_by_text("This way takes 1.5 s over 2 points").wait_for(timeout=20000)
    text = page.inner_text("main")
    assert "so101/shoulder_pan\t-0.400\t0.400\t0.800" in text and "second/shoulder_pan\t-0.400\t0.600\t1.000" in text
    page.wait_for_function("() => document.querySelector('.scene')?.dataset.ghosts === '2'", timeout=60000)
    assert not serious(page)


def test_a_calibration_is_gone_through_and_an_impossible_travel_cannot_be_saved(page: Any, tmp_path: Path) -> None:
    show(page, "calibrate")
    page.wait_for_function("() => document.querySelectorAll('#calibrate-robot option').length > 4", timeout=20000)
    page.fill("#calibrate-port", "/dev/ttyACM0")
    page.fill("#calibrate-arm", "mine")
    page.get_by_role("button", name="Begin").press("Enter")
    wait_for(lambda: page.hand.orders, 10.0)
    order = page.hand.orders[0]
    assert (order.robot, order.leader, order.port, order.arm) == ("so101", "", "/dev/ttyACM0", "mine")
    page.hand.moment = moment(calibration=calibration(step="middle", joints=[]))
    page.get_by_role("button", name="Every joint is in its middle").press("Enter")
    page.hand.moment = moment(calibration=calibration())
    save = page.get_by_role("button", name="Save these travels")
    save.wait_for(timeout=20000)
    picture(page, "calibrating_desktop_light", tmp_path)
    assert not serious(page) and "elbow_flex" in page.inner_text("main")
    save.press("Enter")
    wait_for(lambda: len(page.hand.orders) == 3, 10.0)
    assert [order.wish for order in page.hand.orders[1:]] == ["middle", "save"]
    joints = calibration()["joints"]
    joints[2] |= {"state": "impossible", "words": "travels 4.60 rad, the model's joint 3.38 rad; valid: up to 4.22 rad"}
    page.hand.moment = moment(calibration=calibration(joints=joints))
    page.wait_for_function("() => document.body.textContent.includes('valid: up to 4.22 rad')", timeout=20000)
    assert page.get_by_role("button", name="It cannot be saved").is_disabled() and not serious(page)
    page.reload()
    page.wait_for_function("() => document.body.textContent.includes('valid: up to 4.22 rad')", timeout=20000)
    page.get_by_role("button", name="End without saving").press("Enter")
    wait_for(lambda: len(page.hand.orders) == 4, 10.0)
    page.hand.moment = moment(calibration=calibration(is_over=True, failure="ended before it was saved"))
    page.wait_for_selector("#calibrate-port", state="visible", timeout=20000)
    assert "ended before it was saved" in page.inner_text("main")


def test_a_pipeline_is_a_row_with_its_stages_what_it_waits_for_and_a_report(page: Any) -> None:
    show(page, "runs")
    page.get_by_text("gate waits for a person: a person has to sign requests/01.json").wait_for(timeout=20000)
    text = page.inner_text("[aria-label='Pipelines']")
    assert "record: done, 4.3 s" in text and "train: not begun" in text and "2 of 7" in text
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Report").press("Enter")
    report = opened.value
    report.get_by_role("heading", name="Pipeline pick").wait_for(timeout=20000)
    assert report.evaluate("() => self.origin") == "null", "a report is of no origin, and can ask for nothing"


def test_a_slider_moves_while_it_is_held_and_springs_back(page: Any) -> None:
    show(page, "drive")
    page.get_by_role("button", name="Take the robot").click()
    wait_for(lambda: page.hand.tabs, 10.0)
    seat = {"tab": page.hand.tabs[-1], "is_ready": True, "is_engaged": False, "message": "", "poses": {}}
    page.hand.moment = moment(driving={"so101": seat})
    slider = page.get_by_role("slider", name="elbow_flex slide")
    page.wait_for_function("() => !document.querySelector('input.hold').disabled", timeout=20000)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    wait_for(lambda: page.hand.holds and page.hand.holds[-1][2].get("rate", 0.0) > 0.3, 10.0, "it moves")
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + box["height"] / 2)
    wait_for(lambda: page.hand.holds[-1][2]["rate"] < -0.2, 10.0, "the other way")
    tab, press, motion = page.hand.holds[-1]
    assert tab == seat["tab"] and motion["joint"] == "elbow_flex" and {one[1] for one in page.hand.holds} == {press}
    assert all(abs(one[2]["rate"]) <= 0.5 for one in page.hand.holds), "no faster than the part of the speed"
    page.mouse.up()
    wait_for(lambda: ("release", seat["tab"]) in page.hand.driving, 10.0, "let go")
    assert slider.input_value() == "0"
    count = len(page.hand.holds)
    slider.focus()
    page.keyboard.down("ArrowLeft")
    wait_for(lambda: len(page.hand.holds) > count + 1 and page.hand.holds[-1][2]["rate"] == -0.5, 10.0, "by the key")
    page.keyboard.up("ArrowLeft")
    wait_for(lambda: page.hand.driving.count(("release", seat["tab"])) > 1, 10.0)
    page.keyboard.press("End")
    assert slider.input_value() == "0", "no key leaves it drawn"
    page.keyboard.press("Space")
    wait_for(lambda: page.hand.stops, 10.0, "space stops here, too")


def test_the_world_around_the_robot_is_drawn_and_followed(page: Any, tmp_path: Path) -> None:
    turned = (0.0, 0.0, 0.0, 1.0)
    page.hand.world.put("world/0", WorldShape("box", (1.2, 0.8, 0.02), (0.2, 0.0, 0.06), turned, (0.6, 0.5, 0.4, 1.0)))
    page.hand.world.put("cube/1", WorldShape("box", (0.04, 0.04, 0.04), (0.2, 0.1, 0.1), turned, (0.8, 0.2, 0.2, 1.0)))
    corners = (0.0, 0.0, 0.1, 0.1, 0.0, 0.1, 0.0, 0.1, 0.2)
    page.hand.world.put(
        "mesh/2", WorldShape("triangles", (1, 1, 1), (0.2, -0.2, 0.0), turned, (0.2, 0.6, 0.2, 1.0), corners)
    )
    in_3d(page)
    page.wait_for_function("() => document.querySelector('.scene').dataset.around === '3'", timeout=20000)
    page.locator(".scene").evaluate("(scene) => scene.scrollIntoView({block: 'center'})")
    picture(page, "world_desktop_light", tmp_path)
    drawn = int(page.locator(".scene").get_attribute("data-drawn"))
    page.hand.world.put("cube/1", WorldShape("box", (0.04, 0.04, 0.04), (0.3, 0.1, 0.1), turned, (0.8, 0.2, 0.2, 1.0)))
    wait_for(lambda: int(page.locator(".scene").get_attribute("data-drawn")) > drawn, 20.0, "the cube moves")
    page.hand.world.clear()
    page.wait_for_function("() => document.querySelector('.scene').dataset.around === '0'", timeout=20000)


def test_what_planners_know_around_a_robot_is_drawn_and_held_things_move_with_their_link(
    page: Any, tmp_path: Path
) -> None:
    turned, orange = (0.0, 0.0, 0.0, 1.0), (0.85, 0.55, 0.2, 0.55)
    centres = [value for i in range(12) for value in (0.25, -0.12 + 0.02 * i, 0.02 + 0.02 * (i % 4))]
    around = page.hand.around
    around.put("0", WorldShape("box", (0.1, 0.05, 0.16), (0.2, 0.2, 0.08), turned, orange, (), "base_link"))
    around.put("1", WorldShape("cubes", (0.02, 0.02, 0.02), (0.0, 0.0, 0.0), turned, orange, centres, "base_link"))
    around.put("2", WorldShape("ellipsoid", (0.05, 0.05, 0.05), (0.0, 0.0, 0.0), turned, orange, (), "gripper_link"))
    in_3d(page)
    page.wait_for_function("() => document.querySelector('.scene').dataset.around === '3'", timeout=20000)
    page.locator(".scene").evaluate("(scene) => scene.scrollIntoView({block: 'center'})")
    picture(page, "around_desktop_light", tmp_path)
    around.clear()
    page.wait_for_function("() => document.querySelector('.scene').dataset.around === '0'", timeout=20000)
