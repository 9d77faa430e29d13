"""A site with feeds of every kind. Most use the table of groups, which Django has anyway."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.contrib.auth.models import Group, User
from django.contrib.auth.views import LogoutView
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.http import HttpRequest
from django.urls import include, path
from django.utils.html import format_html

from toasts import feeds


class Names(feeds.ModelFeed):
    """All groups, for every signed-in user. Pages can add groups."""

    name = "names"
    queryset = Group.objects.order_by("-pk")
    limit = 5

    def topic(self, request: HttpRequest, **kwargs: Any) -> str | None:
        return "all" if request.user.is_authenticated else None

    def row(self, instance: Group) -> Any:
        return {"name": instance.name}

    def receive(self, request: HttpRequest, topic: str, data: Any) -> Any:
        if data == "secret":
            raise PermissionDenied("Not this one.")
        if data == "break":
            raise RuntimeError("on purpose")
        if not isinstance(data, str) or not data:
            raise ValidationError({"name": ["Must be a name."]})
        group = Group.objects.create(name=data)
        feeds.announce(type(self), topic)
        by = request.user.get_username()
        return {"key": group.pk, "by": by, "origin": request.GET.get("origin")}

    def render(self, key: Any, row: Any) -> str:
        if row is None:
            return format_html('<li id="g{}" hx-swap-oob="delete"></li>', key)
        return format_html('<li id="g{}">\n{}</li>', key, row["name"])


class Public(feeds.Feed):
    """The number of groups, for everybody."""

    name = "public"

    async def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return "all"

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        return {topic: {"groups": Group.objects.count()} for topic in topics}


class Rooms(feeds.Feed):
    """The groups whose names begin with the name of a room, from the URL. Each user has a topic."""

    name = "rooms"
    reads: ClassVar[list[list[str]]] = []

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        if kwargs["room"] == "closed":
            raise PermissionDenied("The room is closed.")
        return f"{kwargs['room']}:{request.user.pk}"

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        self.reads.append(sorted(topics))
        found: dict[str, dict[Any, Any]] = {}
        for topic in topics:
            groups = Group.objects.filter(name__startswith=topic.split(":")[0]).order_by("pk")
            found[topic] = {group.name: [group.pk] for group in groups}
        return found


class Notes(feeds.Feed):
    """Notes that everybody can write, each with the page that wrote it last."""

    name = "notes"
    rows: ClassVar[dict[int, dict[str, Any]]] = {}

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return "all"

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        return {topic: {key: dict(row) for key, row in self.rows.items()} for topic in topics}

    def receive(self, request: HttpRequest, topic: str, data: Any) -> Any:
        for key, text in data:
            self.rows[key] = {"text": text, "origin": request.GET.get("origin", "")}
        feeds.announce("notes")
        return len(self.rows)

    def render(self, key: Any, row: Any) -> str:
        return format_html("<li>{}</li>", row["text"])


class Slow(feeds.Feed):
    """Answers a number after that many seconds. Answers a text at once, with its length."""

    name = "slow"

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return "all"

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        return {}

    def receive(self, request: HttpRequest, topic: str, data: Any) -> Any:
        if isinstance(data, str):
            return len(data)
        time.sleep(data)
        return data


class Board(feeds.Feed):
    """Rows of a table without a model. Staff see all rows, other users see their own."""

    name = "board"

    def topic(self, request: HttpRequest, **kwargs: Any) -> str | None:
        if not isinstance(request.user, User):
            return None
        return "all" if request.user.is_staff else f"customer:{request.user.username}"

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, customer, product FROM board_order ORDER BY id")
            rows = cursor.fetchall()
        return {
            topic: {
                key: {"customer": customer, "product": product}
                for key, customer, product in rows
                if topic in ("all", f"customer:{customer}")
            }
            for topic in topics
        }


urlpatterns = [
    path("feeds/board/", Board.as_view()),
    path("feeds/names/", Names.as_view(), name="names"),
    path("feeds/notes/", Notes.as_view()),
    path("feeds/public/", Public.as_view()),
    path("feeds/slow/", Slow.as_view()),
    path("feeds/rooms/<slug:room>/", Rooms.as_view()),
    path("toasts/", include("toasts.urls")),
    path("logout/", LogoutView.as_view(next_page="/")),
]
