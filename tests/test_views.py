from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from django.test import AsyncClient, Client, override_settings
from django.utils.decorators import async_only_middleware

from tests.calls import Call
from tests.conftest import signed_in, until
from tests.streams import StreamReader
from toasts import (
    async_create_toast,
    async_create_toasts,
    async_dismiss_toast,
    async_update_toast,
    release,
)
from toasts import live as toasts_live
from toasts import state as toasts_state
from toasts.models import Toast
from toasts.sessions import Grant, Standing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]

STREAM, POLL = "/toasts/stream/", "/toasts/poll/"
OURS = {
    "Cache-Control": "no-store, no-transform, private",
    "Content-Encoding": "identity",
    "X-Accel-Buffering": "no",
    "Vary": "Cookie",
}
WHOLE_CHAIN = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "toasts.middleware.ToastMiddleware",
]


def here() -> Any:
    """The hub of the running loop."""
    return toasts_live.hub()


# The stream.


async def test_a_stream_brings_the_snapshot_then_what_changes(alice: User) -> None:
    old = await async_create_toast("old", alice)
    stream = await StreamReader.open(await signed_in(alice))
    snapshot = await stream.until("sync")
    assert [event.type for event in snapshot] == ["toast", "sync"]
    assert snapshot[-1].data == {"ids": [old.pk]}
    new = await async_create_toast("new", alice, level="success")
    assert (await stream.next()).data["id"] == new.pk
    await async_update_toast(new, progress=50)
    assert (await stream.next()).data["progress"] == 50
    await async_dismiss_toast(new)
    event = await stream.next()
    assert (event.type, event.data) == ("dismiss", {"ids": [new.pk]})


async def test_a_streams_headers_are_exactly_these(alice: User) -> None:
    response = await (await signed_in(alice)).get(STREAM)
    assert response.status_code == 200
    assert dict(response.headers) == {**OURS, "Content-Type": "text/event-stream"}
    assert not response.cookies


@override_settings(MIDDLEWARE=WHOLE_CHAIN, LANGUAGE_CODE="en")
async def test_the_whole_of_djangos_middleware_lets_a_stream_pass_as_it_is(alice: User) -> None:
    client = await signed_in(alice)
    response = await client.get(STREAM, headers={"Accept-Encoding": "gzip, br"})
    headers = dict(response.headers)
    vary = {part.strip() for part in headers.pop("Vary").split(",")}
    assert vary == {"Cookie", "Accept-Language"}
    assert headers == {
        **{name: value for name, value in OURS.items() if name != "Vary"},
        "Content-Type": "text/event-stream",
        "Content-Language": "en",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    assert not response.cookies
    stream = StreamReader(response)
    await stream.until("sync")
    assert stream.raw.startswith(b": toasts\nevent: sync\ndata: ")


@override_settings(MIDDLEWARE=WHOLE_CHAIN)
async def test_the_signed_out_are_not_redirected_where_a_login_is_required(db: None) -> None:
    for path in (STREAM, POLL):
        response = await AsyncClient().get(path)
        assert (response.status_code, response.content) == (204, b"")


async def test_the_first_bytes_come_before_the_state_and_then_each_event_is_exact(
    alice: User,
) -> None:
    toast = await async_create_toast("Grüße\n\u2028", alice)
    response = await (await signed_in(alice)).get(STREAM)
    chunks = response.streaming_content
    assert await anext(chunks) == b": toasts\n"
    snapshot = await anext(chunks)
    first, second, rest = snapshot.split(b"\n\n")
    head, data, changed = first.split(b"\n")
    data = data.removeprefix(b"data: ")
    # From here on the client's state is no longer the one that a `sync` named.
    assert (head, changed) == (b"event: toast", b"id: changed")
    assert b'"message":"Gr\\u00fc\\u00dfe\\n\\u2028"' in data
    assert json.loads(data) == {
        "id": toast.pk, "message": "Grüße\n\u2028", "title": "", "level": "info", "url": "",
        "actions": [], "key": "", "progress": None, "duration": None, "data": {},
        "created_at": json.loads(data)["created_at"], "expires_at": None, "read": False,
    }  # fmt: skip
    head, data, mark, retry = second.split(b"\n")
    assert (head, data, rest) == (b"event: sync", b'data: {"ids":[%d]}' % toast.pk, b"")
    assert mark.startswith(b"id: ")
    assert retry.startswith(b"retry: ")


async def test_who_missed_a_change_and_its_undoing_gets_all_again(alice: User) -> None:
    first, second = [await async_create_toast(text, alice) for text in ("first", "second")]
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    await async_dismiss_toast(first)
    last = (await stream.until("dismiss"))[-1].id
    await Toast.objects.filter(pk=first.pk).aupdate(read_at=None)
    again = await StreamReader.open(await signed_in(alice), **{"Last-Event-ID": last})
    sent = await again.until("sync")
    assert [event.data.get("id") for event in sent[:-1]] == [first.pk, second.pk]


async def test_reconnects_are_spread_over_seconds_and_none_comes_at_once(alice: User) -> None:
    client = await signed_in(alice)
    retries = set()
    for _ in range(8):
        stream = await StreamReader.open(client)
        retries.add((await stream.until("sync"))[-1].retry)
    assert all(retry is not None and 1000 <= retry <= 5000 for retry in retries)
    assert len(retries) > 1


@override_settings(TOASTS_HEARTBEAT=0.1)
async def test_a_quiet_stream_pings(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    assert [(await stream.next()).type for _ in range(2)] == ["ping", "ping"]
    assert stream.raw.endswith(b"event: ping\ndata: {}\n\n")


@override_settings(TOASTS_ROTATE=(0.0, 0.0))
async def test_an_old_stream_is_told_to_reconnect_and_ends(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    last = (await stream.until("bye"))[-1]
    assert last.data == {"reason": "rotate"}
    assert last.retry is not None
    assert 1000 <= last.retry <= 5000
    assert await stream.ended()
    assert here().listeners() == []


async def test_rotation_is_spread(alice: User) -> None:
    held = Grant(alice.pk, Standing())
    with override_settings(TOASTS_ROTATE=(300, 600)):
        heard = toasts_live.toasts_of(held)
        lives = {toasts_live.open_stream(heard, None, cut=None).lifetime for _ in range(20)}
    assert all(300 <= life <= 600 for life in lives)
    assert len(lives) == 20


@override_settings(TOASTS_MAX_STREAMS_PER_USER=2)
async def test_one_stream_too_many_ends_the_oldest(alice: User, bob: User) -> None:
    client = await signed_in(alice)
    his = await StreamReader.open(await signed_in(bob))
    await his.until("sync")
    streams = []
    for _ in range(3):
        streams.append(await StreamReader.open(client))
        await streams[-1].until("sync")
    assert (await streams[0].next()).data == {"reason": "superseded"}
    assert await streams[0].ended()
    await async_create_toasts("still here", [alice, bob])
    for stream in (*streams[1:], his):
        assert (await stream.next()).data["message"] == "still here"


async def test_signed_out_is_204_and_empty(db: None) -> None:
    for path in (STREAM, POLL):
        response = await AsyncClient().get(path)
        assert (response.status_code, response.content) == (204, b"")
        assert {name: response[name] for name in OURS} == OURS
        assert not response.cookies


async def test_head_starts_no_stream(alice: User) -> None:
    response = await (await signed_in(alice)).head(STREAM)
    assert (response.status_code, response.streaming, response.content) == (200, False, b"")
    assert response["Content-Type"] == "text/event-stream"
    assert {name: response[name] for name in OURS} == OURS
    assert toasts_live._hubs == {}


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", [STREAM, POLL])
async def test_only_reading_is_allowed(alice: User, path: str, method: str) -> None:
    response = await getattr(await signed_in(alice), method)(path)
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")


# Who asks from where (Fetch Metadata).


@pytest.mark.parametrize("path", [STREAM, POLL])
@pytest.mark.parametrize(
    ("origin", "same_site_allowed", "status"),
    [
        ("same-origin", False, 200),
        ("none", False, 200),
        (None, False, 200),
        ("cross-site", False, 403),
        ("cross-site", True, 403),
        ("same-site", False, 403),
        ("same-site", True, 200),
        ("Same-Origin", False, 403),
        ("nonsense", True, 403),
        ("", True, 403),
    ],
)
async def test_other_sites_are_refused(
    alice: User, path: str, origin: str | None, same_site_allowed: bool, status: int
) -> None:
    headers = {} if origin is None else {"Sec-Fetch-Site": origin}
    client = await signed_in(alice)
    with override_settings(TOASTS_ALLOW_SAME_SITE=same_site_allowed):
        response = await client.get(path, headers=headers)
    assert response.status_code == status
    assert "Access-Control-Allow-Origin" not in response.headers
    assert {name: response[name] for name in OURS} == OURS


# Last-Event-ID.

MALFORMED = {
    "too long": "a" * 65,
    "a space": "a b",
    "a newline": "a\nevent: toast",
    "a carriage return": "a\rb",
    "NUL": "a\x00b",
    "unicode": "é",
    "a digit of another kind": "²",
    "SQL": "1'; DROP TABLE toasts_toast; --",
    "two joined": "aa,bb",
    "markup": "<script>",
}


@pytest.mark.parametrize("known", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_last_event_id_is_refused_and_never_echoed(
    alice: User, known: str
) -> None:
    await async_create_toast("secret", alice)
    client = await signed_in(alice)
    for answer in (
        await client.get(STREAM, headers={"Last-Event-ID": known}),
        await client.get(STREAM, {"last_event_id": known}),
    ):
        assert answer.status_code == 400
        assert answer.content == (
            b'{"last_event_id": ["Not an id of this stream; leave the header out."]}'
        )
        assert answer["Content-Type"] == "application/json"
    answer = await client.get(POLL, {"cursor": known})
    assert answer.status_code == 400
    assert answer.content == b'{"cursor": ["Not a cursor of this view; leave it out."]}'


@pytest.mark.parametrize("known", ["0", "deadbeef", "A" * 64, "-1", ".."])
async def test_an_unknown_last_event_id_brings_everything_and_only_ones_own(
    alice: User, bob: User, known: str
) -> None:
    await async_create_toast("hers", alice)
    await async_create_toast("his", bob)
    client = await signed_in(alice)
    stream = await StreamReader.open(client, **{"Last-Event-ID": known})
    snapshot = await stream.until("sync")
    assert [event.data.get("message") for event in snapshot] == ["hers", None]
    assert f"id: {known}\n".encode() not in stream.raw


@pytest.mark.parametrize("where", ["header", "query"])
async def test_who_knows_the_state_gets_only_its_list(alice: User, where: str) -> None:
    toast = await async_create_toast("known", alice)
    client = await signed_in(alice)
    first = (await (await StreamReader.open(client)).until("sync"))[-1]
    if where == "header":
        response = await client.get(STREAM, headers={"Last-Event-ID": first.id})
    else:
        response = await client.get(STREAM, {"last_event_id": first.id})
    again = StreamReader(response)
    event = await again.next()
    assert (event.type, event.data, event.id) == ("sync", {"ids": [toast.pk]}, first.id)
    assert (await client.get(POLL)).json()["cursor"] == first.id


async def test_anothers_last_event_id_tells_nothing(alice: User, bob: User) -> None:
    await async_create_toast("his", bob)
    his = (await (await StreamReader.open(await signed_in(bob))).until("sync"))[-1]
    hers = await StreamReader.open(await signed_in(alice), **{"Last-Event-ID": his.id})
    [sync] = await hers.until("sync")
    assert sync.data == {"ids": []}
    assert sync.id != his.id


# WSGI.


def test_under_wsgi_there_is_no_stream_and_a_poll_never_waits(alice: User) -> None:
    Toast.objects.create(user=alice, message="hello")
    client = Client()
    client.force_login(alice)
    response = client.get(STREAM)
    assert (response.status_code, response.content) == (204, b"")
    first = client.get(POLL).json()
    assert [toast["message"] for toast in first["toasts"]] == ["hello"]
    again = client.get(POLL, {"wait": "55", "cursor": first["cursor"]})  # the suite's limit is 180
    assert again.json() == first
    assert toasts_live._hubs == {}


# What middleware does.


@async_only_middleware
def token_user(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Authentication without sessions: the user by a header."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        request.user = await User.objects.aget(username=request.headers["X-Token"])
        return await get_response(request)  # type: ignore[no-any-return]

    return middleware


@async_only_middleware
def impersonation(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """The signed-in user acts as another."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        if (await request.auser()).is_authenticated:
            request.user = await User.objects.aget(username="bob")
        return await get_response(request)  # type: ignore[no-any-return]

    return middleware


def session_reader(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Synchronous middleware that looks at the session after the view."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)
        session = request.session
        assert "_auth_user_id" in session
        response["X-User"] = session["_auth_user_id"] + session.get("nothing", "")
        response["X-Modified"] = str(session.modified)
        return response

    return middleware


def session_writer(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Synchronous middleware that keeps something in the session after the view."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)
        request.session["seen"] = "yes"
        return response

    return middleware


SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


@override_settings(MIDDLEWARE=["tests.test_views.token_user"])
async def test_without_sessions_the_sites_own_authentication_decides(alice: User) -> None:
    response = await AsyncClient().get(STREAM, headers={"X-Token": "alice"})
    stream = StreamReader(response)
    await stream.until("sync")
    await async_create_toast("by token", alice)
    assert (await stream.next()).data["message"] == "by token"
    alice.is_active = False
    await alice.asave()
    assert (await stream.next()).data == {"reason": "auth"}
    assert await stream.ended()


@override_settings(MIDDLEWARE=[SESSION, AUTHENTICATION, "tests.test_views.impersonation"])
async def test_an_impersonator_sees_the_toasts_of_whom_he_acts_as(alice: User, bob: User) -> None:
    client = await signed_in(alice)
    stream = await StreamReader.open(client)
    await stream.until("sync")
    await async_create_toast("for alice", alice)
    await async_create_toast("for bob", bob)
    assert (await stream.next()).data["message"] == "for bob"
    polled = (await client.get(POLL)).json()["toasts"]
    assert [toast["message"] for toast in polled] == ["for bob"]


@override_settings(
    MIDDLEWARE=[SESSION, AUTHENTICATION, "tests.test_views.session_reader"],
    SESSION_SAVE_EVERY_REQUEST=True,
)
@pytest.mark.parametrize("path", [STREAM, POLL])
async def test_other_middleware_may_read_the_session_after_the_view(alice: User, path: str) -> None:
    response = await (await signed_in(alice)).get(path)
    assert response.status_code == 200
    assert (response["X-User"], response["X-Modified"]) == (str(alice.pk), "False")
    assert not response.cookies
    if path == STREAM:
        await StreamReader(response).until("sync")


@override_settings(MIDDLEWARE=[SESSION, AUTHENTICATION, "tests.test_views.session_writer"])
@pytest.mark.parametrize("path", [STREAM, POLL])
async def test_what_other_middleware_writes_to_the_session_is_kept(alice: User, path: str) -> None:
    client = await signed_in(alice)
    response = await client.get(path)
    assert response.status_code == 200
    assert "sessionid" in response.cookies
    session = await client.asession()
    assert await session.aget("seen") == "yes"


# Poison: what only plain SQL can write.


def _insert(user: User, **columns: str) -> None:
    """By plain SQL; the values are SQL."""
    values = {"user_id": str(user.pk), **columns}
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO toasts_toast ({', '.join(values)}) VALUES ({', '.join(values.values())})"
        )


OF_SQLITE = {
    "half of a surrogate pair": {"data": """'{"a": "\\ud800"}'"""},
    "half of a surrogate pair in an action": {"actions": """'["\\udfff"]'"""},
    "actions that are no list": {"actions": "'5'"},
    "actions of null": {"actions": "'null'"},
    "data that is no object": {"data": """'"text"'"""},
    "a number that JSON has no word for": {"duration": "9e999"},
    "a number in the data that grows out of bounds": {"data": """'{"a": 1e999}'"""},
    "text that is not UTF-8": {"title": "CAST(x'ff' AS TEXT)"},
    "bytes for text": {"title": "x'00ff'"},
    "a date that is none": {"expires_at": "'9999-99-99 00:00:00'"},
    "a word for a date": {"expires_at": "'tomorrow'"},
    "a number for a date": {"created_at": "5"},
    "a list nested too deeply": {"data": f"'{'[' * 900}{']' * 900}'"},
}
OF_POSTGRES = {
    "an infinite date": {"expires_at": "'infinity'"},
    "an ancient date": {"created_at": "'4713-01-01 00:00:00 BC'"},
    "no number": {"duration": "'NaN'"},
    "an infinite number": {"duration": "'Infinity'"},
    "actions that are no list": {"actions": "'5'"},
    "actions of null": {"actions": "'null'"},
    "data that is no object": {"data": """'"text"'"""},
    "a number in the data that grows out of bounds": {"data": """'{"a": 1e999}'"""},
}


ROWS = OF_POSTGRES if connection.vendor == "postgresql" else OF_SQLITE


@pytest.mark.parametrize("poison", ROWS.values(), ids=ROWS)
async def test_no_row_that_plain_sql_can_write_costs_anybody_the_other_toasts(
    alice: User, bob: User, poison: dict[str, str]
) -> None:
    toasts_state._leave_out.cache_clear()
    hers, his = await signed_in(alice), await signed_in(bob)
    streams = [await StreamReader.open(hers), await StreamReader.open(his)]
    for stream in streams:
        await stream.until("sync")
    await sync_to_async(_insert)(alice, message="'poison'", **poison)
    await async_create_toasts("good", [alice, bob])
    for stream in streams:
        await until_message(stream, "good")
    snapshot = await (await StreamReader.open(hers)).until("sync")
    assert "good" in [event.data.get("message") for event in snapshot]
    polled = await hers.get(POLL)
    assert polled.status_code == 200
    json.loads(polled.content, parse_constant=pytest.fail)
    assert "good" in [toast["message"] for toast in polled.json()["toasts"]]


async def until_message(stream: StreamReader, message: str) -> None:
    async with asyncio.timeout(5):
        while (await stream.next()).data.get("message") != message:
            pass


# The poll.


async def test_a_poll_is_the_state_and_its_cursor(alice: User, bob: User) -> None:
    client = await signed_in(alice)
    empty = await client.get(POLL)
    assert empty.json()["toasts"] == []
    toast = await async_create_toast(
        "text", alice, title="t", level="error", url="/u", key="k", progress=5, duration=7,
        actions=[{"name": "a", "label": "A", "url": "/a"}], data={"n": [1, None]},
    )  # fmt: skip
    await async_create_toast("his", bob)
    response = await client.get(POLL)
    assert {name: response[name] for name in OURS} == OURS
    assert response["Content-Type"] == "application/json"
    assert not response.cookies
    answer = response.json()
    created = answer["toasts"][0]["created_at"]
    assert answer == {
        "toasts": [{
            "id": toast.pk, "message": "text", "title": "t", "level": "error", "url": "/u",
            "actions": [{"name": "a", "label": "A", "url": "/a"}], "key": "k", "progress": 5,
            "duration": 7.0, "data": {"n": [1, None]}, "created_at": created, "expires_at": None,
            "read": False,
        }],
        "cursor": answer["cursor"],
    }  # fmt: skip
    assert created.endswith("Z")
    assert answer["cursor"] != empty.json()["cursor"]
    assert (await client.get(POLL)).content == response.content


@pytest.mark.parametrize(
    "wait", ["nan", "inf", "-inf", "1e999", "-1", "-0.1", "soon", "", "1,5", "0x10", "\x00", "1 s"]
)
async def test_a_bad_wait_is_refused(alice: User, wait: str) -> None:
    response = await (await signed_in(alice)).get(POLL, {"wait": wait})
    assert response.status_code == 400
    assert response.content == b'{"wait": ["Must be seconds from 0 to 55."]}'


@pytest.mark.parametrize("change", ["create", "update", "dismiss"])
async def test_a_long_poll_answers_when_something_changes(alice: User, change: str) -> None:
    client = await signed_in(alice)
    toast = await async_create_toast("old", alice)
    known = (await client.get(POLL)).json()["cursor"]
    waiting = asyncio.create_task(client.get(POLL, {"wait": "25", "cursor": known}))
    await until(lambda: here().listeners())
    assert not waiting.done()
    if change == "create":
        await async_create_toast("new", alice)
    elif change == "update":
        await async_update_toast(toast, message="new")
    else:
        await async_dismiss_toast(toast)
    answer = (await asyncio.wait_for(waiting, 5)).json()
    messages = [toast["message"] for toast in answer["toasts"]]
    assert messages == {"create": ["old", "new"], "update": ["new"], "dismiss": []}[change]
    assert answer["cursor"] != known
    assert here().listeners() == []
    assert (await client.get(POLL)).json() == answer


async def test_a_long_poll_with_another_cursor_answers_at_once(alice: User) -> None:
    await async_create_toast("new", alice)
    client = await signed_in(alice)
    answer = await asyncio.wait_for(client.get(POLL, {"wait": "25", "cursor": "abc"}), 5)
    assert [toast["message"] for toast in answer.json()["toasts"]] == ["new"]


@pytest.mark.parametrize("wait", ["0.3", "0.0000001"])
async def test_after_its_wait_a_long_poll_answers_with_what_it_knew(alice: User, wait: str) -> None:
    await async_create_toast("the same", alice)
    client = await signed_in(alice)
    known = (await client.get(POLL)).json()
    answer = await client.get(POLL, {"wait": wait, "cursor": known["cursor"]})
    assert answer.json() == known
    assert [toast["message"] for toast in known["toasts"]] == ["the same"]


@override_settings(TOASTS_MAX_WAIT=0.2)
async def test_the_site_says_how_long_the_longest_wait_is(alice: User) -> None:
    client = await signed_in(alice)
    known = (await client.get(POLL)).json()
    waiting = client.get(POLL, {"wait": "1000", "cursor": known["cursor"]})
    assert (await asyncio.wait_for(waiting, 5)).json() == known


async def test_a_long_poll_ends_with_204_when_its_right_ends(alice: User) -> None:
    client = await signed_in(alice)
    known = (await client.get(POLL)).json()["cursor"]
    waiting = asyncio.create_task(client.get(POLL, {"wait": "25", "cursor": known}))
    await until(lambda: here().listeners())
    alice.is_active = False
    await alice.asave()
    response = await asyncio.wait_for(waiting, 5)
    assert (response.status_code, response.content) == (204, b"")


@override_settings(TOASTS_MAX_STREAMS_PER_USER=1)
async def test_a_long_poll_that_gives_way_is_not_told_that_it_is_signed_out(alice: User) -> None:
    client = await signed_in(alice)
    await async_create_toast("here", alice)
    known = (await client.get(POLL)).json()
    waiting = asyncio.create_task(client.get(POLL, {"wait": "25", "cursor": known["cursor"]}))
    await until(lambda: here().listeners())
    await (await StreamReader.open(client)).until("sync")
    response = await asyncio.wait_for(waiting, 5)
    assert (response.status_code, response.json()) == (200, known)


async def test_a_waiting_poll_keeps_no_thread(alice: User) -> None:
    client = await signed_in(alice)
    known = (await client.get(POLL)).json()["cursor"]
    path = f"{POLL}?wait=25&cursor={known}"
    first = Call(client, path).start()
    await until(lambda: len(here().listeners()) == 1)
    threads = threading.active_count()
    more = [Call(client, path).start() for _ in range(10)]
    await until(lambda: len(here().listeners()) == 11)
    await until(lambda: threading.active_count() <= threads)
    await async_create_toast("to all of them", alice)
    for call in (first, *more):
        await asyncio.wait_for(call.application, 10)
        assert (call.status, json.loads(call.body)["toasts"][0]["message"]) == (
            200,
            "to all of them",
        )


# Cleanup: whatever happens to a stream, its subscription ends with it.


async def _opened(client: AsyncClient, on_body: Any = None) -> Call:
    call = Call(client, STREAM)
    call.on_body = on_body
    call.start()
    await until(lambda: call.body)
    return call


async def test_a_client_that_leaves_while_nothing_happens_is_forgotten(alice: User) -> None:
    call = await _opened(await signed_in(alice))
    await until(lambda: b"event: sync" in call.body)
    assert len(here().listeners()) == 1
    call.disconnect()
    await asyncio.wait_for(call.application, 5)
    assert here().listeners() == []


async def test_a_client_that_leaves_while_it_reads_nothing_is_forgotten(alice: User) -> None:
    client = await signed_in(alice)
    call = await _opened(client, on_body=asyncio.Event().wait)
    # Django takes the next part once the first was sent: the subscription already stands.
    await until(lambda: here().listeners())
    call.disconnect()
    await asyncio.wait_for(call.application, 5)
    assert here().listeners() == []


@pytest.mark.parametrize("blocked", [False, True], ids=["waiting", "in send"])
async def test_a_server_that_cancels_the_application_leaves_no_stream(
    alice: User, blocked: bool
) -> None:
    client = await signed_in(alice)
    call = await _opened(client, on_body=asyncio.Event().wait if blocked else None)
    await until(lambda: here().listeners())
    if not blocked:
        await until(lambda: b"event: sync" in call.body)
    await call.cancel()
    await until(lambda: here().listeners() == [])


async def test_a_send_that_fails_ends_the_stream(alice: User) -> None:
    async def broken() -> None:
        if b"event: sync" in call.body:
            raise OSError("gone")

    client = await signed_in(alice)
    call = Call(client, STREAM)
    call.on_body = broken
    call.start()
    with pytest.raises(OSError, match="gone"):
        await asyncio.wait_for(call.application, 5)
    call.handler.body_file.close()
    assert here().listeners() == []


@pytest.mark.parametrize("blocked", [False, True], ids=["waiting", "in send"])
async def test_without_asgirefs_help_the_streams_own_task_tells_of_its_end(
    alice: User, monkeypatch: pytest.MonkeyPatch, blocked: bool
) -> None:
    monkeypatch.setattr(release, "SyncToAsync", object)
    client = await signed_in(alice)
    call = await _opened(client, on_body=asyncio.Event().wait if blocked else None)
    await until(lambda: here().listeners())
    call.disconnect()
    await asyncio.wait_for(call.application, 5)
    assert here().listeners() == []


async def test_a_stream_that_ended_by_itself_ends_its_application(alice: User) -> None:
    with override_settings(TOASTS_ROTATE=(0.0, 0.0)):
        call = await _opened(await signed_in(alice))
        await asyncio.wait_for(call.application, 5)
    assert b'"rotate"' in call.body
    assert call.sent[-1] == {"type": "http.response.body"}
    assert here().listeners() == []


async def test_a_client_that_never_reads_is_cut(alice: User) -> None:
    client = await signed_in(alice)
    call = await _opened(client, on_body=asyncio.Event().wait)
    [stream] = await until(lambda: here().listeners())
    stream.patience = 0.1
    await asyncio.wait([call.application], timeout=10)
    assert call.application.done()
    assert here().listeners() == []


async def test_streams_keep_no_thread_of_their_request(alice: User) -> None:
    client = await signed_in(alice)
    call = await _opened(client)
    await until(lambda: b"event: sync" in call.body)
    threads = threading.active_count()
    more = [await _opened(client) for _ in range(10)]
    await until(lambda: threading.active_count() <= threads)
    for each in (call, *more):
        each.disconnect()
        await asyncio.wait_for(each.application, 10)
    assert here().listeners() == []
    await until(lambda: threading.active_count() <= threads)
