"""Receivers of Django's signals for toasts, as a site may have."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.signals import post_save, pre_save

from toasts import create_toast
from toasts.models.toast import Toast

pytestmark = pytest.mark.django_db(transaction=True)


def test_receivers_of_signals_find_the_key_of_the_user(alice: User) -> None:
    found: list[tuple[Any, int]] = []
    gone = User.objects.create_user("gone")
    User.objects.filter(pk=gone.pk).delete()

    def note(instance: Toast, signal: Any, **rest: Any) -> None:
        found.append((signal, instance.user_id))

    for signal in (pre_save, post_save):
        signal.connect(note, sender=Toast)
        try:
            with transaction.atomic():
                create_toast("x", alice)
            with pytest.raises(ValueError, match=r"^user: no user has"), transaction.atomic():
                create_toast("x", gone)
        finally:
            signal.disconnect(note, sender=Toast)
    assert [key for signal, key in found if signal is post_save] == [alice.pk]
    # A database that checks foreign keys at once finds a missing user after pre_save.
    assert [key for signal, key in found if signal is pre_save] in ([alice.pk], [alice.pk, gone.pk])
