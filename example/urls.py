"""The demos' addresses, below ``/demo/``."""

from django.urls import path

from example import views

app_name = "example"
urlpatterns = [
    path("toast/", views.toast, name="toast"),
    path("toast/show/", views.show, name="toast-show"),
]
