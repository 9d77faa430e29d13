"""The pages of tests.urls, further pages, and the client's files."""

from django.contrib.staticfiles.views import serve
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import path

from tests import urls
from toasts.delivery.hubs import current_hub
from toasts.delivery.source import topic
from toasts.html import inbox_snippet, snippet
from toasts.middleware import toasts_exempt

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def document(body: str, **headers: str) -> HttpResponse:
    head = (
        '<!doctype html><html lang="en"><head><title>Page</title>'
        '<meta name="color-scheme" content="light dark"></head>'
    )
    return HttpResponse(f"{head}<body>{body}</body></html>", headers=headers)


async def form(request: HttpRequest) -> HttpResponse:
    return document(
        '<p><a href="/">Another page</a></p><form method="post" action="/logout/">'
        f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">'
        "<button>Sign out</button></form>"
    )


async def strict(request: HttpRequest) -> HttpResponse:
    parts = (inbox_snippet(element) for element in ("toast-bell", "toast-inbox"))
    return document(
        f"<main><h1>Strict</h1>{''.join(parts)}</main>", **{"Content-Security-Policy": STRICT}
    )


async def bell(request: HttpRequest) -> HttpResponse:
    return document(
        f"<header>{inbox_snippet('toast-bell')}</header>"
        '<main><h1>Bell</h1><p><a href="/form/">Another page</a></p></main>'
    )


async def inbox(request: HttpRequest) -> HttpResponse:
    return document(f"<main><h1>Inbox</h1>{inbox_snippet('toast-inbox')}</main>")


async def by_hand(request: HttpRequest) -> HttpResponse:
    """A page with a script tag written by hand, without options."""
    tags = (
        '<link rel="stylesheet" href="/static/toasts/toasts.css">'
        '<script src="/static/toasts/toasts.js" defer data-toasts></script>'
    )
    return document(f"{tags}<h1>By hand</h1>")


async def plain(request: HttpRequest) -> HttpResponse:
    return document("<main><h1>Plain</h1></main>")


async def twice(request: HttpRequest) -> HttpResponse:
    return document(snippet() + "<h1>Twice</h1>" + snippet())


async def streams(request: HttpRequest) -> HttpResponse:
    """Return how many streams the user has in this process."""
    mine = topic((await request.auser()).pk)
    found = [listener for listener in current_hub().subscriptions() if listener.topic == mine]
    return JsonResponse({"open": len(found)})


urlpatterns = [
    path("streams/", streams),
    path("form/", form),
    path("strict/", strict),
    path("by-hand/", by_hand),
    path("twice/", twice),
    path("plain/", plain),
    path("exempt/", toasts_exempt(plain)),
    path("bell/", bell),
    path("inbox/", inbox),
    path("static/<path:path>", serve, {"insecure": True}),
    *urls.urlpatterns,
]
