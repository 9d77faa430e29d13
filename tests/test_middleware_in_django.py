"""The middleware inside Django's own handlers, together with other middleware."""

import gzip
import re
from collections.abc import Callable
from typing import Any

import django
import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.cache import cache
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import override_script_prefix
from django.utils.functional import SimpleLazyObject

from tests.support.html_site import AFTER, BEFORE, PAGE, TAGS, with_nonce

TOASTS = "toasts.middleware.ToastMiddleware"


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.support.html_site"
    settings.MIDDLEWARE = [TOASTS]
    settings.DEBUG = False


def failing_nonce() -> str:
    raise RuntimeError("the header is already written")


async def test_a_page_of_a_site_with_sessions_gets_no_vary_and_no_cookie(
    settings: Any, async_client: AsyncClient
) -> None:
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        TOASTS,
    ]
    response = await async_client.get("/page/")
    assert response.content == BEFORE + TAGS + AFTER
    assert "Vary" not in response.headers
    assert not response.cookies


@pytest.mark.parametrize("path", ["/exempt/", "/async-exempt/", "/exempt-view/"])
async def test_an_exempt_view_keeps_its_bytes(path: str, async_client: AsyncClient) -> None:
    assert (await async_client.get(path)).content == PAGE


@pytest.mark.parametrize("path", ["/page/", "/async-page/"])
async def test_pages_have_the_client_under_asgi(path: str, async_client: AsyncClient) -> None:
    assert (await async_client.get(path)).content == BEFORE + TAGS + AFTER


@pytest.mark.parametrize("path", ["/page/", "/async-page/"])
def test_pages_have_the_client_under_wsgi(path: str, client: Client) -> None:
    assert client.get(path).content == BEFORE + TAGS + AFTER


async def test_a_streamed_page_is_not_collected(async_client: AsyncClient) -> None:
    response: Any = await async_client.get("/streamed/")
    assert response.streaming
    assert [part async for part in response.streaming_content] == [BEFORE, AFTER]


@pytest.mark.parametrize(("path", "status"), [("/nowhere/", 404), ("/broken/", 500)])
async def test_a_sites_own_error_pages_have_the_client(path: str, status: int) -> None:
    response = await AsyncClient(raise_request_exception=False).get(path)
    assert response.status_code == status
    assert response.content == BEFORE + TAGS + AFTER


WITH_OTHERS = [
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    TOASTS,
]


async def test_the_client_is_in_what_gzip_compresses(
    settings: Any, async_client: AsyncClient
) -> None:
    settings.MIDDLEWARE = WITH_OTHERS
    response = await async_client.get("/page/", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) == len(response.content)
    assert gzip.decompress(response.content) == BEFORE + TAGS + AFTER


async def test_a_page_that_the_browser_has_cached_is_still_a_304(
    settings: Any, async_client: AsyncClient
) -> None:
    settings.MIDDLEWARE = WITH_OTHERS
    first = await async_client.get("/page/")
    again = await async_client.get("/page/", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.content, first.status_code) == (BEFORE + TAGS + AFTER, 200)
    assert (again.content, again.status_code) == (b"", 304)


async def test_a_page_that_the_sites_cache_got_for_a_script_has_the_client(
    settings: Any, async_client: AsyncClient
) -> None:
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        "django.middleware.cache.FetchFromCacheMiddleware",
        TOASTS,
    ]
    cache.clear()
    scripts = {"X-Requested-With": "XMLHttpRequest", "Sec-Fetch-Dest": "empty"}
    for headers in (scripts, {"Sec-Fetch-Dest": "document"}):
        response = await async_client.get("/page/", headers=headers)
        assert response.content == BEFORE + TAGS + AFTER
    cache.clear()


@pytest.mark.parametrize(
    "middleware", [WITH_OTHERS, [TOASTS, "django.middleware.common.CommonMiddleware"]]
)
async def test_the_length_of_head_is_that_of_get(
    settings: Any, async_client: AsyncClient, middleware: list[str]
) -> None:
    settings.MIDDLEWARE = middleware
    get, head = await async_client.get("/page/"), await async_client.head("/page/")
    assert get.headers["Content-Length"] == str(len(BEFORE + TAGS + AFTER))
    del get.headers["ETag"], head.headers["ETag"]  # Django computes one for GET alone
    assert dict(head.items()) == dict(get.items())


async def test_an_answer_to_head_by_the_view_itself_is_not_changed(
    settings: Any, async_client: AsyncClient
) -> None:
    settings.MIDDLEWARE = WITH_OTHERS
    response = await async_client.head("/own-head/")
    assert response.headers["Content-Length"] == "0"


def start_response(status: str, headers: list[tuple[str, str]], error: Any = None, /) -> Any:
    assert status == "200 OK"


@pytest.mark.django_db  # because the end of a response closes old connections
def test_the_urls_follow_the_script_name_under_wsgi(settings: Any, rf: RequestFactory) -> None:
    settings.FORCE_SCRIPT_NAME = "/site"
    environ = rf.get("/page/").environ
    with override_script_prefix("/"):  # the handler sets it, and leaves it
        response = WSGIHandler()(environ, start_response)
    assert b' data-stream-url="/site/toasts/stream/" ' in b"".join(response)
    response.close()


async def test_the_urls_follow_the_root_path_under_asgi() -> None:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/site/page/",
        "root_path": "/site",
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
    }
    server: Any = ApplicationCommunicator(ASGIHandler(), scope)  # type: ignore[no-untyped-call]
    await server.send_input({"type": "http.request", "body": b""})
    assert (await server.receive_output(5))["status"] == 200
    body = (await server.receive_output(5))["body"]
    await server.wait(5)
    assert b' data-stream-url="/site/toasts/stream/" ' in body


class StandInForDjangoCsp:
    """A nonce like that of django-csp: reading it puts it into the header, and later fails."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        sources = ["script-src"]

        def nonce() -> str:
            sources.append("stand-in")
            return "stand-in"

        request.csp_nonce = SimpleLazyObject(nonce)
        response = self.get_response(request)
        response.headers["Content-Security-Policy"] = " ".join(sources)
        request.csp_nonce = SimpleLazyObject(failing_nonce)
        return response


STAND_IN = f"{__name__}.{StandInForDjangoCsp.__qualname__}"


async def test_django_csps_header_and_the_tags_agree(
    settings: Any, async_client: AsyncClient
) -> None:
    settings.MIDDLEWARE = [STAND_IN, TOASTS]
    response = await async_client.get("/page/")
    assert response.headers["Content-Security-Policy"] == "script-src stand-in"
    assert response.content == BEFORE + with_nonce("stand-in") + AFTER


async def test_above_django_csp_the_page_is_not_changed(
    settings: Any, async_client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MIDDLEWARE = [TOASTS, STAND_IN]
    response = await async_client.get("/page/")
    assert response.content == PAGE
    assert len(caplog.records) == 1


def policy_of(response: Any) -> Any:
    return response.headers.get("Content-Security-Policy", "")


async def test_djangos_csp_header_and_the_tags_agree(
    settings: Any, async_client: AsyncClient
) -> None:
    settings.SECURE_CSP = {"script-src": ["'self'", "<CSP_NONCE_SENTINEL>"]}
    has_csp = django.VERSION >= (6, 0)
    csp = ["django.middleware.csp.ContentSecurityPolicyMiddleware"] if has_csp else []
    settings.MIDDLEWARE = [*csp, TOASTS]
    page, exempt = await async_client.get("/page/"), await async_client.get("/exempt/")
    nonce = re.fullmatch(r"script-src 'self' 'nonce-(.+)'", policy_of(page))
    assert bool(nonce) is has_csp
    tags = with_nonce(nonce[1]) if nonce else TAGS
    assert page.content == BEFORE + tags + AFTER
    assert policy_of(exempt) == ("script-src 'self'" if has_csp else "")
