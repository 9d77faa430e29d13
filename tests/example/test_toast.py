"""The toast demo, served by real processes and used over HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextvars import ContextVar

import httpx
import pytest

from example import background
from example.forms import TaskForm
from tests.support.core_site import Browser, CoreSite, signed_in, sqlite_url
from tests.support.postgres import PostgresServer
from tests.support.servers import Server

JSON = {"Accept": "application/json"}


@pytest.mark.parametrize("message", ["hi", "  padded  ", "ü" * 2000, "\N{BREAD}" * 1870, "<b>&\n"])
@pytest.mark.parametrize("seconds", ["0", "60", " 7 "])
def test_valid_input_is_accepted(message: str, seconds: str) -> None:
    form = TaskForm({"message": message, "seconds": seconds})
    assert form.is_valid(), form.errors
    assert form.cleaned_data == {"message": message.strip(), "seconds": int(seconds)}


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("", "Write a message."),
        (" \n\t ", "Write a message."),
        ("x" * 2001, "Ensure this value has at most 2000 characters (it has 2001)."),
        ("\N{BREAD}" * 2000, "This takes 8,002 bytes; at most 7,500 fit. Shorten it."),
        ("\x01" * 2000, "This takes 12,002 bytes; at most 7,500 fit. Shorten it."),
        ("a\x00b", "Null characters are not allowed."),
    ],
)
def test_a_message_that_no_toast_can_hold_is_refused_before_the_task(
    message: str, error: str
) -> None:
    assert TaskForm({"message": message, "seconds": "1"}).errors == {"message": [error]}


@pytest.mark.parametrize("seconds", ["", "-1", "61", "1.5", "ten", "1e1", "9" * 400])
def test_seconds_outside_the_minute_are_refused(seconds: str) -> None:
    errors = ["Choose a whole number of seconds from 0 to 60."]
    assert TaskForm({"message": "hi", "seconds": seconds}).errors == {"seconds": errors}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreSite]:
    site = CoreSite(sqlite_url(tmp_path_factory.mktemp("site")))
    yield site
    site.close()


@pytest.fixture(scope="module")
def server(site: CoreSite) -> Server:
    return site.serve()


@pytest.fixture
def alice(site: CoreSite, server: Server) -> Iterator[Browser]:
    site.run("from toasts.models import Toast\nToast.objects.all().delete()")
    with signed_in(server.url, "alice") as browser:
        yield browser


pytestmark = pytest.mark.servers


@pytest.mark.parametrize("path", ["/demo/toast/", "/demo/toast/show/"])
def test_a_guest_is_sent_to_the_login_page(server: Server, path: str) -> None:
    answer = httpx.get(f"{server.url}{path}")
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"/accounts/login/?next={path}",
    )


def test_a_toast_shows_at_once_that_the_task_runs_and_a_second_one_has_its_message(
    alice: Browser,
) -> None:
    answer = alice.submit("/demo/toast/", {"message": "Your bread is done", "seconds": "1"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/demo/toast/")
    (running,) = alice.toasts()
    assert (running["level"], running["title"], running["duration"]) == ("info", "Task started", 0)
    assert running["progress"] < 100
    message = alice.await_toast(lambda toast: toast["message"] == "Your bread is done")
    assert (message["level"], message["title"]) == ("success", "Task finished")
    done = alice.await_toast(lambda toast: toast["title"] == "Task done")
    assert (done["id"], done["progress"], done["duration"]) == (running["id"], 100, 4)
    assert len(alice.toasts()) == 2


def test_only_the_user_who_started_the_task_gets_its_message(
    alice: Browser, server: Server
) -> None:
    with signed_in(server.url, "bob") as bob:
        alice.submit("/demo/toast/", {"message": "for alice", "seconds": "0"})
        alice.await_toast(lambda toast: toast["message"] == "for alice")
        assert bob.toasts() == []


def test_the_task_outlives_the_request_its_connection_and_its_session(
    alice: Browser, server: Server
) -> None:
    with signed_in(server.url, "alice") as other:
        other.submit("/demo/toast/", {"message": "still there", "seconds": "1"}, **JSON)
        token = other.csrf("/demo/toast/")
        out = other.post("/accounts/logout/", data={"csrfmiddlewaretoken": token})
        assert out.status_code == 302
    alice.await_toast(lambda toast: toast["message"] == "still there")


def test_the_message_arrives_even_if_the_first_toast_was_deleted(
    alice: Browser, site: CoreSite
) -> None:
    alice.submit("/demo/toast/", {"message": "all the same", "seconds": "2"})
    # On a busy machine the task may have ended by the time that this runs.
    site.run(
        "from toasts.models import Toast\nToast.objects.exclude(message='all the same').delete()"
    )
    alice.await_toast(lambda toast: toast["message"] == "all the same")


def test_invalid_input_shows_the_form_again_with_its_errors(alice: Browser) -> None:
    answer = alice.submit("/demo/toast/", {"message": "kept <b>", "seconds": "61"})
    assert answer.status_code == 400
    assert "Choose a whole number of seconds from 0 to 60." in answer.text
    assert "kept &lt;b&gt;" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert alice.toasts() == []


def test_invalid_input_from_the_script_is_answered_with_errors_by_field(alice: Browser) -> None:
    answer = alice.submit("/demo/toast/", {"message": "", "seconds": "x"}, **JSON)
    assert answer.status_code == 400
    assert answer.json() == {
        "errors": {
            "message": ["Write a message."],
            "seconds": ["Choose a whole number of seconds from 0 to 60."],
        }
    }
    assert alice.toasts() == []


def test_a_post_without_the_csrf_token_gets_the_error_page_of_the_site(alice: Browser) -> None:
    answer = alice.post("/demo/toast/", data={"message": "forged", "seconds": "0"})
    assert answer.status_code == 403
    assert "This form is out of date" in answer.text
    assert alice.toasts() == []


@pytest.mark.parametrize("level", ["info", "success", "warning", "error"])
def test_each_level_has_a_button(alice: Browser, level: str) -> None:
    answer = alice.submit("/demo/toast/show/", {"kind": level}, **JSON)
    assert answer.status_code == 202
    (toast,) = alice.toasts()
    assert (toast["id"], toast["level"]) == (answer.json()["toast"], level)


def test_the_action_of_a_toast_links_to_a_page(alice: Browser) -> None:
    alice.submit("/demo/toast/show/", {"kind": "action"})
    (toast,) = alice.toasts()
    (action,) = toast["actions"]
    assert action == {"name": "open", "label": "Open", "url": "/demo/toast/"}
    assert alice.get(action["url"]).status_code == 200


def test_one_toast_shows_progress_from_start_to_end(alice: Browser) -> None:
    alice.submit("/demo/toast/show/", {"kind": "progress"})
    (toast,) = alice.toasts()
    assert (toast["title"], toast["progress"]) == ("Uploading", 0)
    alice.await_toast(lambda toast: 0 < toast["progress"] < 100)
    done = alice.await_toast(lambda toast: toast["level"] == "success")
    assert (done["id"], done["progress"], done["title"]) == (toast["id"], 100, "Upload finished")


def test_an_unknown_kind_is_not_found_and_a_get_not_allowed(alice: Browser) -> None:
    assert alice.submit("/demo/toast/show/", {"kind": "loud"}).status_code == 404
    assert alice.get("/demo/toast/show/").status_code == 405
    assert alice.toasts() == []


def test_sleeping_tasks_hold_no_database_connection_and_no_thread(
    postgres: PostgresServer,
) -> None:
    site = CoreSite(postgres.create("demo"))
    server = site.serve()
    try:
        with signed_in(server.url, "alice") as alice:
            before = server.threads()
            for number in range(15):
                alice.submit("/demo/toast/", {"message": f"number {number}", "seconds": "60"})
            counts = [(connections(postgres), server.threads()) for _ in pauses(3)]
    finally:
        site.close()
    # The server has a listener and a reader. An update of the progress adds one for a moment.
    assert min(count for count, _ in counts) <= 3, counts
    assert min(count for _, count in counts) <= before + 2, counts


def connections(postgres: PostgresServer) -> int:
    ((count,),) = postgres.execute(
        f"SELECT count(*) FROM pg_stat_activity WHERE datname = 'demo{postgres.suffix}'"
    )
    return int(count)


def pauses(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.05)


async def test_background_work_has_no_context_request_text() -> None:
    request_text: ContextVar[str] = ContextVar("request_text", default="nothing")
    request_text.set("a secret")
    texts = []

    async def work() -> None:
        texts.append(request_text.get())

    await background.start(work())
    assert texts == ["nothing"]


async def test_background_work_that_fails_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work() -> None:
        raise OSError("no bread")

    with pytest.raises(OSError, match="no bread"):
        await background.start(work())
    (line,) = caplog.records
    assert (line.levelname, line.getMessage()) == ("ERROR", "A background task failed.")
    assert line.exc_info
    assert str(line.exc_info[1]) == "no bread"


@pytest.mark.servers
@pytest.mark.parametrize(
    ("page", "guide"),
    [
        ("toast", "send"), ("messages", "messages"), ("orders", "orders"), ("sheet", "sheet"),
        ("status", "status"),
    ],
)  # fmt: skip
def test_each_demo_explains_itself_in_three_sentences_and_links_to_its_guide(
    server: Server, page: str, guide: str
) -> None:
    with signed_in(server.url, "alice") as browser:
        text = browser.get(f"/demo/{page}/").text
        [lead] = re.findall(r'<p class="lead">(.*?)</p>', text, re.DOTALL)
        text, _, link = lead.partition("<a ")
        assert len(re.findall(r"[.!?](?=\s)", text)) == 3, text
        assert link == f'href="/docs/howto/{guide}.md">How to build it</a>'
        assert browser.get(f"/docs/howto/{guide}.md").status_code == 200
