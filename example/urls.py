"""The demos' addresses, below ``/demo/``."""

from django.urls import path

from example import views
from example.sheet.feed import Sheet
from example.sheet.views import sheet
from example.status.feed import Status
from example.status.views import change, status

app_name = "example"
urlpatterns = [
    path("toast/", views.toast, name="toast"),
    path("toast/show/", views.show, name="toast-show"),
    path("sheet/", sheet, name="sheet"),
    path("sheet/feed/", Sheet.as_view(), name="sheet-feed"),
    path("status/", status, name="status"),
    path("status/change/", change, name="status-change"),
    path("status/feed/", Status.as_view(), name="status-feed"),
]
