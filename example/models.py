"""The models of all demos, in the module where Django looks for them."""

from example.messages.models import Message
from example.orders.models import Order
from example.sheet.models import Cell, Visit
from example.status.models import Incident, Service

__all__ = ["Cell", "Incident", "Message", "Order", "Service", "Visit"]
