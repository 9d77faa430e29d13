"""Which grant a request has, and what revokes it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpRequest
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from tests.support.grants import (
    REVOCATIONS,
    browser_request,
    change_password,
    grant_of,
    token_request,
)
from toasts.auth import grants
from toasts.auth.grants import Grant, request_grant
from toasts.auth.revocation import revoked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


# Which grant a request has.


def test_an_anonymous_request_has_no_grant(db: None) -> None:
    assert request_grant(HttpRequest()) is None
    assert request_grant(token_request(AnonymousUser())) is None
    assert request_grant(token_request(None)) is None


def test_a_grant_is_valid_as_long_as_nothing_changes(grant: Grant) -> None:
    assert revoked([grant]) == []
    assert revoked([grant]) == []
    assert revoked([]) == []


def test_a_stand_in_for_a_user_gets_a_grant(alice: User) -> None:
    stand_in = SimpleNamespace(pk=alice.pk, is_authenticated=True)
    grant = grant_of(token_request(stand_in))
    assert revoked([grant]) == []
    User.objects.update(is_active=False)
    assert revoked([grant]) == [grant]


def test_a_stand_in_for_an_unknown_user_gets_no_grant(db: None) -> None:
    stand_in = SimpleNamespace(pk=10**6, is_authenticated=True)
    assert request_grant(token_request(stand_in)) is None


# What revokes a grant, without a Django signal.


@pytest.mark.parametrize("revoke", REVOCATIONS.values(), ids=REVOCATIONS)
def test_a_grant_is_revoked_by(grant: Grant, revoke: Callable[[], Any]) -> None:
    revoke()
    assert revoked([grant]) == [grant]


def test_a_grant_is_revoked_when_another_user_takes_over_the_session(
    browser: Client, grant: Grant, bob: User
) -> None:
    session = browser.session
    assert revoked([grant]) == []
    session[SESSION_KEY] = str(bob.pk)
    session.save()
    assert revoked([grant]) == [grant]


def test_other_changes_of_the_session_do_not_revoke_the_grant(
    browser: Client, grant: Grant
) -> None:
    for number in range(2):
        session = browser.session
        session["basket"] = number
        session.save()
        assert revoked([grant]) == []


def test_only_the_grants_that_ended_are_returned(
    browser: Client, alice: User, bob: User, grant: Grant
) -> None:
    elsewhere = Client()
    elsewhere.force_login(alice)
    of_bob = grant_of(token_request(bob))
    second_tab = grant_of(browser_request(browser, alice))
    others = [of_bob, grant_of(browser_request(elsewhere, alice))]
    browser.session.delete()
    assert set(revoked([grant, second_tab, *others])) == {grant, second_tab}


def test_all_grants_are_checked_with_two_queries(
    browser: Client, alice: User, bob: User, grant: Grant
) -> None:
    grants = [grant, grant_of(browser_request(browser, alice)), grant_of(token_request(bob))]
    with CaptureQueriesContext(connection) as queries:
        assert revoked(grants) == []
    assert len(queries) == 2


def test_more_grants_than_a_query_takes_parameters_are_checked(alice: User, grant: Grant) -> None:
    users = User.objects.bulk_create(User(username=f"user{number}") for number in range(1100))
    grants = [grant_of(token_request(user)) for user in users]
    User.objects.filter(username="user700").update(is_active=False)
    assert revoked([grant, *grants]) == [grants[700]]


class ToReplica:
    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"


def test_grants_are_checked_on_the_database_that_is_written_to(grant: Grant) -> None:
    with override_settings(DATABASE_ROUTERS=["tests.auth.test_revocation.ToReplica"]):
        assert revoked([grant]) == []


# Without a session: a token, a client certificate.


@pytest.mark.parametrize("name", ["deactivation", "deletion", "another password"])
def test_a_grant_without_a_session_is_revoked_by(alice: User, name: str) -> None:
    grant = grant_of(token_request(alice))
    assert revoked([grant]) == []
    REVOCATIONS[name]()
    assert revoked([grant]) == [grant]


def test_a_grant_without_a_session_outlives_all_sessions(browser: Client, bob: User) -> None:
    request = browser_request(browser, bob)
    request.session = browser.session.__class__()  # the browser has a session without a user
    grant = grant_of(request)
    Session.objects.all().delete()
    assert revoked([grant]) == []


def test_a_token_is_not_bound_to_the_session_of_a_deleted_user(
    browser: Client, alice: User, bob: User
) -> None:
    alice.delete()
    grant = grant_of(browser_request(browser, bob))
    assert revoked([grant]) == []


# Impersonation: alice's session, bob's toasts.


@pytest.fixture
def as_bob(browser: Client, bob: User) -> Grant:
    return grant_of(browser_request(browser, bob))


@pytest.mark.parametrize("revoke", REVOCATIONS.values(), ids=REVOCATIONS)
def test_an_impersonation_is_revoked_with_the_impersonators_grant_by(
    as_bob: Grant, revoke: Callable[[], Any]
) -> None:
    assert revoked([as_bob]) == []
    revoke()
    assert revoked([as_bob]) == [as_bob]


def test_an_impersonation_is_revoked_by_the_deactivation_of_the_impersonated_user(
    as_bob: Grant, bob: User
) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert revoked([as_bob]) == [as_bob]


def test_an_impersonation_does_not_depend_on_the_impersonated_users_password(
    as_bob: Grant, bob: User
) -> None:
    User.objects.filter(pk=bob.pk).update(password="new")
    assert revoked([as_bob]) == []


# Other user models.


def test_a_user_model_needs_neither_password_nor_is_active(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "get_user_model", lambda: Group)
    user: Any = Group.objects.create(name="a user")
    user.is_authenticated = True
    grant = grant_of(token_request(user))
    assert revoked([grant]) == []
    Group.objects.all().delete()
    assert revoked([grant]) == [grant]


def test_a_user_model_without_session_hashes_keeps_its_grants_when_the_password_changes(
    browser: Client, alice: User, grant: Grant, monkeypatch: pytest.MonkeyPatch
) -> None:
    # AbstractBaseUser has the method. A site's own model may not have it.
    from django.contrib.auth.base_user import AbstractBaseUser

    monkeypatch.delattr(AbstractBaseUser, "get_session_auth_hash")
    change_password()
    assert revoked([grant]) == []
