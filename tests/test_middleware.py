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
def test_whatever_the_page_no_other_byte_is_changed(content: bytes) -> None:
    response = HttpResponse(content)
    inject(response, b"{tags}")
    before, found, after = response.content.rpartition(b"{tags}")
    assert before + after == content
    assert not found or after.lower().startswith(b"</body")


@given(before=FRAGMENTS, between=st.text(" \t\r\n\f"), comment=st.binary(max_size=30))
def test_every_page_that_ends_as_pages_do_gets_the_client(
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
    assert await body_of(await through(html(), request)) == PAGE
    request.COOKIES["sid"] = "anything"
    assert await body_of(await through(html(), request)) == BEFORE + TAGS + AFTER


def test_an_exempt_view_stays_what_it_was() -> None:
    async def asynchronous(request: HttpRequest) -> HttpResponse:
        """Its own words."""
        return html()

    assert iscoroutinefunction(toasts_exempt(asynchronous))
    assert toasts_exempt(asynchronous).__doc__ == "Its own words."
    assert not iscoroutinefunction(toasts_exempt(html))


# What goes wrong


def lazily_failing() -> str:
    raise RuntimeError("the header is already written")


async def test_a_nonce_that_cannot_be_had_leaves_the_page_and_one_line_in_the_log(
    rf: RequestFactory, caplog: pytest.LogCaptureFixture
) -> None:
    request = rf.get("/a%0Apage/")
    request.csp_nonce = SimpleLazyObject(lazily_failing)
    received = await through(html(ETag='"1"', Content_Length="7"), request)
    assert await body_of(received) == PAGE
    assert (received.headers["ETag"], received.headers["Content-Length"]) == ('"1"', "7")
    assert [(record.name, record.levelno, record.getMessage()) for record in caplog.records] == [
        ("toasts", logging.ERROR, "Left '/a\\npage/' without the toasts client")
    ]


async def test_missing_urls_leave_the_page_and_one_line_in_the_log(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ROOT_URLCONF = "tests.support.empty_urls"
    assert await body_of(await through(html())) == PAGE
    assert len(caplog.records) == 1


async def test_a_template_that_is_not_rendered_is_left_to_whoever_renders_it(
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
        raise AssertionError("the middleware looked at the session or the user")


async def test_neither_session_nor_user_is_looked_at(rf: RequestFactory) -> None:
    class Request(HttpRequest):
        session = Untouchable()
        user = Untouchable()
        auser = Untouchable()

    request = rf.get("/")
    request.__class__ = type("Request", (Request, type(request)), {})
    assert await body_of(await through(html(), request)) == BEFORE + TAGS + AFTER


class CountingNonce:
    def __init__(self) -> None:
        self.asked = 0

    def __str__(self) -> str:
        self.asked += 1
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
async def test_the_nonce_is_not_asked_for_without_need(
    rf: RequestFactory, response: HttpResponse
) -> None:
    request = rf.get("/")
    request.csp_nonce = CountingNonce()
    await through(response, request)
    assert request.csp_nonce.asked == 0


async def test_the_nonce_is_asked_for_once(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.csp_nonce = CountingNonce()
    received = await through(html(), request)
    assert await body_of(received) == BEFORE + with_nonce("n0") + AFTER
    assert request.csp_nonce.asked == 1


def test_the_predicate_can_be_asked_by_itself(rf: RequestFactory) -> None:
    assert should_inject(rf.get("/"), html()) is True
    assert should_inject(rf.get("/"), typed("text/plain")) is False
