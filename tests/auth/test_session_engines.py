"""Grants with each of Django's session engines. Streams and polls renew no session."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.test import AsyncClient, Client, override_settings
from django.utils import timezone

from tests.conftest import signed_in
from tests.support.grants import browser_request, change_password, grant_of
from tests.support.streams import StreamReader
from toasts import async_create_toast
from toasts.auth.revocation import revoked
from toasts.auth.sessions import session_owner, stored_session_model
from toasts.delivery.hubs import current_hub

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]

STREAM, POLL = "/toasts/stream/", "/toasts/poll/"
ENGINES = ["db", "cached_db", "cache", "file", "signed_cookies"]
REVOCABLE = ENGINES[:-1]  # a signed cookie is valid until it expires


@pytest.fixture
def engine(request: Any, tmp_path: Any) -> Iterator[str]:
    cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(tmp_path)}
    with override_settings(
        SESSION_ENGINE=f"django.contrib.sessions.backends.{request.param}",
        SESSION_FILE_PATH=str(tmp_path),
        CACHES={"default": cache},
    ):
        yield request.param


# Engines.


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
async def test_streams_and_polls_work_with_every_session_engine(engine: str, alice: User) -> None:
    client = await signed_in(alice)
    stream = await StreamReader.open(client)
    await stream.until("sync")
    await async_create_toast("hello", alice)
    assert (await stream.next()).data["message"] == "hello"
    grants = [listener.grant for listener in current_hub().subscriptions()]
    assert await sync_to_async(revoked)(grants) == []
    assert (await client.get(POLL)).json()["toasts"][0]["message"] == "hello"


@pytest.mark.parametrize("engine", REVOCABLE, indirect=True)
async def test_logout_ends_the_streams_of_that_session_and_of_no_other(
    engine: str, alice: User
) -> None:
    client, elsewhere = await signed_in(alice), await signed_in(alice)
    tabs = [await StreamReader.open(client), await StreamReader.open(client)]
    other = await StreamReader.open(elsewhere)
    for stream in (*tabs, other):
        await stream.until("sync")
    before = AsyncClient()
    before.cookies["sessionid"] = client.cookies["sessionid"].value
    await client.post("/logout/")
    for stream in tabs:
        assert (await stream.next()).data == {"reason": "auth"}
        assert await stream.ended()
    for gone in (client, before):
        assert (await gone.get(STREAM)).status_code == 204
    await async_create_toast("still here", alice)
    assert (await other.next()).data["message"] == "still here"


def _expire(engine: str, key: str) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if engine in ("db", "cached_db"):
        Session.objects.update(expire_date=timezone.now())
    elif engine == "cache":
        caches["default"].touch(store(key).cache_key, 0)
    elif engine == "file":
        session = store(key)
        session.set_expiry(-1)
        session.save()


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_grant_expires_with_every_session_engine(engine: str, alice: User) -> None:
    client = Client()
    client.force_login(alice)
    grant = grant_of(browser_request(client, alice))
    second_tab = grant_of(browser_request(client, alice))
    assert revoked([grant, second_tab]) == []
    _expire(engine, client.cookies["sessionid"].value)
    with override_settings(
        SESSION_COOKIE_AGE=-1 if engine == "signed_cookies" else settings.SESSION_COOKIE_AGE
    ):
        assert revoked([grant, second_tab]) == [grant, second_tab]


@override_settings(TOASTS_SWEEP=0.1)
async def test_the_sweep_finds_endings_that_were_not_announced(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    await Session.objects.aupdate(expire_date=timezone.now())
    assert (await stream.next()).data == {"reason": "auth"}
    assert await stream.ended()


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_only_sessions_in_the_database_have_a_model(engine: str) -> None:
    assert stored_session_model() is (Session if engine in ("db", "cached_db") else None)


def test_a_stored_session_names_its_user(browser: Client, alice: User) -> None:
    assert session_owner(Session.objects.get()) == str(alice.pk)
    Session.objects.update(session_data="nonsense")
    assert session_owner(Session.objects.get()) is None


# Streams and polls renew no session.


@pytest.mark.parametrize("path", [STREAM, POLL])
@pytest.mark.parametrize("method", ["get", "head"])
@override_settings(SESSION_SAVE_EVERY_REQUEST=True)
async def test_streams_and_polls_do_not_renew_the_session(
    alice: User, path: str, method: str
) -> None:
    client = await signed_in(alice)
    soon = timezone.now().replace(microsecond=0) + datetime.timedelta(minutes=5)
    await Session.objects.aupdate(expire_date=soon)
    response = await getattr(client, method)(path)
    assert response.status_code == 200
    assert not response.cookies
    if response.streaming:
        await StreamReader(response).until("sync")
    assert (await Session.objects.aget()).expire_date == soon
    await client.get("/")
    assert (await Session.objects.aget()).expire_date > soon, "the setting has no effect"


@pytest.mark.parametrize("path", [STREAM, POLL])
async def test_a_session_key_that_authentication_rotates_reaches_the_browser(
    alice: User, path: str
) -> None:
    with override_settings(SECRET_KEY="old"):
        client = await signed_in(alice)
    old = client.cookies["sessionid"].value
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"]):
        response = await client.get(path)
        assert response.status_code == 200
        new = response.cookies["sessionid"].value
        assert new != old
        assert (await Session.objects.aget()).session_key == new
        if path == STREAM:
            stream = StreamReader(response)
            await stream.until("sync")
            grants = [listener.grant for listener in current_hub().subscriptions()]
            assert await sync_to_async(revoked)(grants) == []
        again = await client.get(path)
        assert (again.status_code, dict(again.cookies)) == (200, {})


@pytest.mark.parametrize("path", [STREAM, POLL])
async def test_the_cookie_of_an_invalid_session_is_deleted(alice: User, path: str) -> None:
    client = await signed_in(alice)
    await sync_to_async(change_password)()
    response = await client.get(path)
    assert response.status_code == 204
    assert response.cookies["sessionid"]["max-age"] == 0
