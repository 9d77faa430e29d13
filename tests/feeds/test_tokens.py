"""Tokens for a feed: for which user they open it, and what ends them."""

from __future__ import annotations

import base64
import json

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.core import signing
from django.http import HttpRequest
from django.test import AsyncClient, override_settings
from rest_framework.request import Request

from tests.conftest import signed_in
from tests.support.feed_connections import NAMES, data_of, subscribe
from toasts import feeds

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("hubs"),
    pytest.mark.urls("tests.support.feeds_site"),
]


async def test_a_token_opens_a_feed_in_its_users_name(alice: User) -> None:
    client = AsyncClient()
    text = feeds.token(alice, "names")
    assert (await client.get(NAMES)).status_code == 403
    assert (await client.get(NAMES, {"token": text})).status_code == 200
    bearer = await client.get(NAMES, headers={"Authorization": f"Bearer {text}"})
    assert bearer.status_code == 200
    other = await client.get("/feeds/board/", {"token": text})
    assert other.status_code == 403
    assert (await client.get(NAMES, {"token": feeds.token(alice)})).status_code == 200


@pytest.mark.parametrize("ending", ["age", "password", "deactivation", "deletion", "forgery"])
async def test_a_token_becomes_invalid(alice: User, ending: str) -> None:
    text = feeds.token(alice)
    age = 300
    if ending == "age":
        age = -1
    elif ending == "password":
        alice.set_password("new")
        await alice.asave()
    elif ending == "deactivation":
        alice.is_active = False
        await alice.asave()
    elif ending == "deletion":
        await alice.adelete()
    else:
        text = text[:-1] + ("A" if text[-1] != "A" else "B")
    with override_settings(TOASTS_TOKEN_AGE=age):
        response = await AsyncClient().get(NAMES, {"token": text})
    assert response.status_code == 403
    assert response.json() == {"detail": "The token is invalid or has expired."}


async def test_a_stream_opened_with_a_token_ends_with_the_users_right(alice: User) -> None:
    headers = (b"authorization", f"Bearer {feeds.token(alice)}".encode())
    page = subscribe(None, NAMES, headers)
    await data_of(page, "sync")
    alice.is_active = False
    await alice.asave()
    await page.done()
    assert page.received()[-1] == ("bye", {"reason": "auth"})


def test_a_guest_gets_no_token() -> None:
    with pytest.raises(ValueError, match="whose"):
        feeds.token(AnonymousUser())


# Tokens that end with a session.


def request_of(client: AsyncClient, user: User) -> HttpRequest:
    request = HttpRequest()
    request.user = user
    request.session = SessionStore(client.cookies["sessionid"].value)
    return request


async def token_for(client: AsyncClient, user: User) -> str:
    return await sync_to_async(lambda: feeds.token(request_of(client, user), "names"))()


async def status(text: str) -> int:
    return (await AsyncClient().get(NAMES, {"token": text})).status_code


async def test_a_logout_ends_the_tokens_of_its_session_and_their_streams(alice: User) -> None:
    here, there = await signed_in(alice), await signed_in(alice)
    own, other = await token_for(here, alice), await token_for(there, alice)
    for_user = feeds.token(alice)
    page = subscribe(None, NAMES, (b"authorization", f"Bearer {own}".encode()))
    await data_of(page, "sync")
    await here.alogout()
    await page.done()
    assert page.received()[-1] == ("bye", {"reason": "auth"})
    assert [await status(text) for text in (own, other, for_user)] == [403, 200, 200]


async def test_a_token_for_a_session_ends_when_the_session_expires(alice: User) -> None:
    client = await signed_in(alice)
    text = await token_for(client, alice)
    assert await status(text) == 200
    session = SessionStore(client.cookies["sessionid"].value)
    await session.aset_expiry(-1)
    await session.asave()
    assert await status(text) == 403


async def test_a_token_is_invalid_once_its_session_names_another_user(
    alice: User, bob: User
) -> None:
    client = await signed_in(alice)
    text = await token_for(client, alice)
    other = await signed_in(bob)
    session = SessionStore(client.cookies["sessionid"].value)
    await session.aupdate(await SessionStore(other.cookies["sessionid"].value).aload())
    await session.asave()
    assert await status(text) == 403


@pytest.mark.parametrize("ending", ["password", "deactivation", "deletion"])
async def test_a_token_for_an_impersonation_ends_with_the_right_of_the_impersonator(
    alice: User, bob: User, ending: str
) -> None:
    text = await token_for(await signed_in(bob), alice)  # bob's session, in which he acts as alice
    assert await status(text) == 200
    if ending == "deletion":
        await bob.adelete()
    else:
        bob.is_active = ending != "deactivation"
        if ending == "password":
            bob.set_password("new")
        await bob.asave()
    assert await status(text) == 403


async def test_a_token_does_not_reveal_the_session_key(alice: User) -> None:
    client = await signed_in(alice)
    key = client.cookies["sessionid"].value
    text, again = await token_for(client, alice), await token_for(client, alice)
    claims = signing.loads(text, salt="toasts.feeds")
    assert key not in json.dumps(claims)
    assert key.encode() not in base64.urlsafe_b64decode(claims[3])
    assert claims[3] != signing.loads(again, salt="toasts.feeds")[3]


async def test_a_request_of_rest_framework_is_accepted(alice: User) -> None:
    client = await signed_in(alice)

    def make_token() -> str:
        wrapped = Request(request_of(client, alice))
        wrapped.user = alice
        return feeds.token(wrapped)

    text = await sync_to_async(make_token)()
    assert await status(text) == 200
    await client.alogout()
    assert await status(text) == 403


async def test_a_request_without_a_session_gets_a_token(alice: User) -> None:
    request = HttpRequest()
    request.user = alice
    assert await status(feeds.token(request)) == 200


def test_a_session_kept_in_its_cookie_is_refused(alice: User) -> None:
    from django.contrib.sessions.backends.signed_cookies import SessionStore as Cookie

    request = HttpRequest()
    request.user, request.session = alice, Cookie()
    request.session["_auth_user_id"] = str(alice.pk)
    request.session.save()
    with pytest.raises(ValueError, match="whose: this request's session is kept in its cookie"):
        feeds.token(request)


async def test_a_token_outlives_a_rotation_of_the_secret_key(alice: User) -> None:
    client = await signed_in(alice)
    request = HttpRequest()
    request.user = alice
    request.session = SessionStore(client.cookies["sessionid"].value)
    texts = [feeds.token(alice), await sync_to_async(feeds.token)(request)]
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["tests"]):
        for text in texts:
            assert (await AsyncClient().get(NAMES, {"token": text})).status_code == 200
