"""Which signals announce a recheck of a user's streams, and which don't."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.signals import post_delete, post_save
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.brokers import RecheckRecorder, rolled_back
from toasts.delivery import announce
from toasts.models import Toast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hints that were announced."""
    hints: list[str] = []
    monkeypatch.setattr(announce, "announce_topics", hints.extend)
    return hints


def test_a_recheck_is_announced_after_the_commit_and_never_after_a_rollback(
    alice: User, announced: list[str]
) -> None:
    announced.clear()
    recheck = f"!user:{alice.pk}"
    alice.is_active = False
    for change in (
        alice.save,
        lambda: user_logged_out.send(sender=User, request=None, user=alice),
        alice.delete,
    ):
        with rolled_back():
            change()
        assert announced == []
        alice.pk = int(recheck.rpartition(":")[2])  # delete() takes it away
        with transaction.atomic():
            change()
            assert announced == []
        assert announced == [recheck]
        announced.clear()


def test_a_user_who_stays_active_is_rechecked_when_a_new_password_is_in_the_session(
    alice: User, announced: list[str]
) -> None:
    alice.save()
    assert announced == [f"!~user:{alice.pk}"]


def test_a_logout_without_a_user_announces_no_recheck(announced: list[str], db: None) -> None:
    user_logged_out.send(sender=User, request=None, user=None)
    assert announced == []


def test_users_can_be_saved_and_deleted_without_autocommit(alice: User) -> None:
    transaction.set_autocommit(False)
    try:
        alice.save()
        user_logged_out.send(sender=User, request=None, user=alice)
        alice.delete()
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert not User.objects.exists()


@pytest.fixture
def rechecks(settings: Any) -> list[str]:
    settings.TOASTS_BROKER = "tests.support.brokers.RecheckRecorder"
    RecheckRecorder.rechecks.clear()
    return RecheckRecorder.rechecks


def test_a_login_announces_no_recheck(alice: User, rechecks: list[str]) -> None:
    Client().force_login(alice)
    assert rechecks == []
    alice.is_active = False
    alice.save(update_fields=["is_active"])
    assert rechecks == [f"!user:{alice.pk}"]


def test_clearing_expired_sessions_announces_no_recheck(alice: User, rechecks: list[str]) -> None:
    client = Client()
    client.force_login(alice)
    Session.objects.update(expire_date=timezone.now())
    call_command("clearsessions")
    assert not Session.objects.exists()
    assert rechecks == []
    client.force_login(alice)
    Session.objects.get().delete()
    assert rechecks == [f"!user:{alice.pk}"]


def test_rows_of_models_that_are_no_users_are_deleted_without_being_loaded(db: None) -> None:
    assert not post_save.has_listeners(Group)
    assert not post_delete.has_listeners(Group)
    with CaptureQueriesContext(connection) as queries:
        Toast.objects.all().delete()
    statements = [query["sql"].split()[0] for query in queries.captured_queries]
    assert "DELETE" in statements
    assert "SELECT" not in statements
