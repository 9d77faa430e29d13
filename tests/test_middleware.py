import gzip
import io
import logging
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject
from hypothesis import given
from hypothesis import strategies as st

from tests.html_site import AFTER, BEFORE, PAGE, TAGS, chunks, with_nonce
from toasts.middleware import MAX_PAGE, TAIL, ToastMiddleware, inject, should_inject, toasts_exempt

TOASTS = "toasts.middleware.ToastMiddleware"


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.html_site"
    settings.MIDDLEWARE = [TOASTS]
    settings.DEBUG = False


async def through(
    response: HttpResponseBase, request: HttpRequest | None = None
) -> HttpResponseBase:
    """What the middleware makes of `response`."""

    async def view(request: HttpRequest) -> HttpResponseBase:
        return response

    return await ToastMiddleware(view)(request or RequestFactory().get("/"))


async def body_of(response: HttpResponseBase) -> bytes:
    if not isinstance(response, StreamingHttpResponse):
        return response.content  # type: ignore[attr-defined,no-any-return]
    if response.is_async:
        return b"".join([part async for part in response])
    return b"".join(response)  # type: ignore[arg-type]


def html(content: bytes = PAGE, *, status: int = 200, **headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(content, status=status, headers=named)


def typed(content_type: str, content: bytes = PAGE) -> HttpResponse:
    return HttpResponse(content, content_type=content_type)


def encoded(charset: str) -> HttpResponse:
    page = PAGE.decode().replace("\xe9", "e").encode(charset)
    return typed(f"text/html; charset={charset}", page)


def exempt() -> HttpResponse:
    response = html()
    response.toasts_exempt = True
    return response


def closed() -> HttpResponse:
    response = html()
    response.close()
    return response


def without_type() -> HttpResponse:
    response = html()
    del response.headers["Content-Type"]
    return response


CLIENT_BY_HAND = b'<SCRIPT src="/mine.js" data-toasts></script>'

LEFT_ALONE: dict[str, Callable[[], HttpResponseBase]] = {
    # what is sent in parts
    "a stream": lambda: StreamingHttpResponse(iter([BEFORE, AFTER])),
    "an async stream": lambda: StreamingHttpResponse(chunks()),
    "a file": lambda: FileResponse(io.BytesIO(PAGE), content_type="text/html"),
    # what is no HTML page
    "JSON": lambda: JsonResponse({"html": "<body></body>"}),
    "JSON that ends like a page": lambda: typed("application/json", AFTER),
    "plain text": lambda: typed("text/plain"),
    "CSS": lambda: typed("text/css"),
    "a script": lambda: typed("text/javascript"),
    "XML": lambda: typed("application/xml"),
    "XHTML": lambda: typed("application/xhtml+xml"),
    "SVG": lambda: typed("image/svg+xml"),
    "an event stream": lambda: typed("text/event-stream"),
    "a Turbo stream": lambda: typed("text/vnd.turbo-stream.html"),
    "a type that only begins like HTML": lambda: typed("text/html5"),
    "no type": without_type,
    "an empty type": lambda: typed(""),
    # what is encoded already, or offered as a file
    "gzip": lambda: html(gzip.compress(PAGE), Content_Encoding="gzip"),
    "an encoding on a page that is none": lambda: html(Content_Encoding="br"),
    "an attachment": lambda: html(Content_Disposition='attachment; filename="page.html"'),
    "an attachment, shouting": lambda: html(Content_Disposition="ATTACHMENT"),
    "an unknown disposition": lambda: html(Content_Disposition="form-data; name=page"),
    # statuses whose body is not shown, or not whole
    **{
        f"status {status}": lambda status=status: html(status=status)  # type: ignore[misc]
        for status in (100, 101, 103, 204, 205, 206, 300, 301, 302, 303, 304, 307, 308)
    },
    "a redirect with a page": lambda: HttpResponseRedirect("/elsewhere/", content=PAGE),
    "a range": lambda: html(Content_Range="bytes 0-9/10"),
    # encodings in which our bytes would not be our tags
    **{
        charset: lambda charset=charset: encoded(charset)  # type: ignore[misc]
        for charset in (
            *("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"),
            *("iso-2022-jp", "hz", "cp037", "cp500"),
        )
    },
    "an encoding that nobody knows": lambda: typed("text/html; charset=klingon"),
    "an encoding that is no text encoding": lambda: typed("text/html; charset=hex"),
    "UTF-16 labelled as UTF-8": lambda: typed(
        "text/html; charset=utf-8", "</body>".encode("utf-16")
    ),
    # pages without a place for the tags
    "nothing": lambda: html(b""),
    "a fragment": lambda: html(b"<p>one row</p>"),
    "an unfinished page": lambda: html(BEFORE),
    "an unfinished end tag": lambda: html(BEFORE + b"</body"),
    "an end tag that was left open": lambda: html(BEFORE + b"</body </html>"),
    "another element's end tag": lambda: html(BEFORE + b"</bodyguard></html>"),
    "text after the body": lambda: html(PAGE + b"generated in 3 ms"),
    "a script after the body": lambda: html(PAGE + b"<script>count()</script>"),
    "a body within a script": lambda: html(b'<script>write("</body>")</script>'),
    "a body within an attribute": lambda: html(b'<iframe srcdoc="<body></body>"></iframe>'),
    "a body within the last comment": lambda: html(b"<p></p><!-- </body></html> -->"),
    "an open comment after the body": lambda: html(PAGE + b"<!-- " + b"<!--" * 1000),
    "only spaces after an end tag far away": lambda: html(PAGE + b" " * TAIL),
    "a page too big to copy": lambda: html(b" " * (MAX_PAGE + 1 - len(PAGE)) + PAGE),
    # pages that have the client, or do not want it
    "a page with the client": lambda: html(BEFORE + TAGS + AFTER),
    "a page with the client and a nonce": lambda: html(BEFORE + with_nonce("x") + AFTER),
    "a page with the client placed by hand": lambda: html(BEFORE + CLIENT_BY_HAND + AFTER),
    "an exempt response": exempt,
    "a closed response": closed,
}


@pytest.mark.parametrize("kind", LEFT_ALONE)
async def test_a_response_is_left_alone_if_it_is(kind: str) -> None:
    twin = LEFT_ALONE[kind]()
    sent = LEFT_ALONE[kind]()
    for response in (twin, sent):
        response.headers["ETag"] = '"of-these-bytes"'
        response.headers["Content-Length"] = "12345"
    received = await through(sent)
    assert received is sent
    assert dict(received.items()) == dict(twin.items())
    assert await body_of(received) == await body_of(twin)


LEFT_REQUESTS: dict[str, dict[str, Any]] = {
    "by htmx": {"headers": {"HX-Request": "true"}},
    "by htmx, for a target": {"headers": {"HX-Request": "true", "HX-Boosted": "false"}},
    "by jQuery": {"headers": {"X-Requested-With": "XMLHttpRequest"}},
    "by a script that says so": {"headers": {"X-Requested-With": "fetch"}},
    "by a script that says nothing": {"headers": {"X-Requested-With": ""}},
    "by fetch()": {"headers": {"Sec-Fetch-Dest": "empty"}},
    "for an image": {"headers": {"Sec-Fetch-Dest": "image"}},
    "for a script": {"headers": {"Sec-Fetch-Dest": "script"}},
    "for an object": {"headers": {"Sec-Fetch-Dest": "object"}},
    "for a Turbo frame": {"headers": {"Turbo-Frame": "cart", "X-Turbo-Request-Id": "1"}},
    "for a Turbo frame by a boosted link": {"headers": {"Turbo-Frame": "a", "HX-Boosted": "true"}},
    "by PJAX": {"headers": {"X-PJAX": "true"}},
    "for a range": {"headers": {"Range": "bytes=0-99"}},
    "for an admin popup": {"query_params": {"_to_field": "id", "_popup": "1"}},
}


@pytest.mark.parametrize("kind", LEFT_REQUESTS)
async def test_a_page_is_left_alone_if_it_is_fetched(kind: str, rf: RequestFactory) -> None:
    sent = html(ETag='"1"')
    received = await through(sent, rf.get("/", **LEFT_REQUESTS[kind]))
    assert await body_of(received) == PAGE
    assert received.headers["ETag"] == '"1"'


INJECTED: dict[str, tuple[bytes, bytes]] = {
    "a page": (BEFORE, AFTER),
    "shouting": (b"<BODY>", b"</BODY></HTML>"),
    "spaces in the tags": (b"<body>", b"</body \t\n></html\r\n>"),
    "nothing after": (b"<body>", b"</body>"),
    "an end tag alone": (b"", b"</body>"),
    "a comment after": (b"<body>", b"</body></html>\n<!-- served by <b>3</b> -->\n"),
    "comments around": (b"<body>", b"</body><!----> <!--a--></html><!--\n-->"),
    "two ends": (b"<body><template></body></template>", b"</body></html>"),
    "two ends in a row": (b"<body></body>", b"</body></html></html>"),
    "an end in a script": (b'<body><script>"</body>"</script>', b"</body>"),
    "Latin-1 labelled as UTF-8": (b"<body>caf\xe9 \xff\xfe", b"</body>"),
    "bytes of no encoding": (bytes(range(256)), b"</body>"),
    "NUL": (b"<body>\0", b"</body>"),
    "a byte order mark": (b"\xef\xbb\xbf<body>", b"</body>"),
    "words about the client": (b"<p>data-toasts &lt;script data-toasts></p>", b"</body>"),
    "a style for the region": (b"<style>[data-toasts-region] {}</style>", b"</body>"),
    "a script for the region": (b'<script data-toasts-region="x"></script>', b"</body>"),
    "the end just within reach": (b"<body>", b"</body>" + b" " * (TAIL - 7)),
    "as much as is copied": (b" " * (MAX_PAGE - 7), b"</body>"),
}


@pytest.mark.parametrize("kind", INJECTED)
async def test_the_client_is_put_before_the_end_of_a_page_with(kind: str) -> None:
    before, after = INJECTED[kind]
    received = await through(html(before + after))
    assert await body_of(received) == before + TAGS + after


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html",
        "Text/HTML ; Charset=UTF-8",
        'text/html; charset="utf-8"',
        *(
            f"text/html; charset={charset}"
            for charset in ("iso-8859-1", "windows-1252", "koi8-r", "shift_jis", "gb18030", "big5")
        ),
    ],
)
async def test_the_client_is_put_into_a_page_of_type(content_type: str) -> None:
    received = await through(typed(content_type, b"<body>\x8e\xa1\xc3</body>"))
    assert await body_of(received) == b"<body>\x8e\xa1\xc3" + TAGS + b"</body>"


@pytest.mark.parametrize(
    "status", [200, 201, 202, 203, 400, 401, 403, 404, 405, 410, 418, 422, 429, 500, 502, 503]
)
async def test_the_client_is_put_into_the_page_of_status(status: int) -> None:
    received = await through(html(status=status))
    assert received.status_code == status
    assert await body_of(received) == BEFORE + TAGS + AFTER


@pytest.mark.parametrize(
    "headers",
    [
        *({"Sec-Fetch-Dest": destination} for destination in ("document", "iframe", "frame")),
        {"HX-Request": "true", "HX-Boosted": "true", "Sec-Fetch-Dest": "empty"},
        {"HX-Request": "true", "HX-History-Restore-Request": "true", "Sec-Fetch-Dest": "empty"},
        {"X-Turbo-Request-Id": "7", "Sec-Fetch-Dest": "empty"},
        {"X-Requested-With": "com.example.app"},
        {"Accept": "application/json"},
    ],
)
async def test_the_client_is_put_into_a_page_that_is_asked_for_with(
    headers: dict[str, str], rf: RequestFactory
) -> None:
    received = await through(html(), rf.get("/?next=1&no_popup=1", headers=headers))
    assert await body_of(received) == BEFORE + TAGS + AFTER


@pytest.mark.parametrize(
    "headers",
    [{"Content-Encoding": "identity"}, {"Content-Disposition": "inline; filename=a.html"}],
)
async def test_headers_that_change_nothing_do_not_keep_the_client_out(
    headers: dict[str, str],
) -> None:
    received = await through(HttpResponse(PAGE, headers=headers))
    assert await body_of(received) == BEFORE + TAGS + AFTER


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "head"])
async def test_the_method_does_not_matter(method: str, rf: RequestFactory) -> None:
    received = await through(html(), getattr(rf, method)("/"))
    assert await body_of(received) == BEFORE + TAGS + AFTER


async def test_headers_follow_the_new_bytes() -> None:
    outdated = ("ETag", "Content-MD5", "Digest", "Content-Digest", "Repr-Digest", "Accept-Ranges")
    sent = html(Content_Length=str(len(PAGE)), Cache_Control="max-age=60", Vary="Accept")
    for name in outdated:
        sent.headers[name] = "x"
    received = await through(sent)
    assert dict(received.items()) == {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Length": str(len(PAGE) + len(TAGS)),
        "Cache-Control": "max-age=60",
        "Vary": "Accept",
    }


async def test_a_length_is_not_invented() -> None:
    assert "Content-Length" not in (await through(html())).headers


async def test_the_middleware_is_harmless_twice() -> None:
    received = await through(await through(html()))
    assert await body_of(received) == BEFORE + TAGS + AFTER


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
    settings.ROOT_URLCONF = "tests.empty_urls"
    assert await body_of(await through(html())) == PAGE
    assert len(caplog.records) == 1


async def test_a_template_that_is_not_rendered_is_left_to_whoever_renders_it(
    rf: RequestFactory, caplog: pytest.LogCaptureFixture
) -> None:
    request = rf.get("/")
    template = engines["django"].from_string("<body></body>")
    response = TemplateResponse(request, template)  # type: ignore[arg-type]
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
