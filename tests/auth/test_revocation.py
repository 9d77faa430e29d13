"""Whose request it is, on what right, and how that right ends."""

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

from tests.support.grants import ENDS, by_token, change_password, granted, of_browser
from toasts.auth import grants as sessions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


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
    with override_settings(DATABASE_ROUTERS=["tests.auth.test_rights.ToReplica"]):
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
    change_password()
    assert sessions.revoked([held]) == []
