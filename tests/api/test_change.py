"""update_toast and dismiss_toast: in place, idempotent, and on the page too."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.support.brokers import Undo, topic
from toasts import api, create_toast, create_toasts, dismiss_toast, update_toast
from toasts.models.toast import Toast, wire

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


def test_a_change_is_written_and_announced(alice: User, hints: list[str]) -> None:
    toast = create_toast("running", alice, progress=0, data={"a": 1})
    Toast.objects.update(updated_at=toast.created_at - HOUR)  # SQLite counts in milliseconds
    del hints[:]
    assert update_toast(toast, message="done", progress=100, level="success") is toast
    stored = Toast.objects.get()
    assert (stored.message, stored.progress, stored.level) == ("done", 100, "success")
    assert (stored.data, stored.created_at) == ({"a": 1}, toast.created_at)
    assert stored.updated_at >= stored.created_at
    assert wire(toast.row()) == wire(stored.row())
    assert toast.updated_at == stored.updated_at
    assert hints == [topic(alice)]


def test_a_change_writes_only_its_own_fields(alice: User) -> None:
    toast = create_toast("hello", alice)
    stale = Toast.objects.get()
    update_toast(toast, title="new")
    update_toast(stale, progress=5)
    stored = Toast.objects.get()
    assert (stored.title, stored.progress) == ("new", 5)


def test_a_hidden_toast_can_be_shown_now(alice: User) -> None:
    toast = create_toast("hello", alice, visible_from=timezone.now() + HOUR)
    assert not Toast.objects.active().exists()
    update_toast(toast, visible_from=None)
    assert Toast.objects.active().get() == toast
    assert toast.visible_from <= timezone.now() + timedelta(seconds=1)


def test_two_changes_that_are_too_large_together_are_refused(alice: User) -> None:
    toast = create_toast("hello", alice)
    update_toast(toast, data={"a": "x" * 7000})
    with pytest.raises(ValueError, match=r"^data: makes the toast 9... bytes"):
        update_toast(toast, actions=[], message="x" * 2000)
    with pytest.raises(ValueError, match=r"^data: makes the toast 9... bytes"):
        update_toast(Toast(pk=toast.pk), message="x" * 2000)  # whatever the instance knows
    assert Toast.objects.get().message == "hello"
    update_toast(toast, data=None, message="x" * 2000)


def test_a_change_of_a_rolled_back_transaction_is_never_announced(
    alice: User, hints: list[str]
) -> None:
    toast = create_toast("hello", alice)
    del hints[:]
    with suppress(Undo), transaction.atomic():
        update_toast(toast, title="new")
        dismiss_toast(toast)
        raise Undo
    assert hints == []
    assert Toast.objects.values_list("title", "read_at").get() == ("", None)


def test_a_deleted_toast_cannot_be_changed(alice: User, hints: list[str]) -> None:
    toast = create_toast("hello", alice)
    Toast.objects.all().delete()
    del hints[:]
    with pytest.raises(Toast.DoesNotExist):
        update_toast(toast, title="new")
    with pytest.raises(Toast.DoesNotExist):
        dismiss_toast(toast)
    assert hints == []


def test_the_user_of_a_toast_cannot_be_changed(alice: User, bob: User) -> None:
    toast = create_toast("hello", alice)
    with pytest.raises(ValueError, match=r"^user: cannot be changed\.$"):
        update_toast(toast, user=bob)  # type: ignore[call-arg]
    assert Toast.objects.get().user == alice


def test_dismissing_is_idempotent(alice: User, hints: list[str]) -> None:
    toast = create_toast("hello", alice)
    stale = Toast.objects.get()
    del hints[:]
    assert dismiss_toast(toast) is toast
    first = toast.read_at
    assert first is not None
    assert dismiss_toast(toast).read_at == dismiss_toast(stale).read_at == first
    assert Toast.objects.get().read_at == first
    assert hints == [topic(alice)]


def test_a_dismissed_toast_stays_dismissed_when_it_changes(alice: User) -> None:
    toast = dismiss_toast(create_toast("hello", alice))
    update_toast(toast, progress=100)
    assert Toast.objects.get().read_at == toast.read_at is not None


def test_all_toasts_of_a_queryset_are_dismissed_in_two_statements(
    alice: User, bob: User, hints: list[str]
) -> None:
    create_toasts("hello", [alice, bob, alice])
    dismiss_toast(create_toast("read", alice))
    del hints[:]
    with CaptureQueriesContext(connection) as queries:
        assert api.dismiss_all(Toast.objects.all()) == 2
    assert len([q for q in queries if q["sql"].startswith(("SELECT", "UPDATE"))]) == 2
    assert sorted(hints) == sorted([topic(alice), topic(bob)])
    assert api.dismiss_all(Toast.objects.all()) == 0
    assert len(hints) == 2


def test_rows_that_other_code_wrote_can_be_announced(
    alice: User, bob: User, hints: list[str]
) -> None:
    with transaction.atomic():
        api.announce_changes(alice, bob.pk)
        assert hints == []
    assert hints == [topic(alice), topic(bob)]
