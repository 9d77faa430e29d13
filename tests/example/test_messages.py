"""The message stream, served by a real process: every message reaches an open page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.support.core_site import Browser
from tests.support.demos import Demo, subscribe

pytestmark = pytest.mark.servers
PAGE, FEED = "/demo/messages/", "/demo/messages/feed/"
JSON = {"Accept": "application/json"}


@pytest.fixture(params=["sqlite", "postgres"])
def demo(request: pytest.FixtureRequest, demo_on: Callable[[str], Demo]) -> Demo:
    demo = demo_on(request.param)
    demo.sql("DELETE FROM example_message")
    return demo


@pytest.fixture
def alice(demo: Demo) -> Iterator[Browser]:
    with demo.browser("alice") as browser:
        yield browser


def test_a_message_from_the_form_reaches_an_open_page(alice: Browser) -> None:
    with subscribe(alice, FEED) as stream:
        assert stream.snapshot() == [("sync", {"keys": []})]
        answer = alice.submit(PAGE, {"text": " hello <b>all</b> "}, **JSON)
        assert answer.status_code == 201
        [(name, data)] = stream.next()
    row = data["row"]
    assert (name, data["key"], data["action"]) == ("change", answer.json()["message"], "INSERT")
    assert (row["author"], row["text"]) == ("alice", "hello <b>all</b>")
    assert row["sent_at"].endswith("+00:00")


def test_a_message_from_plain_sql_reaches_an_open_page(demo: Demo, alice: Browser) -> None:
    with subscribe(alice, FEED) as stream:
        stream.snapshot()
        demo.sql("INSERT INTO example_message (text) VALUES ('from SQL')")
        [(_, inserted)] = stream.next()
        demo.sql("UPDATE example_message SET text = 'changed'")
        [(_, updated)] = stream.next()
        demo.sql("DELETE FROM example_message")
        [(name, removed)] = stream.next()
    assert (inserted["action"], inserted["row"]["author"], inserted["row"]["text"]) == (
        "INSERT", "plain SQL", "from SQL",
    )  # fmt: skip
    row = {**inserted["row"], "text": "changed"}
    assert updated == {**inserted, "action": "UPDATE", "row": row}
    assert (name, removed["action"], removed["keys"], removed["rows"]) == (
        "remove", "DELETE", [inserted["key"]], [row],
    )  # fmt: skip


def test_htmx_gets_each_row_as_escaped_html(demo: Demo, alice: Browser) -> None:
    with subscribe(alice, FEED, format="html") as stream:
        stream.snapshot()
        demo.sql("INSERT INTO example_message (text) VALUES ('<script>alert(1)</script>')")
        [(name, text)] = stream.next()
        demo.sql("DELETE FROM example_message")
        [(last, html)] = stream.next()
    key = text.split('"')[1]
    assert (name, last) == ("change", "remove")
    assert text.startswith(f'<li id="{key}"><strong>plain SQL</strong> <time datetime="')
    assert text.endswith("</time><p>&lt;script&gt;alert(1)&lt;/script&gt;</p></li>")
    assert html == f'<li id="{key}" hx-swap-oob="delete"></li>'


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_the_page_allows_only_content_of_its_own_site(alice: Browser) -> None:
    policy = alice.get(PAGE).headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def test_a_page_gets_the_newest_twenty_messages(demo: Demo, alice: Browser) -> None:
    values = ", ".join(f"('number {number}')" for number in range(25))
    demo.sql(f"INSERT INTO example_message (text) VALUES {values}")
    events = alice.get(FEED).json()["events"]
    texts = [event["data"]["row"]["text"] for event in events if event["event"] == "change"]
    assert texts == [f"number {number}" for number in range(5, 25)]


def test_a_guest_gets_no_page_and_no_stream(demo: Demo) -> None:
    page = httpx.get(f"{demo.server.url}{PAGE}")
    assert (page.status_code, page.headers["Location"]) == (302, f"/accounts/login/?next={PAGE}")
    feed = httpx.get(f"{demo.server.url}{FEED}", headers={"Accept": "text/event-stream"})
    assert (feed.status_code, feed.json()) == (403, {"detail": "You may not listen here."})


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("  ", "Write a message."),
        ("x" * 2001, "Ensure this value has at most 2000 characters (it has 2001)."),
        ("a\x00b", "Null characters are not allowed."),
    ],
)
@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_invalid_input_is_refused_with_its_field(
    demo: Demo, alice: Browser, text: str, error: str
) -> None:
    answer = alice.submit(PAGE, {"text": text}, **JSON)
    assert (answer.status_code, answer.json()) == (400, {"errors": {"text": [error]}})
    assert error in alice.submit(PAGE, {"text": text}).text
    assert demo.sql("SELECT * FROM example_message") == []


@pytest.mark.parametrize("demo", ["postgres"], indirect=True)
def test_the_trigger_announces_committed_rows_only(demo: Demo) -> None:
    with demo.hints() as hints:
        with pytest.raises(Exception, match="null value"):
            demo.sql(
                "INSERT INTO example_message (text) VALUES ('rolled back')",
                "INSERT INTO example_message (text) VALUES (NULL)",
            )
        demo.sql(
            "INSERT INTO example_message (text) VALUES ('one'), ('two')",
            "SELECT pg_notify('toasts', '[\"last\"]')",
        )
        assert hints(2) == ["feed:messages:all", "last"]


@pytest.mark.parametrize("demo", ["postgres"], indirect=True)
def test_without_the_trigger_the_signal_announces_what_django_writes(
    demo: Demo, alice: Browser
) -> None:
    demo.sql("ALTER TABLE example_message DISABLE TRIGGER USER")
    try:
        with demo.hints() as hints:
            alice.submit(PAGE, {"text": "hello"})
            assert hints(1) == ["feed:messages:all"]
    finally:
        demo.sql("ALTER TABLE example_message ENABLE TRIGGER USER")
