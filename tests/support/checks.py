"""What the tests of the system checks share."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from django.core.checks import CheckMessage

Check = Callable[..., list[CheckMessage]]


def told(check: Check) -> tuple[str, str, str]:
    """The number, message and hint of the one thing that `check` finds."""
    (message,) = check(None)
    return str(message.id), message.msg, str(message.hint)


def ids(check: Check) -> list[str | None]:
    return [message.id for message in check(None)]


def urlconf(urlpatterns: list[Any]) -> ModuleType:
    """A URLconf of these patterns, for ROOT_URLCONF."""
    module = ModuleType("urlconf_of_a_test")
    module.__dict__["urlpatterns"] = urlpatterns
    return module
