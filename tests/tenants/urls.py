from django.contrib.staticfiles.views import serve
from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.support import feeds_site
from toasts.html import inbox_snippet


def page(request: HttpRequest) -> HttpResponse:
    bell = inbox_snippet("toast-bell")
    return HttpResponse(f"<!doctype html><title>A page</title><body>{bell}</body>")


urlpatterns = [
    *feeds_site.urlpatterns,
    path("page/", page),
    path("static/<path:path>", serve, {"insecure": True}),
]
