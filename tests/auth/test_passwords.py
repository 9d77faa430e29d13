"""Grants and passwords, and inactive users whom their backend accepts."""

from __future__ import annotations

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import User
from django.test import Client, override_settings

from tests.conftest import signed_in
from tests.support.grants import browser_request, change_password, grant_of
from tests.support.streams import StreamReader
from toasts import async_create_toast
from toasts.auth.grants import Grant
from toasts.auth.revocation import revoked
from toasts.delivery.hubs import current_hub

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


# Passwords.


def test_a_password_that_is_hashed_again_revokes_the_grant(alice: User, grant: Grant) -> None:
    # Django's sessions end with the stored hash as well.
    alice.set_password("alice")
    alice.save()
    assert revoked([grant]) == [grant]


def test_a_changed_password_revokes_all_grants_but_those_of_the_updated_session(
    browser: Client, alice: User, grant: Grant
) -> None:
    request = browser_request(browser, alice)
    elsewhere = Client()
    elsewhere.force_login(alice)
    other = grant_of(browser_request(elsewhere, alice))
    alice.set_password("new")
    alice.save()
    update_session_auth_hash(request, alice)
    request.session.save()
    renewed = grant_of(request)
    assert revoked([grant, renewed, other]) == [other]
    assert grant.session_key == renewed.session_key


def test_a_session_that_is_updated_before_the_password_is_saved_keeps_its_grant(
    browser: Client, alice: User
) -> None:
    request = browser_request(browser, alice)
    request.session.cycle_key = lambda: None  # type: ignore[method-assign]  # as some sites do
    grant = grant_of(request)
    alice.set_password("new")
    update_session_auth_hash(request, alice)
    request.session.save()
    grant.session_hash = request.session["_auth_user_hash"]
    alice.save()
    assert revoked([grant]) == []
    assert grant.status.password == alice.password


# Inactive users whom their backend accepts.


@override_settings(
    AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.AllowAllUsersModelBackend"]
)
async def test_an_inactive_user_whom_the_backend_accepts_gets_a_stream(alice: User) -> None:
    alice.is_active = False
    await alice.asave()
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    await alice.asave()  # starts a recheck
    await async_create_toast("hello", alice)
    assert (await stream.next()).data["message"] == "hello"
    grant = [listener.grant for listener in current_hub().subscriptions()]
    assert len(grant) == 1
    assert await sync_to_async(revoked)(grant) == []


def test_the_grant_of_an_accepted_inactive_user_ends_with_the_password(
    browser: Client, alice: User
) -> None:
    alice.is_active = False
    alice.save()
    grant = grant_of(browser_request(browser, alice))
    assert revoked([grant]) == []
    change_password()
    assert revoked([grant]) == [grant]


def test_a_user_who_becomes_active_and_inactive_again_loses_the_grant(
    browser: Client, alice: User
) -> None:
    alice.is_active = False
    alice.save()
    grant = grant_of(browser_request(browser, alice))
    User.objects.update(is_active=True)
    assert revoked([grant]) == []
    User.objects.update(is_active=False)
    assert revoked([grant]) == [grant]
