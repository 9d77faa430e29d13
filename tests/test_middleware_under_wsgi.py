"""WSGIToastMiddleware: pages under WSGI get the client without an event loop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.utils.decorators import async_only_middleware, sync_only_middleware
from django.utils.functional import SimpleLazyObject

from tests.support.html_site import AFTER, BEFORE, PAGE, TAGS, html
from toasts.asgi.fast_path import uses_default_auth
from toasts.middleware import ToastMiddleware, WSGIToastMiddleware

WSGI = "toasts.middleware.WSGIToastMiddleware"


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.support.html_site"
    settings.MIDDLEWARE = [WSGI]
    settings.DEBUG = False


@pytest.fixture
def _no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no event loop start in this process."""

    def start(*arguments: Any, **named: Any) -> Any:
        raise AssertionError("an event loop was started")

    monkeypatch.setattr(asyncio, "new_event_loop", start)
    monkeypatch.setattr("asgiref.sync.AsyncToSync.__call__", start)


@sync_only_middleware
def sync_neighbour(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> Any:
        return get_response(request)

    return middleware


@async_only_middleware
def async_neighbour(get_response: Any) -> Any:
    async def middleware(request: HttpRequest) -> Any:
        return await get_response(request)

    return middleware


SYNC_NEIGHBOUR = f"{__name__}.sync_neighbour"
ASYNC_NEIGHBOUR = f"{__name__}.async_neighbour"


@pytest.mark.usefixtures("_no_loop")
@pytest.mark.parametrize(("path", "status"), [("/page/", 200), ("/nowhere/", 404)])
def test_a_page_under_wsgi_gets_the_client_without_an_event_loop(
    client: Client, path: str, status: int
) -> None:
    response = client.get(path)
    assert (response.status_code, response.content) == (status, BEFORE + TAGS + AFTER)


def test_a_failing_view_keeps_its_error_page() -> None:
    response = Client(raise_request_exception=False).get("/broken/")
    assert (response.status_code, response.content) == (500, BEFORE + TAGS + AFTER)


@pytest.mark.parametrize(
    "chain",
    [
        [WSGI],
        [SYNC_NEIGHBOUR, WSGI],
        [WSGI, SYNC_NEIGHBOUR],
        [ASYNC_NEIGHBOUR, WSGI],
        [WSGI, ASYNC_NEIGHBOUR],
        [SYNC_NEIGHBOUR, WSGI, ASYNC_NEIGHBOUR],
    ],
)
async def test_it_fits_between_any_neighbours_under_both_handlers(
    settings: Any, chain: list[str]
) -> None:
    settings.MIDDLEWARE = chain
    for path in ("/page/", "/async-page/"):
        assert (await AsyncClient().get(path)).content == BEFORE + TAGS + AFTER
        assert (await asyncio.to_thread(Client().get, path)).content == BEFORE + TAGS + AFTER


def test_it_is_a_coroutine_function_only_among_coroutine_functions() -> None:
    async def asynchronous(request: HttpRequest) -> HttpResponse:
        return html()

    assert not iscoroutinefunction(WSGIToastMiddleware(lambda request: html()))
    assert iscoroutinefunction(WSGIToastMiddleware(asynchronous))
    assert (ToastMiddleware.sync_capable, WSGIToastMiddleware.sync_capable) == (False, True)


def test_a_failure_leaves_the_page_unchanged(
    rf: RequestFactory, caplog: pytest.LogCaptureFixture
) -> None:
    def nonce() -> str:
        raise RuntimeError("the header is already written")

    request: Any = rf.get("/")
    request.csp_nonce = SimpleLazyObject(nonce)
    response: Any = WSGIToastMiddleware(lambda request: html())(request)
    assert response.content == PAGE
    assert len(caplog.records) == 1


def test_streams_take_the_fast_path_behind_it(settings: Any) -> None:
    settings.MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        WSGI,
    ]
    assert uses_default_auth()
