"""What may end a user's streams, and what is no reason to."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from tests.support.brokers import Doubts, rolled_back
from toasts.delivery import announce

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hints that were given away."""
    hints: list[str] = []
    monkeypatch.setattr(announce, "announce_topics", hints.extend)
    return hints


def test_a_recheck_is_announced_after_the_commit_and_never_after_a_rollback(
    alice: User, said: list[str]
) -> None:
    said.clear()
    doubt = f"!user:{alice.pk}"
    for change in (
        alice.save,
        lambda: user_logged_out.send(sender=User, request=None, user=alice),
        alice.delete,
    ):
        with rolled_back():
            change()
        assert said == []
        alice.pk = int(doubt.rpartition(":")[2])  # delete() takes it away
        with transaction.atomic():
            change()
            assert said == []
        assert said == [doubt]
        said.clear()


def test_a_logout_without_a_user_announces_no_recheck(said: list[str], db: None) -> None:
    user_logged_out.send(sender=User, request=None, user=None)
    assert said == []


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
def doubts(settings: Any) -> list[str]:
    settings.TOASTS_BROKER = "tests.support.brokers.Doubts"
    Doubts.doubted.clear()
    return Doubts.doubted


def test_a_login_announces_no_recheck(alice: User, doubts: list[str]) -> None:
    Client().force_login(alice)
    assert doubts == []
    alice.is_active = False
    alice.save(update_fields=["is_active"])
    assert doubts == [f"!user:{alice.pk}"]


def test_clearing_expired_sessions_announces_no_recheck(alice: User, doubts: list[str]) -> None:
    client = Client()
    client.force_login(alice)
    Session.objects.update(expire_date=timezone.now())
    call_command("clearsessions")
    assert not Session.objects.exists()
    assert doubts == []
    client.force_login(alice)
    Session.objects.get().delete()
    assert doubts == [f"!user:{alice.pk}"]
