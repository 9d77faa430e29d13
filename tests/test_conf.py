from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from toasts.conf import conf

DEFAULTS: dict[str, Any] = {
    "broker": "auto",
    "listen_dsn": "",
    "channel": "toasts",
    "max_active": 200,
    "heartbeat": 15.0,
    "reconcile": 5.0,
    "rotate": (300.0, 600.0),
    "max_streams_per_user": 20,
    "max_wait": 55.0,
    "allow_same_site": False,
    "inject": "always",
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_site_need_not_set_anything(name: str) -> None:
    assert getattr(conf, name) == DEFAULTS[name]
    assert type(getattr(conf, name)) is type(DEFAULTS[name])


@override_settings()
def test_rights_are_swept_within_half_a_minute(settings: Any) -> None:
    del settings.TOASTS_SWEEP
    assert conf.sweep <= 30


@pytest.mark.parametrize(
    ("name", "given", "read"),
    [
        ("BROKER", "local", "local"),
        ("LISTEN_DSN", "postgresql://direct/site", "postgresql://direct/site"),
        ("CHANNEL", "mine", "mine"),
        ("MAX_ACTIVE", 5, 5),
        ("HEARTBEAT", 20, 20.0),
        ("RECONCILE", 1, 1.0),
        ("SWEEP", 5, 5.0),
        ("ROTATE", [60, 120], (60.0, 120.0)),
        ("MAX_STREAMS_PER_USER", 8, 8),
        ("MAX_WAIT", 30, 30.0),
        ("ALLOW_SAME_SITE", True, True),
        ("INJECT", "session", "session"),
        ("INJECT", True, "always"),
        ("INJECT", False, "never"),
    ],
)
def test_what_a_site_sets_is_read_when_it_is_used(name: str, given: Any, read: Any) -> None:
    before = getattr(conf, name.lower())
    with override_settings(**{f"TOASTS_{name}": given}):
        found = getattr(conf, name.lower())
        assert found == read
        assert type(found) is type(read)
    assert getattr(conf, name.lower()) == before


@pytest.mark.parametrize(
    ("name", "given"),
    [("ROTATE", 300), ("ROTATE", (1, 2, 3)), ("HEARTBEAT", "soon"), ("MAX_ACTIVE", None)],
)
def test_a_setting_of_another_kind_is_an_error(name: str, given: Any) -> None:
    with (
        override_settings(**{f"TOASTS_{name}": given}),
        pytest.raises((TypeError, ValueError)),
    ):
        getattr(conf, name.lower())


def test_what_is_django_s_own_is_read_from_django() -> None:
    with override_settings(
        USE_TZ=False, SESSION_ENGINE="some.engine", SESSION_COOKIE_NAME="biscuit"
    ):
        assert (conf.use_tz, conf.session_engine) == (False, "some.engine")
        assert conf.session_cookie_name == "biscuit"
