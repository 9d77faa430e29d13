"""A site that WSGI serves: pages that wait and query, and a feed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from toasts import feeds


class Users(feeds.Feed):
    """The number of users, for everybody."""

    name = "users"

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return "all"

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        return {topic: {"users": User.objects.count()} for topic in topics}


def page(request: HttpRequest) -> HttpResponse:
    time.sleep(0.02)  # other requests run meanwhile
    return HttpResponse(f"<!doctype html><body>{User.objects.count()} users</body>")


urlpatterns = [
    path("page/", page),
    path("users/", Users.as_view()),
    path("toasts/", include("toasts.urls")),
]
