"""The fast path is used only for URLs that certainly resolve to the view of toasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import wraps
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path, register_converter
from django.urls.converters import IntConverter
from django.views.decorators.csrf import csrf_exempt

from tests.support.asgi_connections import Connection, django_calls, make_application
from tests.support.checks import urlconf
from tests.support.logins import ALL_MIDDLEWARE, AUTHENTICATION, SESSION, sign_in
from toasts import feeds
from toasts.asgi.routes import leads_to_stream, stream_addresses
from toasts.views import stream

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


@pytest.fixture
def key(alice: User) -> str:
    return sign_in(alice)


@wraps(stream)
async def guarded(request: HttpRequest) -> Any:
    return HttpResponse("not allowed", status=403) if "HTTP_X" not in request.META else None


def other(request: HttpRequest) -> HttpResponse:
    return HttpResponse("other", status=403)


@pytest.mark.parametrize("view", [guarded, other], ids=["wrapped", "replaced"])
async def test_a_view_that_the_site_wraps_or_replaces_decides(key: str, view: Any) -> None:
    patterns = [path("toasts/stream/", view), path("toasts/", include("toasts.urls"))]
    with override_settings(ROOT_URLCONF=urlconf(patterns)):
        application = make_application()
        request = Connection(application, key).start()
        await request.done()
    assert (request.status, django_calls(application)) == (403, 1)


@pytest.mark.parametrize(
    ("patterns", "changes", "addresses"),
    [
        ([path("toasts/", include("toasts.urls"))], {}, {"/toasts/stream/": True}),
        ([path("töast s/", include("toasts.urls"))], {}, {"/töast s/stream/": True}),
        ([], {}, {}),
        ([path("<slug:tenant>/", include("toasts.urls"))], {}, {}),
        (
            i18n_patterns(path("toasts/", include("toasts.urls"))),
            {"MIDDLEWARE": ALL_MIDDLEWARE},
            {"/de/toasts/stream/": True, "/en/toasts/stream/": True},
        ),
        (
            i18n_patterns(path("toasts/", include("toasts.urls"))),
            {"MIDDLEWARE": [SESSION, AUTHENTICATION]},
            {"/en/toasts/stream/": True},
        ),
        (
            i18n_patterns(path("toasts/", include("toasts.urls")), prefix_default_language=False),
            {"MIDDLEWARE": ALL_MIDDLEWARE},
            {"/de/toasts/stream/": True, "/toasts/stream/": False},
        ),
    ],
    ids=["plain", "quoted", "none", "with a parameter", "languages", "one language", "one bare"],
)
def test_the_stream_addresses_are_those_of_the_urlconf(
    patterns: list[Any], changes: dict[str, Any], addresses: dict[str, bool]
) -> None:
    languages = [("de", "German"), ("en", "English")]
    with override_settings(
        ROOT_URLCONF=urlconf(patterns), LANGUAGES=languages, LANGUAGE_CODE="en", **changes
    ):
        assert stream_addresses() == addresses


class Guests(feeds.Feed):
    """A feed for everybody."""

    name = "guests"

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return "all"

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        return {}


class Broken(IntConverter):
    def to_python(self, value: str) -> int:
        raise RuntimeError("on purpose")


register_converter(Broken, "broken")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/toasts/stream/", True),
        ("/toasts/poll/", False),
        ("/de/guests/", True),
        ("/en/guests/", True),
        ("/guests/", False),
        ("/fr/guests/", False),
        ("/exempt/", True),
        ("/guarded/", True),
        ("/other/", False),
        ("/broken/1/", False),
        ("/none/", False),
        ("none", False),
        ("", False),
        ("/\ud800\0/", False),
    ],
)
def test_an_address_leads_to_a_stream_if_its_view_serves_them(address: str, expected: bool) -> None:
    view = Guests.as_view()
    patterns = [
        path("toasts/", include("toasts.urls")),
        path("exempt/", csrf_exempt(view)),
        path("guarded/", guarded),
        path("other/", other),
        path("broken/<broken:number>/", view),
        *i18n_patterns(path("guests/", view)),
    ]
    languages = [("de", "German"), ("en", "English")]
    with override_settings(
        ROOT_URLCONF=urlconf(patterns), LANGUAGES=languages, LANGUAGE_CODE="en",
        MIDDLEWARE=ALL_MIDDLEWARE,
    ):  # fmt: skip
        assert leads_to_stream(address) is expected
