"""Helpers for the tests of the system checks."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from django.core.checks import CheckMessage

Check = Callable[..., list[CheckMessage]]


def reported(check: Check) -> tuple[str, str, str]:
    """Return the number, message and hint of the only problem that `check` reports."""
    (message,) = check(None)
    return str(message.id), message.msg, str(message.hint)


def ids(check: Check) -> list[str | None]:
    """Return the numbers of the problems that `check` reports."""
    return [message.id for message in check(None)]


def urlconf(urlpatterns: list[Any]) -> ModuleType:
    """Return a URLconf with these patterns, for ROOT_URLCONF."""
    module = ModuleType("urlconf_of_a_test")
    module.__dict__["urlpatterns"] = urlpatterns
    return module
