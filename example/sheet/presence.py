"""The users who have the sheet open. They are kept in the database, which all processes share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from example.sheet.models import Visit

VISIT_LIFETIME = timedelta(seconds=20)
"""A tab that sends no heartbeat for this long is gone: it crashed, or lost its connection.

Browsers may run the timers of a background tab only once a minute. Such a tab sends its heartbeat
when a ping arrives, which is every 15 seconds, so the lifetime has to be longer.
"""


def current_visits() -> QuerySet[Visit]:
    """Return the visits of all tabs that have the sheet open now."""
    return Visit.objects.filter(until__gt=timezone.now())


def arrive(user: Any, tab: str) -> bool:
    """Record that a tab is open. Return whether it is its user's first."""
    with transaction.atomic():
        is_first = not current_visits().filter(user=user).exists()
        until = timezone.now() + VISIT_LIFETIME
        Visit.objects.update_or_create(user=user, tab=tab, defaults={"until": until})
        if is_first:
            Visit.objects.filter(until__lt=timezone.now()).delete()
    return is_first


def belongs_to_another(user: Any, tab: str) -> bool:
    """Return whether another user has an open tab of this name."""
    return current_visits().filter(tab=tab).exclude(user=user).exists()


def leave(user: Any, tab: str) -> bool:
    """Record that a tab was closed. Return whether its user has no other open tab."""
    Visit.objects.filter(user=user, tab=tab).delete()
    return not current_visits().filter(user=user).exists()
