"""Who has the sheet open, in the database: whichever process serves whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from example.sheet.models import Visit

GOOD_FOR = timedelta(seconds=20)
"""A tab that says nothing for so long is gone: it crashed, or its line broke.

Longer than the 15 seconds between two pings, at which tabs in the background say that they are
here: browsers let the timers of such tabs fire once a minute.
"""


def here() -> QuerySet[Visit]:
    return Visit.objects.filter(until__gt=timezone.now())


def arrive(user: Any, tab: str) -> bool:
    """A tab says that it is open; whether that is news of its user."""
    with transaction.atomic():
        is_news = not here().filter(user=user).exists()
        until = timezone.now() + GOOD_FOR
        Visit.objects.update_or_create(user=user, tab=tab, defaults={"until": until})
        if is_news:
            Visit.objects.filter(until__lt=timezone.now()).delete()
    return is_news


def is_of_another(user: Any, tab: str) -> bool:
    return here().filter(tab=tab).exclude(user=user).exists()


def leave(user: Any, tab: str) -> bool:
    """A tab says that it closes; whether its user has no other."""
    Visit.objects.filter(user=user, tab=tab).delete()
    return not here().filter(user=user).exists()
