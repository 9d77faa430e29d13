"""A session with a new key: the streams of its user go on, and end with the new session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import signing
from django.db import transaction
from django.test import AsyncClient, Client

from tests.conftest import signed_in, until
from tests.support.grants import browser_request, grant_of
from tests.support.streams import StreamReader
from toasts import async_create_toast
from toasts.auth import session_keys
from toasts.auth.revocation import revoked
from toasts.auth.session_keys import latest_key
from toasts.delivery import signed
from toasts.delivery.hubs import current_hub
from toasts.realtime.brokers.base import pack, unpack

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


def rotate(key: str) -> str:
    session = SessionStore(key)
    session.cycle_key()
    session.save()
    return str(session.session_key)


def change_password(key: str) -> str:
    """As Django's view does: the session is saved at the end, with the hash of the new password."""
    user = User.objects.get(username="alice")
    user.set_password("another")
    user.save()
    session = SessionStore(key)
    session.cycle_key()
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def key_of(client: AsyncClient) -> str:
    return client.cookies["sessionid"].value


async def opened(user: User) -> tuple[AsyncClient, StreamReader]:
    client = await signed_in(user)
    stream = await StreamReader.open(client)
    await stream.until("sync")
    return client, stream


@pytest.mark.parametrize("change", [rotate, change_password])
async def test_a_stream_outlives_a_new_key_and_ends_with_the_new_session(
    alice: User, change: Callable[[str], str]
) -> None:
    client, stream = await opened(alice)
    [subscription] = current_hub().subscriptions()
    key = await sync_to_async(change)(key_of(client))
    assert key != key_of(client)
    await until(lambda: subscription.grant.session_key == key)
    await async_create_toast("still here", alice)
    assert (await stream.next()).data["message"] == "still here"
    await Session.objects.all().adelete()
    assert (await stream.next()).data == {"reason": "auth"}


async def test_a_logout_in_the_thread_of_a_login_ends_its_streams(alice: User) -> None:
    client, stream = await opened(alice)
    other = await signed_in(alice)  # the same user and password, in another browser
    await Session.objects.filter(pk=key_of(client)).adelete()
    assert (await stream.next()).data == {"reason": "auth"}
    assert latest_key(key_of(client)) == key_of(client)
    assert key_of(other) != key_of(client)


async def test_another_password_ends_the_streams_of_the_other_sessions(alice: User) -> None:
    client, stream = await opened(alice)
    _, elsewhere = await opened(alice)
    await sync_to_async(change_password)(key_of(client))
    assert (await elsewhere.next()).data == {"reason": "auth"}
    await async_create_toast("here alone", alice)
    got = await stream.next()
    assert got.data.get("message") == "here alone", got


def test_a_request_may_save_the_session_some_time_after_the_password(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    client.force_login(alice)
    grant = grant_of(browser_request(client, alice))
    alice.set_password("another")
    alice.save()
    session = SessionStore(client.cookies["sessionid"].value)
    session.cycle_key()
    assert revoked([grant]) == []
    session[HASH_SESSION_KEY] = alice.get_session_auth_hash()
    with monkeypatch.context() as patched:  # it is not saved in time
        patched.setattr(session_keys, "GRACE", 0)
        assert revoked([grant]) == [grant]
    session.save()
    assert revoked([grant]) == []
    assert grant.status.password == alice.password


def test_a_rotation_that_is_rolled_back_changes_nothing(alice: User) -> None:
    session = SessionStore()
    session["_auth_user_id"] = str(alice.pk)
    session.create()
    key = str(session.session_key)
    transaction.set_autocommit(False)
    try:
        rotate(key)
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    assert latest_key(key) == key


# Signed hints


def test_a_hint_of_a_rotation_shows_no_key_and_is_taken_in_every_process() -> None:
    text = signed.rotation_hint("a" * 32, "b" * 32)
    assert "a" * 32 not in text
    assert "a" * 32 not in str(signing.loads(text, salt=signed.SALT))
    assert signed.take_hint(text) == ()
    assert latest_key("a" * 32) == "b" * 32


def test_only_signed_hints_end_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = signed.end_hints(["user:7", "user:8"])
    assert signed.take_hint(text) == ("user:7", "user:8")
    forged: list[Any] = [
        "", "user:7", f"{text}x", signing.dumps(["end", "user:7"]),
        signing.dumps({"end": 1}, salt=signed.SALT), signing.dumps([], salt=signed.SALT),
        signing.dumps(["rotation", "short"], salt=signed.SALT),
        signing.dumps(["rotation", "e", "e"], salt=signed.SALT),
    ]  # fmt: skip
    assert [signed.take_hint(one) for one in forged] == [()] * len(forged)
    monkeypatch.setattr(signed, "MAX_AGE", -1)
    assert signed.take_hint(text) == ()


def test_two_hints_of_the_same_users_differ() -> None:
    """Each counts once, also the second one of the same second."""
    (first,), (second,) = signed.end_hints(["user:7"]), signed.end_hints(["user:7"])
    assert first != second
    assert signed.take_hint(first) == signed.take_hint(second) == ("user:7",)


def test_the_hints_of_many_users_are_few_and_fit_into_messages() -> None:
    """A group of a site may have a hundred thousand members, and each signature takes time."""
    names = [f"user:{number}" for number in range(10_000)]
    hints = signed.end_hints(names)
    assert len(hints) < 100
    assert [name for hint in hints for name in signed.take_hint(hint)] == names
    long = [f"user@{'ü' * 60}:{number:0>150}" for number in range(100)]
    assert sum(map(len, map(unpack, pack(signed.end_hints(long))))) == len(signed.end_hints(long))
    assert signed.end_hints([]) == []
