"""The URLs of the demos, below ``/demo/``."""

from django.urls import path

from example import views
from example.messages.feeds import Messages
from example.messages.views import messages
from example.orders.feeds import Orders
from example.orders.views import orders, token
from example.sheet.feed import Sheet
from example.sheet.views import sheet
from example.status.feed import Status
from example.status.views import change, status

app_name = "example"
urlpatterns = [
    path("toast/", views.toast, name="toast"),
    path("toast/show/", views.show, name="toast-show"),
    path("messages/", messages, name="messages"),
    path("messages/feed/", Messages.as_view(), name="messages-feed"),
    path("orders/", orders, name="orders"),
    path("orders/feed/", Orders.as_view(), name="orders-feed"),
    path("orders/token/", token, name="orders-token"),
    path("sheet/", sheet, name="sheet"),
    path("sheet/feed/", Sheet.as_view(), name="sheet-feed"),
    path("status/", status, name="status"),
    path("status/change/", change, name="status-change"),
    path("status/feed/", Status.as_view(), name="status-feed"),
]
