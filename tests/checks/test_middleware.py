"""The checks of MIDDLEWARE and of the Content-Security-Policy."""

from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.test.utils import override_script_prefix
from django.urls import include, path

from tests.support.checks import ids, reported, urlconf
from toasts.checks import csp, middleware
from toasts.middleware import ToastMiddleware

TOASTS = "toasts.middleware.ToastMiddleware"
WSGI = "toasts.middleware.WSGIToastMiddleware"
LOGIN = "django.contrib.auth.middleware.LoginRequiredMiddleware"
DJANGO_CSP = "csp.middleware.CSPMiddleware"
CSP = "django.middleware.csp.ContentSecurityPolicyMiddleware"


# W004


class OwnToastMiddlewareGZip(GZipMiddleware):
    """A site's own subclass counts as what it derives from."""


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        (CSP, "it writes the CSP header before the client's nonce is in it"),
        (DJANGO_CSP, "it writes the CSP header before the client's nonce is in it"),
        (
            "django.middleware.gzip.GZipMiddleware",
            "pages are compressed before the client can be added, so they don't get it",
        ),
        (
            "django.middleware.http.ConditionalGetMiddleware",
            "it makes the ETag of the page without the client",
        ),
        (
            "django.middleware.cache.UpdateCacheMiddleware",
            "it caches pages without the client",
        ),
        (
            f"{__name__}.OwnToastMiddlewareGZip",
            "pages are compressed before the client can be added, so they don't get it",
        ),
    ],
)
def test_the_wrong_order_of_middleware_is_reported(
    settings: Any, inside: str, message: str
) -> None:
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware", TOASTS, inside]
    assert reported(middleware.check_order) == (
        "toasts.W004",
        f"{TOASTS} stands above {inside} in MIDDLEWARE: {message}.",
        f"Move {TOASTS} below it, best to the end of MIDDLEWARE.",
    )
    settings.MIDDLEWARE = [inside, TOASTS]
    assert ids(middleware.check_order) == []
    settings.MIDDLEWARE = [inside]
    assert ids(middleware.check_order) == []


def test_each_middleware_in_the_wrong_place_is_reported(settings: Any) -> None:
    settings.MIDDLEWARE = (TOASTS, CSP, "tests.no.such", "django.middleware.gzip.GZipMiddleware")
    assert ids(middleware.check_order) == ["toasts.W004", "toasts.W004"]


# W017


class OwnToastMiddleware(ToastMiddleware):
    """A site's own, async only as what it derives from."""


@pytest.mark.parametrize("entry", [TOASTS, f"{__name__}.OwnToastMiddleware"])
def test_async_middleware_on_a_site_without_asgi_is_reported(settings: Any, entry: str) -> None:
    del settings.ASGI_APPLICATION
    settings.MIDDLEWARE = [entry]
    number, message, hint = reported(middleware.check_wsgi)
    assert number == "toasts.W017"
    assert message.startswith(f"{entry} is async only")
    assert "gunicorn -k gevent" in message
    assert WSGI in hint


def test_the_middleware_for_wsgi_is_accepted_without_asgi(settings: Any) -> None:
    del settings.ASGI_APPLICATION
    settings.MIDDLEWARE = [WSGI, LOGIN]
    assert ids(middleware.check_wsgi) == []


def test_async_middleware_is_accepted_where_the_settings_name_asgi(settings: Any) -> None:
    settings.MIDDLEWARE = [TOASTS]
    assert ids(middleware.check_wsgi) == []


# W006


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def other_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class OwnLoginMiddleware(LoginRequiredMiddleware):
    pass


class GlobalLoginRequiredMiddleware:
    pass


def login_required_middleware(get_response: Any) -> Any:
    return get_response


def with_views(stream: Any, poll: Any) -> ModuleType:
    names = [path("stream/", stream, name="stream"), path("poll/", poll, name="poll")]
    return urlconf([path("toasts/", include((names, "toasts")))])


@pytest.mark.parametrize("entry", [LOGIN, f"{__name__}.OwnLoginMiddleware"])
@pytest.mark.parametrize("prefix", ["/", "/site/"])
def test_djangos_login_middleware_lets_our_views_through(
    settings: Any, entry: str, prefix: str
) -> None:
    settings.MIDDLEWARE = [entry]
    with override_script_prefix(prefix):
        assert ids(middleware.check_login_required) == []


@pytest.mark.parametrize("entry", [LOGIN, f"{__name__}.OwnLoginMiddleware"])
@pytest.mark.parametrize("prefix", ["/", "/site/"])
def test_views_that_lost_their_mark_are_reported(settings: Any, entry: str, prefix: str) -> None:
    settings.MIDDLEWARE = [entry]
    settings.ROOT_URLCONF = with_views(stream=view, poll=login_not_required(other_view))
    with override_script_prefix(prefix):
        number, message, hint = reported(middleware.check_login_required)
    assert number == "toasts.W006"
    assert message.startswith(
        f"{entry} redirects the client of a signed-out visitor from toasts:stream "
    )
    assert "login_not_required" in hint


@pytest.mark.parametrize(
    "entry",
    [
        f"{__name__}.GlobalLoginRequiredMiddleware",
        f"{__name__}.login_required_middleware",
        "not_installed.middleware.LoginRequiredMiddleware",
    ],
)
def test_another_login_middleware_is_reported_as_a_possibility(settings: Any, entry: str) -> None:
    settings.MIDDLEWARE = [entry]
    number, message, hint = reported(middleware.check_login_required)
    assert (number, message) == (
        "toasts.W006",
        f"{entry} may redirect the client of a signed-out visitor to a login page.",
    )
    assert "silence toasts.W006" in hint


# W010
SELF, NONE, NONCE = "'self'", "'none'", "<CSP_NONCE_SENTINEL>"


@pytest.mark.parametrize(
    "policy",
    [
        {},
        None,
        {"default-src": [SELF]},
        {"default-src": SELF},
        {"default-src": {"*"}},
        {"default-src": ["https:"]},
        {"style-src": [SELF, "'strict-dynamic'"]},  # has a meaning for scripts only
        {"img-src": [NONE], "object-src": [NONE]},
        {"default-src": [NONE], "connect-src": [SELF], "script-src": [SELF], "style-src": (SELF,)},
        {
            "default-src": [NONE],
            "connect-src": [SELF],
            "script-src": [NONCE, "'strict-dynamic'"],
            "style-src": [NONCE],
        },
        {"default-src": [SELF], "connect-src": None, "upgrade-insecure-requests": True},
        {"default-src": [NONE], "script-src-elem": [SELF], "style-src-elem": [SELF]}
        | {"connect-src": [SELF], "script-src": [NONE], "style-src": [NONE]},
    ],
)
def test_a_policy_that_lets_the_client_work_is_fine(settings: Any, policy: Any) -> None:
    settings.MIDDLEWARE = [CSP, TOASTS]
    settings.SECURE_CSP = policy
    assert ids(csp.check_policy) == []


@pytest.mark.parametrize(
    ("policy", "governing", "missing", "need"),
    [
        ({"connect-src": ["https://api.example"]}, "connect-src", SELF, "connect-src"),
        ({"default-src": [SELF], "connect-src": [NONE]}, "connect-src", SELF, "connect-src"),
        (
            {"default-src": [NONE], "script-src": [SELF], "style-src": [SELF]},
            "default-src",
            SELF,
            "connect-src",
        ),
        ({"script-src": ["https://cdn.example"]}, "script-src", SELF, "script-src"),
        (
            {"script-src": [SELF, "'strict-dynamic'", "'sha256-x'"]},
            "script-src",
            "nonce (CSP.NONCE)",
            "script-src",
        ),
        ({"style-src-elem": ["'unsafe-inline'"]}, "style-src-elem", SELF, "style-src"),
    ],
)
def test_a_policy_that_blocks_the_client_is_reported(
    settings: Any, policy: dict[str, list[str]], governing: str, missing: str, need: str
) -> None:
    settings.MIDDLEWARE = [CSP, TOASTS]
    settings.SECURE_CSP = policy
    assert reported(csp.check_policy) == (
        "toasts.W010",
        f"SECURE_CSP blocks the client: its {governing} has no {missing}.",
        f"Add {missing} to its {need}.",
    )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("https://cdn.example", []),
        ("https://cdn.example/static/", []),
        ("*.example", []),
        ("https:", []),
        (SELF, ["toasts.W010"]),
        ("https://cdn.example.evil", ["toasts.W010"]),
    ],
)
def test_the_host_of_static_files_must_be_allowed(
    settings: Any, source: str, found: list[str]
) -> None:
    settings.MIDDLEWARE = [CSP, TOASTS]
    settings.STATIC_URL = "https://cdn.example/static/"
    settings.SECURE_CSP = {"script-src": [source]}
    assert ids(csp.check_policy) == found


def test_the_policy_of_django_csp_is_checked_too(settings: Any) -> None:
    class Nonce:
        def __repr__(self) -> str:
            return "csp.constants.NONCE"

    settings.MIDDLEWARE = [DJANGO_CSP, TOASTS]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"script-src": [Nonce()]}}
    assert ids(csp.check_policy) == []
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": [NONE]}}
    assert ids(csp.check_policy) == ["toasts.W010"] * 3


def test_a_policy_that_no_middleware_sends_is_not_checked(settings: Any) -> None:
    settings.SECURE_CSP = {"default-src": [NONE]}
    assert ids(csp.check_policy) == []
