"""The demos' tables, where Django looks for them."""

from example.messages.models import Message
from example.orders.models import Order

__all__ = ["Message", "Order"]
