"""When a toast is announced: after COMMIT only, and without errors of the broker."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import RequestFactory, TestCase
from django.utils.functional import SimpleLazyObject

from tests.support.brokers import Undo, topic
from toasts import create_toast, create_toasts, dismiss_toast, update_toast
from toasts.models.toast import Toast

pytestmark = pytest.mark.django_db(transaction=True)


def test_outside_a_transaction_it_is_announced_at_once(alice: User, hints: list[str]) -> None:
    create_toast("hello", alice)
    assert hints == [topic(alice)]


def test_inside_a_transaction_it_is_announced_after_commit(alice: User, hints: list[str]) -> None:
    with transaction.atomic():
        create_toast("hello", alice)
        with transaction.atomic():
            create_toast("hello", alice)
        assert hints == []
    assert hints == [topic(alice), topic(alice)]


def test_a_toast_of_a_rolled_back_transaction_is_never_announced(
    alice: User, hints: list[str]
) -> None:
    with suppress(Undo), transaction.atomic():
        create_toast("hello", alice)
        create_toasts("hello", [alice])
        raise Undo
    assert hints == []
    assert not Toast.objects.exists()


def test_a_rolled_back_savepoint_announces_nothing(
    alice: User, bob: User, hints: list[str]
) -> None:
    with transaction.atomic():
        create_toast("kept", bob)
        with suppress(Undo), transaction.atomic():
            create_toast("undone", alice)
            raise Undo
    assert hints == [topic(bob)]
    assert [toast.message for toast in Toast.objects.all()] == ["kept"]


def test_without_autocommit_the_toast_is_written(alice: User, hints: list[str]) -> None:
    transaction.set_autocommit(False)
    try:
        create_toast("hello", alice)
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert Toast.objects.count() == 1


@pytest.mark.parametrize(
    "broker", ["tests.support.brokers.Broken", "tests.support.brokers.Missing", "nowhere"]
)
def test_a_broken_broker_never_breaks_the_caller(
    alice: User, settings: Any, caplog: pytest.LogCaptureFixture, broker: str
) -> None:
    settings.TOASTS_BROKER = broker
    with caplog.at_level(logging.ERROR, "toasts"), transaction.atomic():
        toast = create_toast("hello", alice)
    update_toast(toast, progress=1)
    dismiss_toast(toast)
    create_toasts("hello", [alice])
    assert Toast.objects.count() == 2
    assert len(caplog.records) == 4
    assert caplog.records[0].getMessage() == (
        "toasts could not be announced; streams find them within seconds"
    )
    assert caplog.records[0].exc_info is not None


@pytest.mark.django_db
def test_a_test_case_of_a_site_can_run_the_announcement(alice: User, hints: list[str]) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True):
        create_toast("hello", alice)
        assert hints == []
    assert hints == [topic(alice)]


def test_it_works_from_a_thread(alice: User, hints: list[str]) -> None:
    made: list[Toast] = []

    def work() -> None:
        try:
            made.append(create_toast("hello", alice))
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert Toast.objects.get() == made[0]
    assert hints == [topic(alice)]


def test_it_works_from_a_view(alice: User, hints: list[str]) -> None:
    request = RequestFactory().get("/")
    request.user = SimpleLazyObject(lambda: alice)  # type: ignore[assignment]
    assert create_toast("hello", request.user).user_id == alice.pk
