"""Requests for the stream that differ in what is around the session, such as host and method."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import SESSION_KEY

from tests.support.logins import ALL_MIDDLEWARE
from tests.support.session_states import CASES as SESSION_CASES
from tests.support.session_states import Case, fast, good, via_django
from tests.support.stream_requests import Prepare, RequestArguments, Site, with_host, with_session

WHOLE: dict[str, Any] = {"MIDDLEWARE": ALL_MIDDLEWARE}


def with_user_id(value: Any) -> Prepare:
    return lambda site: {"session": site.session(**{SESSION_KEY: value})}


def with_user_number(form: str) -> Prepare:
    """The user's own id, written otherwise."""
    return lambda site: {"session": site.session(**{SESSION_KEY: form.format(site.alice.pk)})}


def without_host(site: Site) -> RequestArguments:
    cookie = (b"cookie", f"sessionid={site.session()}".encode())
    return {"scope_headers": [cookie]}


def with_two_hosts(site: Site) -> RequestArguments:
    cookie = (b"cookie", f"sessionid={site.session()}".encode())
    return {"scope_headers": [(b"host", b"testserver"), (b"host", b"evil.example"), cookie]}


FORWARDED = with_session((b"x-forwarded-host", b"evil.example"))
EXEMPT: dict[str, Any] = {"SECURE_SSL_REDIRECT": True, "SECURE_REDIRECT_EXEMPT": ["^toasts/"]}
REQUEST_CASES: dict[str, Case] = {
    "a host with a port": fast(with_host(b"testserver:8000"), **WHOLE),
    "a host in capitals": fast(with_host(b"TESTSERVER"), ALLOWED_HOSTS=["testserver"], **WHOLE),
    "a host with a final dot": fast(with_host(b"good."), ALLOWED_HOSTS=["good"], **WHOLE),
    "a subdomain of an allowed host": fast(with_host(b"a.good"), ALLOWED_HOSTS=[".good"], **WHOLE),
    "a host of IPv6": fast(with_host(b"[::1]:80"), ALLOWED_HOSTS=["[::1]"], **WHOLE),
    "a host that is none": via_django(with_host(b"a b"), 400, **WHOLE),
    "a host with credentials": via_django(with_host(b"testserver@evil.example"), 400, **WHOLE),
    "an empty host": Case(with_host(b""), None, False, WHOLE),
    "no host": fast(without_host, **WHOLE),
    "two hosts": via_django(with_two_hosts, 400, ALLOWED_HOSTS=["testserver"], **WHOLE),
    "a forwarded host that nobody trusts": fast(FORWARDED, ALLOWED_HOSTS=["testserver"], **WHOLE),
    "a forwarded host that is not allowed": via_django(
        FORWARDED, 400, ALLOWED_HOSTS=["testserver"], USE_X_FORWARDED_HOST=True, **WHOLE
    ),
    "HTTP where only HTTPS is required elsewhere": via_django(good, **EXEMPT, **WHOLE),
    "HTTPS that a visitor claims": via_django(
        with_session((b"x-forwarded-proto", b"https")), 301, SECURE_SSL_REDIRECT=True, **WHOLE
    ),
    "HTTP that a proxy reports for HTTPS": via_django(
        with_session((b"x-forwarded-proto", b"http"), scheme="https"),
        301,
        SECURE_SSL_REDIRECT=True,
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        **WHOLE,
    ),
    "a method in small letters": via_django(with_session(method="get")),
    "PUT": via_django(with_session(method="PUT"), 403),
    "an unknown method": via_django(with_session(method="QUERY"), None),
    "an empty last_event_id": fast(with_session(query_string=b"last_event_id=")),
    "last_event_id twice": via_django(
        with_session(query_string=b"last_event_id=a&last_event_id=b")
    ),
    "last_event_id in percents": via_django(with_session(query_string=b"last_event_id=%61")),
    "a query of its name alone": via_django(with_session(query_string=b"last_event_id")),
    "two Last-Event-ID headers": via_django(
        with_session((b"last-event-id", b"a"), (b"last-event-id", b"b")), 400
    ),
    "a Last-Event-ID that is too long": via_django(
        with_session((b"last-event-id", b"a" * 65)), 400
    ),
    "an empty Authorization header": via_django(with_session((b"authorization", b""))),
    "Sec-Fetch-Site in capitals": via_django(
        with_session((b"sec-fetch-site", b"Same-Origin")), 403
    ),
    "an empty Sec-Fetch-Site": via_django(with_session((b"sec-fetch-site", b"")), 403),
    "compression": fast(with_session((b"accept-encoding", b"gzip, br")), **WHOLE),
    "a conditional request": fast(with_session((b"if-none-match", b"*")), **WHOLE),
    "a range": fast(with_session((b"range", b"bytes=0-1")), **WHOLE),
    "another language": fast(with_session((b"accept-language", b"de")), **WHOLE),
    "an unknown charset": fast(with_session((b"content-type", b"text/plain; charset=x")), **WHOLE),
    "a content length that is none": fast(with_session((b"content-length", b"x")), **WHOLE),
    "a user id of the wrong type": fast(with_user_number(" {} ")),
    "a user id that nobody has": via_django(with_user_id("0"), 204),
    "a user id that no column holds": via_django(with_user_id("9" * 30), None),
    "below a path with a final slash": Case(
        with_session(path="/app/toasts/stream/", root_path="/app/"), None, False, whose=""
    ),
    "at the path of another site": via_django(
        with_session(path="/other/toasts/stream/", root_path="/app"), 404
    ),
}
CASES = {**SESSION_CASES, **REQUEST_CASES}
