"""Which responses the middleware changes, and how."""

import gzip
import io
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.http import (
    FileResponse,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from tests.support.html_site import (
    AFTER,
    BEFORE,
    PAGE,
    TAGS,
    body_of,
    chunks,
    html,
    through,
    typed,
    with_nonce,
)
from toasts.middleware import MAX_PAGE, TAIL, toasts_exempt


@pytest.fixture(autouse=True)
def _site(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.support.html_site"


def encoded(charset: str) -> HttpResponse:
    page = PAGE.decode().replace("\xe9", "e").encode(charset)
    return typed(f"text/html; charset={charset}", page)


def exempt() -> HttpResponse:
    return toasts_exempt(html)()


def closed() -> HttpResponse:
    response = html()
    response.close()
    return response


def without_type() -> HttpResponse:
    response = html()
    del response.headers["Content-Type"]
    return response


CLIENT_BY_HAND = b'<SCRIPT src="/mine.js" data-toasts></script>'

UNCHANGED: dict[str, Callable[[], HttpResponseBase]] = {
    # responses in parts
    "a stream": lambda: StreamingHttpResponse(iter([BEFORE, AFTER])),
    "an async stream": lambda: StreamingHttpResponse(chunks()),
    "a file": lambda: FileResponse(io.BytesIO(PAGE), content_type="text/html"),
    # responses that are not HTML pages
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
    # encoded pages, and downloads
    "gzip": lambda: html(gzip.compress(PAGE), Content_Encoding="gzip"),
    "an encoding on a page that is none": lambda: html(Content_Encoding="br"),
    "an attachment": lambda: html(Content_Disposition='attachment; filename="page.html"'),
    "an attachment in capitals": lambda: html(Content_Disposition="ATTACHMENT"),
    "an unknown disposition": lambda: html(Content_Disposition="form-data; name=page"),
    # statuses whose body is not shown, or not complete
    **{
        f"status {status}": partial(html, status=status)
        for status in (100, 101, 103, 204, 205, 206, 300, 301, 302, 303, 304, 307, 308)
    },
    "a redirect with a page": lambda: HttpResponseRedirect("/elsewhere/", content=PAGE),
    "a range": lambda: html(Content_Range="bytes 0-9/10"),
    # encodings in which the bytes of the tags would mean something else
    **{
        charset: partial(encoded, charset)
        for charset in (
            *("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"),
            *("iso-2022-jp", "hz", "cp037", "cp500"),
        )
    },
    "an unknown encoding": lambda: typed("text/html; charset=klingon"),
    "an encoding that is no text encoding": lambda: typed("text/html; charset=hex"),
    "UTF-16 labelled as UTF-8": lambda: typed(
        "text/html; charset=utf-8", "</body>".encode("utf-16")
    ),
    # pages without an end tag of the body at their end
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
    # pages that have the client, and exempt ones
    "a page with the client": lambda: html(BEFORE + TAGS + AFTER),
    "a page with the client and a nonce": lambda: html(BEFORE + with_nonce("x") + AFTER),
    "a page with the client placed by hand": lambda: html(BEFORE + CLIENT_BY_HAND + AFTER),
    "an exempt response": exempt,
    "a closed response": closed,
}


@pytest.mark.parametrize("kind", UNCHANGED)
async def test_a_response_is_not_changed_if_it_is(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    twin = UNCHANGED[kind]()
    sent = UNCHANGED[kind]()
    for response in (twin, sent):
        response.headers["ETag"] = '"of-these-bytes"'
        response.headers["Content-Length"] = "12345"
    received = await through(sent)
    assert received is sent
    assert dict(received.items()) == dict(twin.items())
    assert await body_of(received) == await body_of(twin)
    assert caplog.records == []


async def test_an_admin_popup_is_not_changed(rf: RequestFactory) -> None:
    sent = html(ETag='"1"')
    received = await through(sent, rf.get("/", query_params={"_to_field": "id", "_popup": "1"}))
    assert await body_of(received) == PAGE
    assert received.headers["ETag"] == '"1"'


INJECTED: dict[str, tuple[bytes, bytes]] = {
    "a page": (BEFORE, AFTER),
    "capitals": (b"<BODY>", b"</BODY></HTML>"),
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
    "a text about the client": (b"<p>data-toasts &lt;script data-toasts></p>", b"</body>"),
    "a style for the region": (b"<style>[data-toasts-region] {}</style>", b"</body>"),
    "a script for the region": (b'<script data-toasts-region="x"></script>', b"</body>"),
    "the end just within reach": (b"<body>", b"</body>" + b" " * (TAIL - 7)),
    "as much as is copied": (b" " * (MAX_PAGE - 7), b"</body>"),
}


@pytest.mark.parametrize("kind", INJECTED)
async def test_the_client_is_inserted_before_the_end_of_a_page_with(kind: str) -> None:
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
async def test_the_client_is_inserted_into_a_page_of_type(content_type: str) -> None:
    received = await through(typed(content_type, b"<body>\x8e\xa1\xc3</body>"))
    assert await body_of(received) == b"<body>\x8e\xa1\xc3" + TAGS + b"</body>"


@pytest.mark.parametrize(
    "status", [200, 201, 202, 203, 400, 401, 403, 404, 405, 410, 418, 422, 429, 500, 502, 503]
)
async def test_the_client_is_inserted_into_a_page_with_status(status: int) -> None:
    received = await through(html(status=status))
    assert received.status_code == status
    assert await body_of(received) == BEFORE + TAGS + AFTER


REQUESTS: dict[str, dict[str, str]] = {
    "a browser": {"Sec-Fetch-Dest": "document"},
    "a frame": {"Sec-Fetch-Dest": "iframe"},
    "fetch()": {"Sec-Fetch-Dest": "empty"},
    "jQuery": {"X-Requested-With": "XMLHttpRequest"},
    "an app's web view": {"X-Requested-With": "com.example.app"},
    "htmx": {"HX-Request": "true", "HX-Target": "main", "Sec-Fetch-Dest": "empty"},
    "htmx for the body": {"HX-Request": "true", "HX-Target": "body", "Sec-Fetch-Dest": "empty"},
    "htmx by a boosted link": {"HX-Request": "true", "HX-Boosted": "true"},
    "htmx for its history": {"HX-Request": "true", "HX-History-Restore-Request": "true"},
    "htmx 4": {"HX-Request": "true", "HX-Request-Type": "full", "Sec-Fetch-Dest": "empty"},
    "Turbo": {"X-Turbo-Request-Id": "7", "Sec-Fetch-Dest": "empty"},
    "Turbo for a frame": {"Turbo-Frame": "cart", "X-Turbo-Request-Id": "7"},
    "Unpoly": {"X-Up-Version": "3.12.0", "X-Up-Target": "body", "Sec-Fetch-Dest": "empty"},
    "swup": {"X-Requested-With": "swup", "Accept": "text/html, application/xhtml+xml"},
    "alpine-ajax": {"X-Alpine-Request": "true", "X-Requested-With": "XMLHttpRequest"},
    "PJAX": {"X-PJAX": "true", "X-PJAX-Container": "#main"},
    "a program that asks for JSON": {"Accept": "application/json"},
    "a client that asks for a range and gets the whole": {"Range": "bytes=0-99"},
}


@pytest.mark.parametrize("sender", REQUESTS)
async def test_a_whole_page_gets_the_client_whoever_requests_it(
    sender: str, rf: RequestFactory
) -> None:
    received = await through(html(), rf.get("/?next=1&no_popup=1", headers=REQUESTS[sender]))
    assert await body_of(received) == BEFORE + TAGS + AFTER
    assert "Vary" not in received.headers


@pytest.mark.parametrize(
    "headers",
    [{"Content-Encoding": "identity"}, {"Content-Disposition": "inline; filename=a.html"}],
)
async def test_headers_that_state_the_default_do_not_prevent_the_client(
    headers: dict[str, str],
) -> None:
    received = await through(HttpResponse(PAGE, headers=headers))
    assert await body_of(received) == BEFORE + TAGS + AFTER


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "head"])
async def test_the_method_does_not_matter(method: str, rf: RequestFactory) -> None:
    received = await through(html(), getattr(rf, method)("/"))
    assert await body_of(received) == BEFORE + TAGS + AFTER


async def test_headers_are_corrected_for_the_new_bytes() -> None:
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


async def test_no_length_is_added() -> None:
    assert "Content-Length" not in (await through(html())).headers


async def test_a_second_middleware_changes_nothing() -> None:
    received = await through(await through(html()))
    assert await body_of(received) == BEFORE + TAGS + AFTER
