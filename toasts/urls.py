from django.urls import include, path

from . import views
from .rest.router import router

app_name = "toasts"
urlpatterns = [
    path("stream/", views.stream, name="stream"),
    path("poll/", views.poll, name="poll"),
    path("api/", include(router.urls)),
]
