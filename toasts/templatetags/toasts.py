"""``{% load toasts %}``: the client, the bell and the inbox, for templates to place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.template import Context
from django.utils.safestring import SafeString

from toasts.html import inbox_snippet, nonce_of, snippet

register = template.Library()


@register.simple_tag(takes_context=True)
def toasts(context: Context, **options: Any) -> SafeString:
    """The tags that load the client, with the request's nonce; the middleware then adds none.

    `options` are those of toasts.html.snippet: `position`, `limit`, `hotkey` and `labels`.
    """
    return snippet(_nonce(context), **options)


@register.simple_tag(takes_context=True)
def toasts_bell(context: Context, labels: Mapping[str, str] | None = None) -> SafeString:
    """A bell with the number of unread toasts, which opens the inbox.

    `labels` are texts by the English ones (see toasts.html.INBOX_TEXTS); the others are Django's
    translations into the current language.
    """
    return inbox_snippet("toast-bell", labels, _nonce(context))


@register.simple_tag(takes_context=True)
def toasts_inbox(context: Context, labels: Mapping[str, str] | None = None) -> SafeString:
    """The inbox as a part of the page: unread and earlier toasts. `labels` as for the bell."""
    return inbox_snippet("toast-inbox", labels, _nonce(context))


def _nonce(context: Context) -> str:
    """The request's; where there is no request, or it has none, the context's ``csp_nonce``."""
    nonce = nonce_of(context.get("request"))
    given = None if nonce else context.get("csp_nonce")
    return nonce if given is None else str(given)
