"""The front page of the site."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def index(request: HttpRequest) -> HttpResponse:
    """Show the front page. It names the demo users if DEBUG is on."""
    context = {
        "demo_users": settings.DEBUG,
        "person": request.user.get_username() or "alice",
    }
    return render(request, "site/index.html", context)
