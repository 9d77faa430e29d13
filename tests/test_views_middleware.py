"""The views behind middleware: Django's own, and a site's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponseBase
from django.test import AsyncClient, override_settings
from django.utils import timezone
from django.utils.decorators import async_only_middleware

from tests.conftest import signed_in
from tests.support.logins import ALL_MIDDLEWARE, AUTHENTICATION, SESSION
from tests.support.streams import NO_CACHE_HEADERS, POLL, STREAM, StreamReader
from toasts import async_create_toast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


# Django's own.


@override_settings(MIDDLEWARE=ALL_MIDDLEWARE, LANGUAGE_CODE="en")
async def test_all_of_djangos_middleware_passes_a_stream_unchanged(alice: User) -> None:
    client = await signed_in(alice)
    response = await client.get(STREAM, headers={"Accept-Encoding": "gzip, br"})
    headers = dict(response.headers)
    vary = {part.strip() for part in headers.pop("Vary").split(",")}
    assert vary == {"Cookie", "Accept-Language"}
    assert headers == {
        **{name: value for name, value in NO_CACHE_HEADERS.items() if name != "Vary"},
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


@override_settings(MIDDLEWARE=ALL_MIDDLEWARE)
async def test_signed_out_clients_are_not_redirected_where_a_login_is_required(db: None) -> None:
    for path in (STREAM, POLL):
        response = await AsyncClient().get(path)
        assert (response.status_code, response.content) == (204, b"")


# Others.


@async_only_middleware
def token_user(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Authentication without sessions: a header names the user."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        request.user = await User.objects.aget(username=request.headers["X-Token"])
        return await get_response(request)  # type: ignore[no-any-return]

    return middleware


# What middleware does.


@async_only_middleware
def impersonation(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """The signed-in user acts as another."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        if (await request.auser()).is_authenticated:
            request.user = await User.objects.aget(username="bob")
        return await get_response(request)  # type: ignore[no-any-return]

    return middleware


def session_reader(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Synchronous middleware that reads the session after the view."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)
        session = request.session
        assert (session.accessed, session.is_empty()) == (True, False)
        assert "_auth_user_id" in session
        response["X-User"] = session["_auth_user_id"] + session.get("nothing", "")
        response["X-Modified"] = str(session.modified)
        return response

    return middleware


def session_writer(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Synchronous middleware that writes to the session after the view."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = get_response(request)
        request.session["seen"] = "yes"
        return response

    return middleware


@override_settings(MIDDLEWARE=["tests.test_views_middleware.token_user"])
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


@override_settings(
    MIDDLEWARE=[SESSION, AUTHENTICATION, "tests.test_views_middleware.impersonation"]
)
async def test_an_impersonator_gets_the_toasts_of_the_impersonated_user(
    alice: User, bob: User
) -> None:
    client = await signed_in(alice)
    stream = await StreamReader.open(client)
    await stream.until("sync")
    await async_create_toast("for alice", alice)
    await async_create_toast("for bob", bob)
    assert (await stream.next()).data["message"] == "for bob"
    polled = (await client.get(POLL)).json()["toasts"]
    assert [toast["message"] for toast in polled] == ["for bob"]


@override_settings(
    MIDDLEWARE=[SESSION, AUTHENTICATION, "tests.test_views_middleware.session_reader"],
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


@override_settings(
    MIDDLEWARE=[SESSION, AUTHENTICATION, "tests.test_views_middleware.session_writer"]
)
@pytest.mark.parametrize("path", [STREAM, POLL])
async def test_other_middleware_may_change_the_session_after_the_view(
    alice: User, path: str
) -> None:
    client = await signed_in(alice)
    response = await client.get(path)
    assert response.status_code == 200
    assert "sessionid" in response.cookies
    session = await client.asession()
    assert await session.aget("seen") == "yes"


@override_settings(
    MIDDLEWARE=[SESSION, AUTHENTICATION, "tests.test_views_middleware.session_reader"],
    SESSION_SAVE_EVERY_REQUEST=True,
)
@pytest.mark.parametrize("path", [STREAM, POLL])
async def test_a_page_that_is_left_open_does_not_prolong_its_session(
    alice: User, path: str
) -> None:
    client = await signed_in(alice)
    key = client.cookies["sessionid"].value
    soon = timezone.now() + timedelta(minutes=5)
    await Session.objects.filter(pk=key).aupdate(expire_date=soon)
    response = await client.get(path)
    assert response.status_code == 200
    assert (await Session.objects.aget(pk=key)).expire_date == soon
    if path == STREAM:
        await StreamReader(response).until("sync")


@override_settings(MIDDLEWARE=[SESSION, AUTHENTICATION])
@pytest.mark.parametrize("path", [STREAM, POLL])
async def test_the_cookie_of_a_session_that_is_over_is_left_to_the_pages(
    db: None, path: str
) -> None:
    # A poll under way while the user signs in must not delete the new cookie.
    client = AsyncClient()
    client.cookies["sessionid"] = "a" * 32
    response = await client.get(path)
    assert response.status_code == 204
    assert not response.cookies
