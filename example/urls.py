"""The demos' addresses, below ``/demo/``."""

from django.urls import path

from example import views
from example.messages.feeds import Messages
from example.messages.views import messages

app_name = "example"
urlpatterns = [
    path("toast/", views.toast, name="toast"),
    path("toast/show/", views.show, name="toast-show"),
    path("messages/", messages, name="messages"),
    path("messages/feed/", Messages.as_view(), name="messages-feed"),
]
