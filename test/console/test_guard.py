"""Who may ask what of the console: other sites, other names, no session, no token, too much, too often, odd paths."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from graph import wait_for
from websockets.exceptions import ConnectionClosed, InvalidStatus

from strands_robots.console import guard
from strands_robots.console.guard import COOKIE, LARGEST_BODY

from .rig import Console, receive


def test_the_address_becomes_a_cookie_that_scripts_and_other_sites_do_not_have(console: Console) -> None:
    answer = console.http.get(console.addresses[0])
    assert answer.status_code == 200
    words = answer.headers["set-cookie"].lower()
    assert "httponly" in words and "samesite=strict" in words and "path=/" in words
    assert console.http.get("/").status_code == 200
    assert len(console.addresses) == 2, "the next one is shown"
    assert console.http.get(console.addresses[0], headers={"Cookie": ""}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/session", "/pages/app.js", "/feed", "/data", "/audit"])
def test_without_a_session_nothing_is_shown(console: Console, path: str) -> None:
    answer = console.http.get(path)
    assert answer.status_code == 401
    assert "terminal" in answer.text


@pytest.mark.parametrize(
    "host", ["robot.example", "evil.test:8780", "127.0.0.1.evil.test", "", "0.0.0.0", "a@127.0.0.1"]
)
def test_a_name_that_points_here_is_not_this_console(console: Console, host: str) -> None:
    console.enter()
    for path in ("/", "/session"):
        assert console.http.get(path, headers={"Host": host}).status_code in (400, 421)
    assert console.http.post("/stop", headers={"Host": host, "Origin": f"http://{host}"}).status_code in (400, 421)
    assert not console.hand.stops


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1:1", "[::1]:8780"])
def test_a_forwarded_port_is_this_console(console: Console, host: str) -> None:
    console.enter()
    assert console.http.get("/session", headers={"Host": host, "Origin": f"http://{host}"}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://127.0.0.1:1", "http://localhost.evil.test"])
def test_a_page_of_another_site_can_do_nothing(console: Console, origin: str) -> None:
    console.enter()
    for path in ("/do/resume", "/do/move", "/stop"):
        assert console.http.post(path, json={}, headers={"Origin": origin}).status_code == 403
    with pytest.raises(InvalidStatus):
        console.feed(Origin=origin)
    if origin != "http://127.0.0.1:1":  # Another port of this machine may be a forwarded one.
        with pytest.raises(InvalidStatus):
            console.stop_line(Origin=origin)
    assert not console.hand.stops and not console.hand.orders


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_pages_cannot_embed_what_the_console_shows(console: Console, site: str) -> None:
    console.enter()
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    assert console.http.get("/session", headers=headers).status_code == 403
    assert console.http.get("/", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}).status_code == 200


def test_a_write_needs_its_sessions_token(console: Console) -> None:
    console.enter()
    body = {"stop_id": 1, "reason": "clear"}
    for token in ("", "x" * 64, console.server.sessions.token("another")):
        assert console.http.post("/do/resume", json=body, headers={"X-Console-Token": token}).status_code == 403
    assert not console.hand.orders
    assert console.http.post("/do/resume", json=body).json()["is_done"]
    assert len(console.hand.orders) == 1


def test_a_feed_needs_the_token_too(console: Console) -> None:
    console.enter()
    for token in ("", "wrong"):
        with pytest.raises(ConnectionClosed) as closed, console.feed(token) as feed:
            receive(feed, "state")
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 4403
    with console.feed() as feed:
        assert receive(feed, "state")["robots"] == []


@pytest.mark.parametrize(
    "message", ["[]", "{", '{"type": "nonsense"}', '{"type": "show"}', "x" * 9000, '{"type": ["a"]}']
)
def test_a_message_that_cannot_be_used_ends_that_page_only(console: Console, message: str) -> None:
    console.enter()
    with console.feed() as other, pytest.raises(ConnectionClosed), console.feed() as feed:
        feed.send(message)
        while True:
            feed.recv(timeout=5.0)
    with console.feed() as other:
        assert receive(other, "state")


def test_a_post_of_two_megabytes_is_refused_and_not_read(console: Console) -> None:
    console.enter()
    assert console.http.post("/do/resume", content=b" " * 2_000_000).status_code == 413

    def pieces():  # type: ignore[no-untyped-def]
        for _ in range(40):
            yield b" " * (LARGEST_BODY // 16)

    assert console.http.post("/do/resume", content=pieces()).status_code == 413, "without a length"
    assert not console.hand.orders
    assert console.http.get("/session").status_code == 200


def test_a_flood_of_writes_is_refused_and_a_stop_is_not(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "WRITES", 5)
    monkeypatch.setattr(guard, "WRITE_WINDOW", 60.0)  # A busy machine sends no flood within a second.
    console.enter()
    codes = [console.http.post("/do/nothing", json={}).status_code for _ in range(6)]
    assert codes == [404] * 5 + [429]
    for number in range(20):
        assert console.http.post(f"/stop?number={number}").status_code == 202
    wait_for(lambda: len(console.hand.stops) == 20, 5.0)


@pytest.mark.parametrize(
    "path",
    [
        "/pages/../guard.py",
        "/pages/%2e%2e/guard.py",
        "/pages/..%2fguard.py",
        "/pages//etc/passwd",
        "/pages/vendor",
        "/pages/",
        "/pages/app.js%00",
    ],
)
def test_a_path_leads_to_no_other_file(console: Console, path: str) -> None:
    console.enter()
    with socket.create_connection(("127.0.0.1", console.server.port), 5.0) as wire:  # httpx would tidy the path up.
        wire.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {console.host}\r\nCookie: {console.cookie}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = b""
        while data := wire.recv(65536):
            answer += data
    assert answer.split(b" ", 2)[1] in (b"404", b"400"), answer[:200]
    assert b"root:" not in answer and b"class Guard" not in answer


def test_no_page_has_a_script_or_style_inside(console: Console) -> None:
    console.enter()
    answer = console.http.get("/")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy and "default-src 'none'" in policy
    assert "access-control-allow-origin" not in answer.headers
    pages = Path(__file__).parents[2] / "src" / "strands_robots" / "console" / "pages"
    for page in pages.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert (
            "<script>" not in text
            and "style=" not in text
            and "onclick" not in text
            and "http" not in text.replace("http-equiv", "")
        )


def test_the_shell_asks_for_every_module_at_once(console: Console) -> None:
    pages = Path(__file__).parents[2] / "src" / "strands_robots" / "console" / "pages"
    text = console.enter().http.get("/").text
    for module in pages.glob("*.js"):
        assert f'"/pages/{module.name}"' in text, "a module that is found late makes the first page late"
        assert console.http.get(f"/pages/{module.name}").status_code == 200


def test_a_file_that_a_browser_has_is_not_sent_again(console: Console) -> None:
    console.enter()
    first = console.http.get("/pages/app.js")
    assert first.headers["Content-Type"].startswith("text/javascript") and first.headers["Cache-Control"] == "no-cache"
    again = console.http.get("/pages/app.js", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and not again.content
    assert console.http.get("/pages/app.js", headers={"If-None-Match": '"other"'}).content == first.content


def test_a_console_that_was_started_again_knows_its_pages(console: Console) -> None:
    console.enter()
    cookie = console.http.cookies[COOKIE]
    again = Console(console.hand)
    try:
        assert again.http.get("/session", headers={"Cookie": f"{COOKIE}={cookie}"}).json()["token"] == console.token
    finally:
        again.close()


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("nothing", {}, 404), ("resume", {}, 422), ("resume", {"stop_id": -1, "reason": "x"}, 422), ("resume", [], 422),
        ("move", {"robot": "a", "positions": {}}, 422), ("move", {"robot": "a", "positions": {"j": "nan"}}, 422),
        ("record", {"root": "x", "task": "t", "episodes": 0}, 422), ("resume", {"stop_id": 1, "reason": "x", "extra": 1}, 422),
        ("calibrate", {"robot": "so101", "port": "", "arm": "a"}, 422), ("calibrate_wish", {"wish": "write"}, 422),
    ],
)  # fmt: skip
def test_an_order_that_does_not_fit_is_refused_in_words(console: Console, name: str, body: object, status: int) -> None:
    console.enter()
    answer = console.http.post(f"/do/{name}", json=body)
    assert answer.status_code == status and name in answer.json()["message"]
    assert not console.hand.orders
