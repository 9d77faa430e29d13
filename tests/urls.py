from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


async def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<!doctype html><html><head></head><body><h1>Page</h1></body></html>")


urlpatterns = [
    path("", page),
    path("logout/", LogoutView.as_view(next_page="/")),
    path("toasts/", include("toasts.urls")),
    path("admin/", admin.site.urls),
]
