"""An order board: the newest hundred rows of a table with a trigger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.http import HttpRequest
from django.urls import include, path

from toasts import feeds


class Orders(feeds.Feed):
    name = "orders"
    limit = 100  # rows that newer ones displace are not sent as deleted

    def topic(self, request: HttpRequest, **kwargs: Any) -> str | None:
        return "all" if request.user.is_authenticated else None

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, product, price FROM orders ORDER BY id DESC LIMIT 100")
            rows = cursor.fetchall()
        return {"all": {key: {"product": name, "price": price} for key, name, price in rows[::-1]}}


urlpatterns = [path("feeds/orders/", Orders.as_view()), path("toasts/", include("toasts.urls"))]
