"""The checks as a whole, and those of site and options."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.handlers.asgi import ASGIHandler
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.urls import include, path

from tests.support.asgi import application
from tests.support.checks import ids, reported, urlconf
from toasts.checks import options, site
from toasts.conf import SETTINGS

ROOT = Path(__file__).parents[2]
RULES = {setting.name: setting.rule for setting in SETTINGS}


def test_for_a_site_without_mistakes_nothing_is_reported() -> None:
    assert run_checks(tags=["toasts"]) == []


def test_the_checks_are_django_system_checks(settings: Any) -> None:
    settings.ROOT_URLCONF = urlconf([])
    with pytest.raises(SystemCheckError, match=r"\(toasts\.E001\)"):
        call_command("check", tags=["toasts"])


def test_the_reference_lists_exactly_the_numbers_that_exist() -> None:
    source = "".join(file.read_text() for file in (ROOT / "toasts/checks").glob("*.py"))
    reference = (ROOT / "docs/reference/checks.md").read_text()
    numbers = set(re.findall(r'id="toasts\.([EW]\d{3})"', source))
    assert len(numbers) > 16
    assert set(re.findall(r"^\| `toasts\.([EW]\d{3})` \|", reference, re.MULTILINE)) == numbers


# E001


def test_missing_urls_are_an_error(settings: Any) -> None:
    settings.ROOT_URLCONF = urlconf([])
    assert reported(site.check_urls) == (
        "toasts.E001",
        "The URLs of toasts are not in ROOT_URLCONF: toasts:stream, toasts:poll,"
        " toasts:api-toast-list cannot be resolved.",
        'Add to its urlpatterns: path("toasts/", include("toasts.urls")).',
    )


def test_urls_under_another_path_and_namespace_are_found(settings: Any) -> None:
    settings.ROOT_URLCONF = urlconf([path("live/", include("toasts.urls", namespace="live"))])
    assert ids(site.check_urls) == []


# W005


def test_settings_without_asgi_are_reported(settings: Any) -> None:
    del settings.ASGI_APPLICATION
    number, message, hint = reported(site.check_asgi)
    assert number == "toasts.W005"
    assert "name no ASGI application and no ASGI server" in message
    assert "silence toasts.W005" in hint


def test_daphne_is_a_sign_of_asgi(settings: Any) -> None:
    del settings.ASGI_APPLICATION
    settings.INSTALLED_APPS = ["daphne", *settings.INSTALLED_APPS]
    assert ids(site.check_asgi) == []


# E011, W012


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "BROKER": [None, 1, b"auto"],
        "LISTEN_DSN": [None, {"host": "db"}],
        "REDIS_URL": [None, 6379],
        "CHANNEL": ["", "x" * 64, "é" * 32, "a\0b", None, 1],
        "MAX_ACTIVE": [0, -1, 1.5, "200", True, None],
        "HEARTBEAT": [0, -1, 56, "15", True, None, float("nan"), float("inf")],
        "RECONCILE": [0, "5", None, float("inf")],
        "SWEEP": [-1, "5", None],
        "ROTATE": [300, (300,), (600, 300), (0, 300), ("300", "600"), (1, 2, 3), None],
        "MAX_STREAMS_PER_USER": [0, "20", None],
        "PATIENCE": [0, "30", None],
        "MAX_ADMISSIONS": [0, 1.5, None],
        "HARMLESS_MIDDLEWARE": ["a.b.C", [None], None],
        "MAX_WAIT": [-1, "55", None],
        "TOKEN_AGE": [0, -1, 0.5, 300.0, "300", True, None],
        "ALLOW_SAME_SITE": ["False", 0, None],
        "INJECT": ["sometimes", "", None, 2],
    }.items(),
)
def test_a_value_that_cannot_be_used_is_an_error(
    settings: Any, name: str, values: list[Any]
) -> None:
    for value in values:
        setattr(settings, f"TOASTS_{name}", value)
        number, message, hint = reported(options.check_values)
        assert number == "toasts.E011"
        assert message.startswith(f"TOASTS_{name} must be {RULES[f'TOASTS_{name}'].wanted}; it is ")
        assert hint == f"Correct it, or remove TOASTS_{name}: then its default applies."


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHANNEL", "x" * 63),
        ("HEARTBEAT", 0.5),
        ("HEARTBEAT", 55),
        ("ROTATE", [300, 300.5]),
        ("MAX_WAIT", 0),
        ("TOKEN_AGE", 1),
        ("INJECT", "session"),
        ("INJECT", True),
        ("INJECT", False),
        ("ALLOW_SAME_SITE", True),
    ],
)
def test_a_value_at_the_limit_is_fine(settings: Any, name: str, value: Any) -> None:
    setattr(settings, f"TOASTS_{name}", value)
    assert ids(options.check_values) == []


@pytest.mark.parametrize("name", ["LISTEN_DSN", "REDIS_URL"])
def test_a_connection_string_is_not_printed(settings: Any, name: str) -> None:
    setattr(settings, f"TOASTS_{name}", b"scheme://toasts:secret@host/site")
    number, message, _ = reported(options.check_values)
    assert number == "toasts.E011"
    assert message.endswith("it is of type bytes.")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("TOASTS_HEARTBEET", "Did you mean TOASTS_HEARTBEAT?"),
        ("TOASTS_MAX_STREAM_PER_USER", "Did you mean TOASTS_MAX_STREAMS_PER_USER?"),
        ("TOASTS_QUUX", "Remove it."),
    ],
)
def test_an_unknown_setting_is_reported(settings: Any, name: str, hint: str) -> None:
    setattr(settings, name, 1)
    assert reported(options.check_names) == (
        "toasts.W012",
        f"{name} is not a setting of toasts, so it has no effect.",
        hint,
    )


# W013


def test_sessions_in_cookies_are_reported(settings: Any) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    number, message, hint = reported(site.check_sessions)
    assert number == "toasts.W013"
    assert "cannot revoke" in message
    assert "SESSION_ENGINE" in hint


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file"])
def test_sessions_on_the_server_are_fine(settings: Any, engine: str) -> None:
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    assert ids(site.check_sessions) == []


# W015


class Router:
    """As channels' ProtocolTypeRouter."""

    def __init__(self, **mapping: Any) -> None:
        self.application_mapping = mapping


PLAIN = ASGIHandler()
ROUTED = Router(http=PLAIN, websocket=None)
ROUTED_OURS = Router(http=application)
ONLY_SOCKETS = Router(websocket=None)


@pytest.mark.parametrize("name", ["PLAIN", "ROUTED"])
def test_djangos_own_handler_is_reported(settings: Any, name: str) -> None:
    settings.ASGI_APPLICATION = f"{__name__}.{name}"
    number, message, hint = reported(site.check_handler)
    assert number == "toasts.W015"
    assert message.startswith(f"{__name__}.{name} is Django's own handler")
    assert hint == "In that module: from toasts.asgi import get_asgi_application."


@pytest.mark.parametrize(
    "name",
    [
        "tests.support.asgi.application", "core.asgi.application", f"{__name__}.ROUTED_OURS",
        f"{__name__}.ONLY_SOCKETS", f"{__name__}.missing", "no.such.module", "dotless", "", None,
    ],
)  # fmt: skip
def test_for_any_other_application_nothing_is_reported(settings: Any, name: str | None) -> None:
    settings.ASGI_APPLICATION = name
    assert ids(site.check_handler) == []


def test_without_an_application_nothing_is_reported(settings: Any) -> None:
    del settings.ASGI_APPLICATION
    assert ids(site.check_handler) == []
