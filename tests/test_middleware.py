import logging
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.http import (
    HttpRequest,
    HttpResponse,
)
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject
from hypothesis import given
from hypothesis import strategies as st

from tests.support.html_site import (
    AFTER,
    BEFORE,
    PAGE,
    TAGS,
    body_of,
    html,
    through,
    typed,
    with_nonce,
)
from toasts.middleware import inject, should_inject, toasts_exempt


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.support.html_site"


FRAGMENTS = st.lists(
    st.one_of(
        st.binary(max_size=8),
        st.sampled_from(
            [
                b"</body>",
                b"</BODY >",
                b"</html>",
                b"<!--",
                b"-->",
                b" ",
                b"\n",
                b"</body",
                b"<script",
            ]
        ),
    )
).map(b"".join)


@given(FRAGMENTS)
def test_no_other_byte_of_a_page_is_changed(content: bytes) -> None:
    response = HttpResponse(content)
    inject(response, b"{tags}")
    before, found, after = response.content.rpartition(b"{tags}")
    assert before + after == content
    assert not found or after.lower().startswith(b"</body")


@given(before=FRAGMENTS, between=st.text(" \t\r\n\f"), comment=st.binary(max_size=30))
def test_every_page_with_a_normal_end_gets_the_client(
    before: bytes, between: str, comment: bytes
) -> None:
    note = b"<!-- " + comment.replace(b"-", b"").replace(b"<", b"") + b" -->"
    end = b"</body>" + between.encode() + note + b"</html>" + between.encode()
    response = HttpResponse(before + end)
    inject(response, b"{tags}")
    assert response.content == before + b"{tags}" + end


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "end",
    [
        b"</body>" + b" \n" * 30_000 + b"x",
        b"</body>" + b"<!-- -->" * 8_000 + b"x",
        b"</body>" * 9_000 + b"x",
        b"</body" + b" " * 60_000,
        b"<script" * 700_000 + b" data-toasts",
        b"<script " * 600_000 + b"data-toasts" + b"</body>",
    ],
)
async def test_no_page_makes_the_search_slow(end: bytes) -> None:
    await through(html(end))


# Settings


async def test_a_site_may_place_the_client_itself(settings: Any) -> None:
    settings.TOASTS_INJECT = "never"
    assert await body_of(await through(html())) == PAGE


async def test_a_site_may_limit_the_client_to_visitors_with_a_session(
    settings: Any, rf: RequestFactory
) -> None:
    settings.TOASTS_INJECT = "session"
    settings.SESSION_COOKIE_NAME = "sid"
    request = rf.get("/")
    without = await through(html(Vary="Accept"), request)
    assert await body_of(without) == PAGE
    request.COOKIES["sid"] = "anything"
    received = await through(html(Vary="Accept"), request)
    assert await body_of(received) == BEFORE + TAGS + AFTER
    # Else a cache would give the one's page to the other.
    assert without.headers["Vary"] == received.headers["Vary"] == "Accept, Cookie"


async def test_a_response_that_never_gets_the_client_does_not_vary(
    settings: Any, rf: RequestFactory
) -> None:
    settings.TOASTS_INJECT = "session"
    for response in (typed("text/plain"), html(b"<p>a fragment</p>"), html(BEFORE + TAGS + AFTER)):
        assert "Vary" not in (await through(response, rf.get("/"))).headers


def test_an_exempt_view_stays_sync_or_async() -> None:
    async def asynchronous(request: HttpRequest) -> HttpResponse:
        """The docstring of the view."""
        return html()

    assert iscoroutinefunction(toasts_exempt(asynchronous))
    assert toasts_exempt(asynchronous).__doc__ == "The docstring of the view."
    assert not iscoroutinefunction(toasts_exempt(html))


# Errors


def failing_nonce() -> str:
    raise RuntimeError("the header is already written")


async def test_if_reading_the_nonce_fails_the_page_stays_and_one_line_is_logged(
    rf: RequestFactory, caplog: pytest.LogCaptureFixture
) -> None:
    request: Any = rf.get("/a%0Apage/")
    request.csp_nonce = SimpleLazyObject(failing_nonce)
    received = await through(html(ETag='"1"', Content_Length="7"), request)
    assert await body_of(received) == PAGE
    assert (received.headers["ETag"], received.headers["Content-Length"]) == ('"1"', "7")
    assert [(record.name, record.levelno, record.getMessage()) for record in caplog.records] == [
        ("toasts", logging.ERROR, "Left '/a\\npage/' without the toasts client")
    ]


async def test_if_the_urls_are_missing_the_page_stays_and_one_line_is_logged(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ROOT_URLCONF = "tests.support.empty_urls"
    assert await body_of(await through(html())) == PAGE
    assert len(caplog.records) == 1


async def test_a_template_response_that_is_not_rendered_is_not_changed(
    rf: RequestFactory, caplog: pytest.LogCaptureFixture
) -> None:
    request = rf.get("/")
    template = engines["django"].from_string("<body></body>")
    response = TemplateResponse(request, template)
    await through(response, request)
    assert not response.is_rendered
    response.render()
    assert response.content == b"<body></body>"
    assert caplog.records == []


# Costs and privacy


class Untouchable:
    def __get__(self, instance: object, owner: type) -> Any:
        raise AssertionError("the middleware read the session or the user")


async def test_neither_session_nor_user_is_read(rf: RequestFactory) -> None:
    class Request(HttpRequest):
        session = Untouchable()
        user = Untouchable()
        auser = Untouchable()

    request = rf.get("/")
    request.__class__ = type("Request", (Request, type(request)), {})
    assert await body_of(await through(html(), request)) == BEFORE + TAGS + AFTER


class CountingNonce:
    def __init__(self) -> None:
        self.reads = 0

    def __str__(self) -> str:
        self.reads += 1
        return "n0"


@pytest.mark.parametrize(
    "response",
    [
        html(b"<p>a fragment</p>"),
        html(BEFORE + TAGS + AFTER),
        typed("text/plain"),
        html(status=204),
    ],
)
async def test_the_nonce_is_not_read_without_need(
    rf: RequestFactory, response: HttpResponse
) -> None:
    request: Any = rf.get("/")
    request.csp_nonce = CountingNonce()
    await through(response, request)
    assert request.csp_nonce.reads == 0


async def test_the_nonce_is_read_once(rf: RequestFactory) -> None:
    request: Any = rf.get("/")
    request.csp_nonce = CountingNonce()
    received = await through(html(), request)
    assert await body_of(received) == BEFORE + with_nonce("n0") + AFTER
    assert request.csp_nonce.reads == 1


def test_the_predicate_can_be_called_by_itself(rf: RequestFactory) -> None:
    assert should_inject(rf.get("/"), html()) is True
    assert should_inject(rf.get("/"), typed("text/plain")) is False
