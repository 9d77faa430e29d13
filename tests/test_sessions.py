from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import SESSION_KEY, update_session_auth_hash
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import connection
from django.http import HttpRequest
from django.test import AsyncClient, Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.conftest import signed_in
from tests.streams import StreamReader
from toasts import async_create_toast, live, sessions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]

STREAM, POLL = "/toasts/stream/", "/toasts/poll/"
ENGINES = ["db", "cached_db", "cache", "file", "signed_cookies"]
REVOCABLE = ENGINES[:-1]  # a signed cookie is valid until it expires, whoever holds it


@pytest.fixture
def engine(request: Any, tmp_path: Any) -> Iterator[str]:
    cache = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(tmp_path)}
    with override_settings(
        SESSION_ENGINE=f"django.contrib.sessions.backends.{request.param}",
        SESSION_FILE_PATH=str(tmp_path),
        CACHES={"default": cache},
    ):
        yield request.param


def of_browser(client: Client | AsyncClient, user: Any) -> HttpRequest:
    """What the site's middleware makes of a request of this browser."""
    request = HttpRequest()
    store = import_module(settings.SESSION_ENGINE).SessionStore
    request.session = store(client.cookies["sessionid"].value)
    request.user = user
    return request


def by_token(user: Any) -> HttpRequest:
    request = HttpRequest()
    request.user = user
    return request


def granted(request: HttpRequest) -> sessions.Grant:
    held = sessions.grant(request)
    assert held is not None
    return held


@pytest.fixture
def browser(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def held(browser: Client, alice: User) -> sessions.Grant:
    """Alice's right, by her session."""
    return granted(of_browser(browser, alice))


# Whose request it is.


def test_nobody_has_no_right(db: None) -> None:
    assert sessions.grant(HttpRequest()) is None
    assert sessions.grant(by_token(AnonymousUser())) is None
    assert sessions.grant(by_token(None)) is None


def test_a_right_stands_as_long_as_nothing_changes(held: sessions.Grant) -> None:
    assert sessions.revoked([held]) == []
    assert sessions.revoked([held]) == []
    assert sessions.revoked([]) == []


def test_a_stand_in_for_the_user_will_do(alice: User) -> None:
    stand_in = SimpleNamespace(pk=alice.pk, is_authenticated=True)
    held = granted(by_token(stand_in))
    assert sessions.revoked([held]) == []
    User.objects.update(is_active=False)
    assert sessions.revoked([held]) == [held]


def test_a_stand_in_for_no_user_has_no_right(db: None) -> None:
    stand_in = SimpleNamespace(pk=10**6, is_authenticated=True)
    assert sessions.grant(by_token(stand_in)) is None


# How a right ends. Each is done behind Django's back: no signal tells.


def _change_password() -> None:
    User.objects.filter(username="alice").update(password="another")


ENDS: dict[str, Callable[[], Any]] = {
    "deactivation": lambda: User.objects.filter(username="alice").update(is_active=False),
    "deletion": lambda: User.objects.filter(username="alice").delete(),
    "another password": _change_password,
    "the session's deletion": lambda: Session.objects.all().delete(),
    "the session's end": lambda: Session.objects.update(expire_date=timezone.now()),
    "a session that says nothing": lambda: Session.objects.update(session_data="nonsense"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_right_ends_with(held: sessions.Grant, end: Callable[[], Any]) -> None:
    end()
    assert sessions.revoked([held]) == [held]


def test_a_right_ends_when_another_user_takes_the_session_over(
    browser: Client, held: sessions.Grant, bob: User
) -> None:
    session = browser.session
    assert sessions.revoked([held]) == []
    session[SESSION_KEY] = str(bob.pk)
    session.save()
    assert sessions.revoked([held]) == [held]


def test_a_right_outlives_what_else_the_session_is_used_for(
    browser: Client, held: sessions.Grant
) -> None:
    for number in range(2):
        session = browser.session
        session["basket"] = number
        session.save()
        assert sessions.revoked([held]) == []


def test_only_the_rights_that_ended_are_named(
    browser: Client, alice: User, bob: User, held: sessions.Grant
) -> None:
    elsewhere = Client()
    elsewhere.force_login(alice)
    his = granted(by_token(bob))
    second_tab = granted(of_browser(browser, alice))
    others = [his, granted(of_browser(elsewhere, alice))]
    browser.session.delete()
    assert set(sessions.revoked([held, second_tab, *others])) == {held, second_tab}


def test_all_rights_are_checked_with_two_queries(
    browser: Client, alice: User, bob: User, held: sessions.Grant
) -> None:
    grants = [held, granted(of_browser(browser, alice)), granted(by_token(bob))]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert sessions.revoked(grants) == []
    assert len(queries) == 2


def test_more_rights_than_a_query_takes_parameters(alice: User, held: sessions.Grant) -> None:
    users = User.objects.bulk_create(User(username=f"user{number}") for number in range(1100))
    grants = [granted(by_token(user)) for user in users]
    User.objects.filter(username="user700").update(is_active=False)
    assert sessions.revoked([held, *grants]) == [grants[700]]


class ToReplica:
    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


def test_rights_are_looked_up_where_they_are_written(held: sessions.Grant) -> None:
    with override_settings(DATABASE_ROUTERS=["tests.test_sessions.ToReplica"]):
        assert sessions.revoked([held]) == []


# Without a session: a token, a client certificate.


@pytest.mark.parametrize("name", ["deactivation", "deletion", "another password"])
def test_a_right_without_a_session_ends_with(alice: User, name: str) -> None:
    held = granted(by_token(alice))
    assert sessions.revoked([held]) == []
    ENDS[name]()
    assert sessions.revoked([held]) == [held]


def test_a_right_without_a_session_is_not_bound_to_one(browser: Client, bob: User) -> None:
    request = of_browser(browser, bob)
    request.session = browser.session.__class__()  # the browser has a session, of nobody
    held = granted(request)
    Session.objects.all().delete()
    assert sessions.revoked([held]) == []


def test_a_token_beside_the_session_of_a_deleted_user_is_not_bound_to_it(
    browser: Client, alice: User, bob: User
) -> None:
    alice.delete()
    held = granted(of_browser(browser, bob))
    assert sessions.revoked([held]) == []


# Passwords.


def test_a_password_stored_anew_by_a_better_hasher_is_another_password(
    alice: User, held: sessions.Grant
) -> None:
    # As for Django itself: its sessions end with the stored hash.
    alice.set_password("alice")
    alice.save()
    assert sessions.revoked([held]) == [held]


def test_a_changed_password_ends_all_sessions_but_the_one_that_is_told(
    browser: Client, alice: User, held: sessions.Grant
) -> None:
    request = of_browser(browser, alice)
    alice.set_password("new")
    alice.save()
    update_session_auth_hash(request, alice)
    request.session.save()
    renewed = granted(request)
    assert sessions.revoked([held, renewed]) == [held]


def test_the_session_that_is_told_of_a_password_before_it_is_saved_stands(
    browser: Client, alice: User
) -> None:
    request = of_browser(browser, alice)
    request.session.cycle_key = lambda: None  # type: ignore[method-assign]  # as some sites do
    held = granted(request)
    alice.set_password("new")
    update_session_auth_hash(request, alice)
    request.session.save()
    held.session_hash = request.session["_auth_user_hash"]
    alice.save()
    assert sessions.revoked([held]) == []
    assert held.standing.password == alice.password


async def test_after_a_changed_password_the_browser_reconnects_with_its_new_key(
    alice: User,
) -> None:
    client = await signed_in(alice)
    stream = await StreamReader.open(client)
    await stream.until("sync")

    def change() -> None:
        request = of_browser(client, alice)
        alice.set_password("new")
        alice.save()
        update_session_auth_hash(request, alice)
        request.session.save()
        client.cookies["sessionid"] = request.session.session_key  # type: ignore[assignment]

    await sync_to_async(change)()
    assert (await stream.next()).data == {"reason": "auth"}
    assert await stream.ended()
    await (await StreamReader.open(client)).until("sync")


# Users whom their backend lets in inactive.


@override_settings(
    AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.AllowAllUsersModelBackend"]
)
async def test_a_user_let_in_inactive_has_a_stream_like_any_other(alice: User) -> None:
    alice.is_active = False
    await alice.asave()
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    await alice.asave()  # has the right checked
    await async_create_toast("hello", alice)
    assert (await stream.next()).data["message"] == "hello"
    held = [listener.grant for listener in live.hub().listeners()]
    assert len(held) == 1
    assert await sync_to_async(sessions.revoked)(held) == []


def test_the_right_of_who_was_let_in_inactive_ends_with_the_password(
    browser: Client, alice: User
) -> None:
    alice.is_active = False
    alice.save()
    held = granted(of_browser(browser, alice))
    assert sessions.revoked([held]) == []
    _change_password()
    assert sessions.revoked([held]) == [held]


def test_who_was_made_active_and_inactive_again_has_no_right(browser: Client, alice: User) -> None:
    alice.is_active = False
    alice.save()
    held = granted(of_browser(browser, alice))
    User.objects.update(is_active=True)
    assert sessions.revoked([held]) == []
    User.objects.update(is_active=False)
    assert sessions.revoked([held]) == [held]


# Impersonation: alice's session, bob's toasts.


@pytest.fixture
def as_bob(browser: Client, bob: User) -> sessions.Grant:
    return granted(of_browser(browser, bob))


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_an_impersonation_ends_with_the_impersonators_right(
    as_bob: sessions.Grant, end: Callable[[], Any]
) -> None:
    assert sessions.revoked([as_bob]) == []
    end()
    assert sessions.revoked([as_bob]) == [as_bob]


def test_an_impersonation_ends_with_whom_it_is_of(as_bob: sessions.Grant, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert sessions.revoked([as_bob]) == [as_bob]


def test_an_impersonation_does_not_hang_on_the_others_password(
    as_bob: sessions.Grant, bob: User
) -> None:
    User.objects.filter(pk=bob.pk).update(password="new")
    assert sessions.revoked([as_bob]) == []


# Other user models.


def test_a_user_model_needs_neither_password_nor_is_active(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "get_user_model", lambda: Group)
    user: Any = Group.objects.create(name="a user")
    user.is_authenticated = True
    held = granted(by_token(user))
    assert sessions.revoked([held]) == []
    Group.objects.all().delete()
    assert sessions.revoked([held]) == [held]


def test_a_user_model_may_have_a_password_that_sessions_know_nothing_of(
    browser: Client, alice: User, held: sessions.Grant, monkeypatch: pytest.MonkeyPatch
) -> None:
    # AbstractBaseUser has the method; a model of the site's own need not.
    from django.contrib.auth.base_user import AbstractBaseUser

    monkeypatch.delattr(AbstractBaseUser, "get_session_auth_hash")
    _change_password()
    assert sessions.revoked([held]) == []


# Engines.


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
async def test_every_session_engine_gives_streams(engine: str, alice: User) -> None:
    client = await signed_in(alice)
    stream = await StreamReader.open(client)
    await stream.until("sync")
    await async_create_toast("hello", alice)
    assert (await stream.next()).data["message"] == "hello"
    grants = [listener.grant for listener in live.hub().listeners()]
    assert await sync_to_async(sessions.revoked)(grants) == []
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
def test_with_every_session_engine_a_right_expires(engine: str, alice: User) -> None:
    client = Client()
    client.force_login(alice)
    held = granted(of_browser(client, alice))
    second_tab = granted(of_browser(client, alice))
    assert sessions.revoked([held, second_tab]) == []
    _expire(engine, client.cookies["sessionid"].value)
    with override_settings(
        SESSION_COOKIE_AGE=-1 if engine == "signed_cookies" else settings.SESSION_COOKIE_AGE
    ):
        assert sessions.revoked([held, second_tab]) == [held, second_tab]


@override_settings(TOASTS_SWEEP=0.1)
async def test_the_sweep_finds_what_nobody_announced(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    await Session.objects.aupdate(expire_date=timezone.now())
    assert (await stream.next()).data == {"reason": "auth"}
    assert await stream.ended()


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_only_sessions_in_the_database_have_a_model(engine: str) -> None:
    assert sessions.stored_model() is (Session if engine in ("db", "cached_db") else None)


def test_a_stored_session_names_its_user(browser: Client, alice: User) -> None:
    assert sessions.owner(Session.objects.get()) == str(alice.pk)
    Session.objects.update(session_data="nonsense")
    assert sessions.owner(Session.objects.get()) is None


# Streams and polls don't prolong a session.


@pytest.mark.parametrize("path", [STREAM, POLL])
@pytest.mark.parametrize("method", ["get", "head"])
@override_settings(SESSION_SAVE_EVERY_REQUEST=True)
async def test_no_session_is_renewed(alice: User, path: str, method: str) -> None:
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
async def test_a_session_that_authentication_rotates_reaches_the_browser(
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
            grants = [listener.grant for listener in live.hub().listeners()]
            assert await sync_to_async(sessions.revoked)(grants) == []
        again = await client.get(path)
        assert (again.status_code, dict(again.cookies)) == (200, {})


@pytest.mark.parametrize("path", [STREAM, POLL])
async def test_a_session_that_is_void_is_taken_from_the_browser(alice: User, path: str) -> None:
    client = await signed_in(alice)
    await sync_to_async(_change_password)()
    response = await client.get(path)
    assert response.status_code == 204
    assert response.cookies["sessionid"]["max-age"] == 0
