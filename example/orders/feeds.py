"""The feed of the orders: who sees which."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from example.orders.models import Order
from toasts import feeds


class Orders(feeds.ModelFeed):
    """The newest orders. The staff sees all of them, a customer only their own.

    No Python code announces a change: the trigger on the table does, for every writer.
    """

    name = "orders"
    queryset = Order.objects.select_related("customer").order_by("-pk")
    limit = 50
    by = ["customer"]
    all_topic = "all"

    def topic(self, request: HttpRequest, **kwargs: Any) -> str | None:
        if not request.user.is_authenticated:
            return None
        return "all" if request.user.is_staff else f"customer:{request.user.pk}"

    def row(self, instance: Order) -> dict[str, Any]:
        return {
            "product": instance.product,
            "price": instance.price,
            "quantity": instance.quantity,
            "note": instance.note,
            "customer": instance.customer.get_username() if instance.customer else "",
            "created_at": instance.created_at,
        }
