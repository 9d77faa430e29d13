"""A small site, and the tags that the middleware inserts into its pages."""

from collections.abc import AsyncIterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory
from django.urls import include, path
from django.views import View

from toasts.middleware import ToastMiddleware, toasts_exempt

TAGS = (
    b'<link rel="stylesheet" href="/static/toasts/toasts.css" data-toasts>'
    b'<script src="/static/toasts/toasts.js" defer data-toasts'
    b' data-stream-url="/toasts/stream/" data-poll-url="/toasts/poll/"'
    b' data-api-url="/toasts/api/toasts/"'
    b' data-csrf-cookie="csrftoken" data-csrf-header="X-CSRFToken" data-heartbeat="15"'
    b' data-position="bottom-end" data-limit="3" data-hotkey="F6 alt+KeyT"'
    b' data-region="Notifications" data-dismiss="Dismiss: {text}"'
    b' data-summary="{n} new notifications" data-hint="Press F6 to reach the notifications."'
    b' data-more="+{n} more" data-less="Show fewer" data-clear="Dismiss all"'
    b' data-info="Info" data-success="Success" data-warning="Warning" data-error="Error"></script>'
)
BEFORE = b"<!doctype html><title>caf\xc3\xa9</title><body><p>" + b"words " * 100
AFTER = b"</body></html>\n"
PAGE = BEFORE + AFTER


async def through(
    response: HttpResponseBase, request: HttpRequest | None = None
) -> HttpResponseBase:
    """Return what the middleware returns for `response`."""

    async def view(request: HttpRequest) -> HttpResponseBase:
        return response

    return await ToastMiddleware(view)(request or RequestFactory().get("/"))


async def body_of(response: HttpResponseBase) -> bytes:
    """Return the whole body, of a streaming response too."""
    if isinstance(response, HttpResponse):
        return response.content
    assert isinstance(response, StreamingHttpResponse)
    if response.is_async:
        return b"".join([part async for part in response])
    return b"".join(response)


def html(content: bytes = PAGE, *, status: int = 200, **headers: str) -> HttpResponse:
    """Return an HTML response. Underscores in names of headers become dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(content, status=status, headers=named)


def typed(content_type: str, content: bytes = PAGE) -> HttpResponse:
    return HttpResponse(content, content_type=content_type)


def with_nonce(nonce: str) -> bytes:
    """Return the tags with this nonce."""
    mark = f' nonce="{nonce}">'.encode()
    return TAGS.replace(b"data-toasts>", b"data-toasts" + mark).replace(
        b'"Error">', b'"Error"' + mark
    )


async def chunks() -> AsyncIterator[bytes]:
    yield BEFORE
    yield AFTER


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE)


async def async_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE)


async def streamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(chunks())


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("the page cannot be made")


def own_head(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"" if request.method == "HEAD" else PAGE)


class ExemptView(View):
    @toasts_exempt
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(PAGE)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(PAGE, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE, status=500)


handler404 = not_found
handler500 = server_error
urlpatterns = [
    path("toasts/", include("toasts.urls")),
    path("page/", page),
    path("async-page/", async_page),
    path("streamed/", streamed),
    path("broken/", broken),
    path("own-head/", own_head),
    path("exempt/", toasts_exempt(page)),
    path("async-exempt/", toasts_exempt(async_page)),
    path("exempt-view/", ExemptView.as_view()),
]
