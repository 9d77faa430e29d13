"""Checks of the TOASTS_* settings by themselves: E011, W012."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from ..conf import PREFIX, SETTINGS, Setting

NAMES = [setting.name.removeprefix(PREFIX) for setting in SETTINGS]


@register("toasts")
def check_values(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E011: a setting has a type or value that toasts cannot use."""
    return [
        Error(
            f"{setting.name} must be {setting.rule.wanted}; it is {_shown(setting)}.",
            hint=f"Correct it, or remove {setting.name}: then its default applies.",
            id="toasts.E011",
        )
        for setting in SETTINGS
        if _breaks_its_rule(setting)
    ]


def _breaks_its_rule(setting: Setting[Any]) -> bool:
    return not setting.rule.holds(getattr(settings, setting.name, setting.default))


def _shown(setting: Setting[Any]) -> str:
    """Return the value as text, or its type: checks are printed into logs, and may not leak."""
    value = getattr(settings, setting.name)
    return f"of type {type(value).__name__}" if setting.secret else repr(value)


@register("toasts")
def check_names(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """W012: a setting that nothing reads, most often because its name is misspelled."""
    return [
        Warning(
            f"{name} is not a setting of toasts, so it has no effect.",
            hint=_suggestion(name),
            id="toasts.W012",
        )
        for name in sorted(dir(settings))
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in NAMES
    ]


def _suggestion(name: str) -> str:
    close = get_close_matches(name.removeprefix(PREFIX), NAMES, n=1)
    return f"Did you mean {PREFIX}{close[0]}?" if close else "Remove it."
