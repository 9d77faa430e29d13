"""django-eventstream: streams of users, authenticated by Django's session.

Each stream listens to the channel of its user and to the channel of all.
"""

from __future__ import annotations

import json

from django.core.asgi import get_asgi_application
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.urls import path

application = get_asgi_application()

from django_eventstream import send_event  # noqa: E402
from django_eventstream.views import events  # noqa: E402


def stream(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        return HttpResponse(status=204)
    answer: HttpResponse = events(request, channels=[f"user-{request.user.pk}", "all"])
    # django-eventstream does not close the connection that has read the user. Without this, each
    # stream would keep it, and PostgreSQL would refuse more than max_connections streams.
    connections.close_all()
    return answer


def publish(request: HttpRequest) -> HttpResponse:
    wanted = json.loads(request.body)
    channel = "all" if wanted["to"] is None else f"user-{wanted['to']}"
    send_event(channel, "toast", wanted["data"])
    return HttpResponse(status=204)


urlpatterns = [path("stream/", stream), path("publish/", publish)]
