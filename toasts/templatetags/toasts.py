"""``{% load toasts %}{% toasts %}``: the browser client, for templates that place it themselves."""

from __future__ import annotations

from django import template
from django.template import Context
from django.utils.safestring import SafeString

from toasts.html import nonce_of, snippet

register = template.Library()


@register.simple_tag(takes_context=True)
def toasts(context: Context) -> SafeString:
    """The tags that load the client, with the request's CSP nonce; the middleware then adds none.

    Where no request is in the context, or it has no nonce, the context's ``csp_nonce`` counts.
    """
    nonce = nonce_of(context.get("request"))
    given = None if nonce else context.get("csp_nonce")
    return snippet(nonce if given is None else str(given))
