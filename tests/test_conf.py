from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from toasts.conf import SETTINGS, Setting, Settings, conf

DEFAULTS: dict[str, Any] = {
    "broker": "auto",
    "listen_dsn": "",
    "redis_url": "",
    "channel": "toasts",
    "inject": "always",
    "max_active": 200,
    "heartbeat": 15.0,
    "reconcile": 5.0,
    "sweep": 25.0,
    "max_age": (300.0, 600.0),
    "write_timeout": 30.0,
    "max_streams_per_user": 100,
    "server_internals": True,
    "max_wait": 55.0,
    "token_age": 300,
    "allow_same_site": False,
    "admission_limit": 8,
    "transparent_middleware": (),
    "tenant": "auto",
}
ATTRIBUTES = {setting.name: name for name, setting in vars(Settings).items() if setting in SETTINGS}


@pytest.fixture
def unset(settings: Any) -> None:
    """A site that sets nothing."""
    for setting in SETTINGS:
        if hasattr(settings, setting.name):
            delattr(settings, setting.name)


@pytest.mark.usefixtures("unset")
@pytest.mark.parametrize("name", DEFAULTS)
def test_a_site_need_not_set_anything(name: str) -> None:
    assert getattr(conf, name) == DEFAULTS[name]
    assert type(getattr(conf, name)) is type(DEFAULTS[name])


def test_the_defaults_above_are_all_settings() -> None:
    assert list(ATTRIBUTES.values()) == list(DEFAULTS)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_has_a_name_a_description_and_a_rule_that_its_default_keeps(
    setting: Setting[Any],
) -> None:
    assert setting.name.startswith("TOASTS_")
    assert setting.about.endswith(".")
    assert setting.rule.holds(setting.default)


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
        ("PATIENCE", 10, 10.0),
        ("MAX_ADMISSIONS", 2, 2),
        ("HARMLESS_MIDDLEWARE", ["a.b.C"], ("a.b.C",)),
        ("MAX_STREAMS_PER_USER", 8, 8),
        ("MAX_WAIT", 30, 30.0),
        ("TENANT", "a.b.C", "a.b.C"),
        ("ALLOW_SAME_SITE", True, True),
        ("INJECT", "session", "session"),
        ("INJECT", True, "always"),
        ("INJECT", False, "never"),
    ],
)
def test_what_a_site_sets_is_read_when_it_is_used(name: str, given: Any, read: Any) -> None:
    attribute = ATTRIBUTES[f"TOASTS_{name}"]
    before = getattr(conf, attribute)
    with override_settings(**{f"TOASTS_{name}": given}):
        found = getattr(conf, attribute)
        assert found == read
        assert type(found) is type(read)
    assert getattr(conf, attribute) == before


@pytest.mark.parametrize(
    ("name", "given"),
    [("ROTATE", 300), ("ROTATE", (1, 2, 3)), ("HEARTBEAT", "soon"), ("MAX_ACTIVE", None)],
)
def test_a_setting_of_another_kind_is_an_error(name: str, given: Any) -> None:
    with (
        override_settings(**{f"TOASTS_{name}": given}),
        pytest.raises((TypeError, ValueError)),
    ):
        getattr(conf, ATTRIBUTES[f"TOASTS_{name}"])


def test_settings_of_django_s_own_are_read_when_they_are_used() -> None:
    with override_settings(
        USE_TZ=False, SESSION_ENGINE="some.engine", SESSION_COOKIE_NAME="biscuit"
    ):
        assert (conf.use_tz, conf.session_engine) == (False, "some.engine")
        assert conf.session_cookie_name == "biscuit"
