"""The tags that load the browser client: one builder for the middleware and the template tag.

What they say is the same for every visitor who reads the same language: no session, no user, no
token and no toast. So a page that bears them may be cached, and compressed without a secret to leak
(BREACH).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest
from django.http.request import HttpHeaders
from django.templatetags.static import static
from django.urls import get_resolver, get_script_prefix, get_urlconf, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext

try:
    from django.middleware.csp import get_nonce
except ImportError:  # Django 5.2

    def get_nonce(request: HttpRequest) -> LazyNonce | None:
        return None


from .conf import conf

if TYPE_CHECKING:
    from django.urls import URLResolver
    from django.utils.csp import LazyNonce

STREAM, POLL, API = "toasts:stream", "toasts:poll", "toasts:api-toast-list"

POSITIONS = tuple(
    f"{edge}-{side}" for edge in ("top", "bottom") for side in ("start", "center", "end")
)
TEXTS = {
    "region": "Notifications", "dismiss": "Dismiss: {text}", "summary": "{n} new notifications",
    "hint": "Press F6 to reach the notifications.",
    "info": "Info", "success": "Success", "warning": "Warning", "error": "Error",
}  # fmt: skip
"""What the toasts say in English, by the attribute; a translation is looked up by the text."""

_LINK = '<link rel="stylesheet" href="{}" data-toasts'
_SCRIPT = (
    '<script src="{}" defer data-toasts data-stream-url="{}" data-poll-url="{}"'
    ' data-api-url="{}" data-csrf-cookie="{}" data-csrf-header="{}" data-heartbeat="{}"'
    ' data-position="{}" data-limit="{}" data-hotkey="{}"'
)
_TEXTS = "".join(f' data-{name}="{{}}"' for name in TEXTS)
_INBOX = (
    '<link rel="stylesheet" href="{}" data-toasts-inbox{}>'
    '<script src="{}" defer data-toasts-inbox{}></script><{}{}></{}>'
)
INBOX_TEXTS = (
    "Inbox", "{n} unread", "Mark all as read", "Mark as read", "Show earlier", "Loading…",
    "Nothing here yet.", "Not loaded.", "Try again", "info", "success", "warning", "error",
)  # fmt: skip
"""What the bell and the inbox say in English; a translation is looked up by these."""


def snippet(
    nonce: str = "",
    *,
    position: str = "bottom-end",
    limit: int = 3,
    hotkey: str = "F6 alt+KeyT",
    labels: Mapping[str, str] | None = None,
) -> SafeString:
    """The ``<link>`` and ``<script>`` of the client, in ASCII, both with `nonce` if there is one.

    Args:
        position: where the toasts are, one of POSITIONS.
        limit: how many are visible at once; the others wait.
        hotkey: the keys that lead to the toasts and back, as words of KeyboardEvent.code, after
            ``alt+``, ``ctrl+``, ``meta+`` in this order. Empty: none.
        labels: texts by the English ones of TEXTS; the others are Django's translations into the
            current language.

    Raises ValueError for another position, a limit below 1 and a label that is empty or none of
    TEXTS; NoReverseMatch where the URLs of toasts are not included (see check toasts.E001), and
    what the static files storage raises (ValueError for a file missing from a manifest).
    """
    if position not in POSITIONS:
        raise ValueError(f"position: must be one of {', '.join(POSITIONS)}, not {position!r}.")
    if limit < 1:
        raise ValueError(f"limit: must be 1 or more, not {limit}.")
    said = _translated(tuple(TEXTS.values()), labels)
    if blank := [text for text, value in said.items() if not value]:
        raise ValueError(f"labels: {blank[0]!r} needs a text.")
    link, script = _tags(
        # Asked anew each time: a storage may sign its URLs with a time to live.
        static("toasts/toasts.css"), static("toasts/toasts.js"), *_urls(), *_csrf_names(),
        f"{conf.heartbeat:g}", position, str(limit), hotkey or "none",
        *(said[text] for text in TEXTS.values()),
    )  # fmt: skip
    attribute = format_html(' nonce="{}"', nonce) if nonce else ""
    return _ascii(f"{link}{attribute}>{script}{attribute}></script>")


def inbox_snippet(
    element: str, labels: Mapping[str, str] | None = None, nonce: str = ""
) -> SafeString:
    """``<toast-bell>`` or ``<toast-inbox>`` with the files that it needs, in ASCII.

    Its texts are those of `labels`, by the English ones, else Django's translations into the
    current language. Raises ValueError for a label that is none of INBOX_TEXTS, and what the static
    files storage raises.
    """
    told = {text: said for text, said in _translated(INBOX_TEXTS, labels).items() if said != text}
    attribute = format_html(' nonce="{}"', nonce) if nonce else ""
    spoken = format_html(' data-labels="{}"', json.dumps(told)) if told else ""
    css, script = static("toasts/inbox.css"), static("toasts/inbox.js")
    return _ascii(format_html(_INBOX, css, attribute, script, attribute, element, spoken, element))


def nonce_of(request: HttpRequest | None) -> str:
    """The CSP nonce of this request, or "" where no middleware offers one.

    Asking is not free of consequence: Django (6.0 and later) and django-csp put the nonce into the
    header only once it was asked for. Raises csp.middleware's CSPNonceError where django-csp has
    already written its header (see check toasts.W004).
    """
    if request is None:
        return ""
    nonce: object = get_nonce(request)
    if nonce is None:
        nonce = getattr(request, "csp_nonce", None)
    # Not its truth: Django's is lazy, and false until somebody reads it.
    return "" if nonce is None else str(nonce)


def _translated(texts: tuple[str, ...], labels: Mapping[str, str] | None) -> dict[str, str]:
    """Each of `texts` with what is said for it: by `labels`, else by Django's translation."""
    said = {text: gettext(text) for text in texts} | dict(labels or {})
    if unknown := said.keys() - set(texts):
        raise ValueError(f"labels: there is no text {sorted(unknown)}; there are {texts}.")
    return {text: str(value) for text, value in said.items()}


@lru_cache(maxsize=64)
def _tags(css: str, script: str, *attributes: str) -> tuple[SafeString, SafeString]:
    return format_html(_LINK, css), format_html(_SCRIPT + _TEXTS, script, *attributes)


def _urls() -> tuple[str, str, str]:
    # Everything that reverse() depends on. The resolver stands for its URLconf: Django makes
    # another one when ROOT_URLCONF changes or the URL caches are cleared.
    return _reversed(get_resolver(get_urlconf()), get_script_prefix(), get_language())


@lru_cache(maxsize=64)
def _reversed(resolver: URLResolver, prefix: str, language: str | None) -> tuple[str, str, str]:
    # The arguments are the key alone: reverse() reads the same from the current context.
    return reverse(STREAM), reverse(POLL), reverse(API)


def _csrf_names() -> tuple[str, str]:
    """The names of the CSRF cookie and header; no cookie's where scripts cannot read it."""
    hidden = settings.CSRF_COOKIE_HTTPONLY or settings.CSRF_USE_SESSIONS
    return "" if hidden else settings.CSRF_COOKIE_NAME, csrf_header()


def csrf_header() -> str:
    """The header that bears CSRF tokens, as settings.CSRF_HEADER_NAME has it."""
    if settings.CSRF_HEADER_NAME == "HTTP_X_CSRFTOKEN":
        return "X-CSRFToken"  # as Django's documentation spells it; servers do not mind case
    # What no header can be called never arrives, whatever is sent.
    return HttpHeaders.parse_header_name(settings.CSRF_HEADER_NAME) or "X-CSRFToken"


def _ascii(html: str) -> SafeString:
    # Whatever the page's own encoding, these bytes mean the same in it.
    return mark_safe(html.encode("ascii", "xmlcharrefreplace").decode("ascii"))
