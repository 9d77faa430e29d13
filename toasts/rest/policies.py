"""What the API's views need, whatever the site's REST_FRAMEWORK settings are made for.

The site's settings are the site's: its own API may want tokens, versions in the URL, XML or other
errors. The pages' client has the browser's session, sends JSON and reads JSON.
"""

from __future__ import annotations

from typing import Any

from django.utils.cache import patch_cache_control
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.metadata import SimpleMetadata
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView, exception_handler

from .parsers import DepthLimitedJSONParser


class ClientPolicies(APIView):
    """A view for the pages' client, and for programs with the site's own credentials."""

    parser_classes = [DepthLimitedJSONParser, FormParser, MultiPartParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = DefaultContentNegotiation
    permission_classes = [IsAuthenticated]
    versioning_class = None
    metadata_class = SimpleMetadata

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Return the site's authentication, and the session as the stream and the poll know it.

        The session is first, because an authentication of the site may refuse what has no
        credentials for it. But credentials in a header win: they may be another user's.
        """
        authenticators = super().get_authenticators()
        if any(isinstance(each, SessionAuthentication) for each in authenticators):
            return authenticators
        request = getattr(self, "request", None)  # OpenAPI generators have none
        if request is not None and "Authorization" in request.headers:
            return [*authenticators, SessionAuthentication()]
        return [SessionAuthentication(), *authenticators]

    def get_authenticate_header(self, request: Request) -> str:
        """Return the challenge of the site's first authentication; "": the answer is 403.

        A page gets none, because its browser would ask the user for a password.
        """
        site = super().get_authenticators()
        if not site or "Sec-Fetch-Mode" in request.headers:
            return ""
        return site[0].authenticate_header(request) or ""

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the site's throttles for programs with its credentials.

        Pages have none: they must not use up what the site's API allows their users.
        """
        is_page = isinstance(self.request.successful_authenticator, SessionAuthentication)
        return [] if is_page else super().get_throttles()

    def get_renderers(self) -> list[BaseRenderer]:
        """Return JSON, and the browsable API where the site has it."""
        site = APIView.renderer_classes
        browsable = [each() for each in site if issubclass(each, BrowsableAPIRenderer)]
        return [*super().get_renderers(), *browsable]

    def get_exception_handler(self) -> Any:
        """Return that of REST framework: the client knows its errors."""
        return exception_handler

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Keep the answer out of caches: the next one may differ, or be another user's."""
        final = super().finalize_response(request, response, *args, **kwargs)
        patch_cache_control(final, no_store=True, private=True)
        return final
