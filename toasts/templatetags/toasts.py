"""``{% load toasts %}``: template tags that place the client, the bell and the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.template import Context, TemplateSyntaxError
from django.utils.safestring import SafeString

from toasts.html import inbox_snippet, nonce_of, snippet

register = template.Library()
OPTIONS = ("position", "limit", "hotkey", "labels")


@register.simple_tag(takes_context=True)
def toasts(context: Context, **options: Any) -> SafeString:
    """Place the tags that load the client, with the request's nonce. The middleware then adds none.

    Args:
        options: Those of toasts.html.snippet: `position`, `limit`, `hotkey` and `labels`.

    Raises:
        TemplateSyntaxError: an option has another name.
        ValueError: an option breaks its rule.
    """
    if unknown := [name for name in options if name not in OPTIONS]:
        raise TemplateSyntaxError(
            f"{{% toasts %}} has no option {unknown[0]!r}; its options: {', '.join(OPTIONS)}."
        )
    return snippet(_nonce(context), **options)


@register.simple_tag(takes_context=True)
def toasts_bell(context: Context, labels: Mapping[str, str] | None = None) -> SafeString:
    """Place a bell that shows the number of unread toasts and opens the inbox.

    Args:
        labels: Texts by the English ones of toasts.html.INBOX_TEXTS. The others are Django's
            translations into the current language.
    """
    return inbox_snippet("toast-bell", labels, _nonce(context))


@register.simple_tag(takes_context=True)
def toasts_inbox(context: Context, labels: Mapping[str, str] | None = None) -> SafeString:
    """Place the inbox in the page: unread and earlier toasts.

    Args:
        labels: As for the bell.
    """
    return inbox_snippet("toast-inbox", labels, _nonce(context))


def _nonce(context: Context) -> str:
    """Return the request's nonce, else the context's ``csp_nonce``."""
    nonce = nonce_of(context.get("request"))
    given = None if nonce else context.get("csp_nonce")
    return nonce if given is None else str(given)
