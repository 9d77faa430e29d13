"""The status page as a feed, open to everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from example.status.models import Incident, Service
from toasts import feeds

ALL = "all"
HISTORY = 8
"""The number of incidents that the page shows."""


class Status(feeds.Feed):
    """Two kinds of rows: services (``service-1``), and the newest incidents (``incident-9``)."""

    name = "status"

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return ALL

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        rows = {f"service-{service.pk}": service_row(service) for service in Service.objects.all()}
        rows |= {f"incident-{incident.pk}": incident_row(incident) for incident in history()}
        return dict.fromkeys(topics, rows)


def history() -> QuerySet[Incident]:
    """Return the newest incidents, newest first."""
    return Incident.objects.select_related("service")[:HISTORY]


def service_row(service: Service) -> dict[str, Any]:
    """Return a service as a row of the feed."""
    return {
        "name": service.name,
        "state": service.state,
        "label": service.get_state_display(),
        "at": service.changed_at,
    }


def incident_row(incident: Incident) -> dict[str, Any]:
    """Return an incident as a row of the feed."""
    return {
        "service": incident.service.name,
        "state": incident.state,
        "label": incident.get_state_display(),
        "text": incident.text,
        "by": incident.by,
        "at": incident.at,
    }
