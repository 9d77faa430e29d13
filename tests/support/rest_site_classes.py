"""What a site may name in its REST_FRAMEWORK settings for its own API."""

from __future__ import annotations

from typing import Any, NoReturn

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response


class KeyAuthentication(BaseAuthentication):
    """Refuse whoever has no key: many a site's own class does not wait for the next one."""

    def authenticate(self, request: Request) -> NoReturn:
        raise AuthenticationFailed("No key.")


class LaxSessions(SessionAuthentication):
    """A site's own kind of session, without CSRF tokens."""

    def enforce_csrf(self, request: Request) -> None:
        """Accept the request."""


class NobodyMay(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return False


class OnlyYaml(BaseContentNegotiation):
    def select_parser(self, request: Request, parsers: Any) -> None:
        return None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        raise AssertionError("asked for YAML")


def wrapped(error: Exception, context: dict[str, Any]) -> Response:
    """Answer 200 to every error, as some sites' own clients want it."""
    return Response({"ok": False}, status=200)
