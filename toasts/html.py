"""The tags that load the browser client: one builder for the middleware and the template tag.

The tags are the same for every visitor who reads the same language: they hold no session, user,
token or toast. So a page with them may be cached, and it may be compressed, because it has no
secret that could leak (BREACH).
"""

from __future__ import annotations

import json
import re
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
from django.utils.translation.trans_real import catalog

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
    "region": "Notifications", "dismiss": "Dismiss: {text}",
    "summary": "{n} new notifications", "hint": "Press F6 to reach the notifications.",
    "more": "+{n} more", "less": "Show fewer", "clear": "Dismiss all",
    "info": "Info", "success": "Success", "warning": "Warning", "error": "Error",
}  # fmt: skip
"""The client's English texts by data attribute. A translation is looked up by the text."""

_HOTKEY = re.compile(r"(alt\+)?(ctrl\+)?(meta\+)?[A-Z][A-Za-z0-9]+")
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
"""The English texts of the bell and the inbox. A translation is looked up by the text."""


def snippet(
    nonce: str = "",
    *,
    position: str = "bottom-end",
    limit: int = 3,
    hotkey: str = "F6 alt+KeyT",
    labels: Mapping[str, str] | None = None,
) -> SafeString:
    """Return the client's ``<link>`` and ``<script>`` as ASCII.

    Args:
        nonce: The CSP nonce of both tags. Empty: none.
        position: Where the toasts are, one of POSITIONS.
        limit: How many toasts are visible at once. The others wait.
        hotkey: The keys that move the focus to the toasts and back, separated by spaces. Each is a
            KeyboardEvent.code, after ``alt+``, ``ctrl+`` and ``meta+`` in this order. Empty: none.
        labels: Texts by the English ones of TEXTS. The others are Django's translations into the
            current language.

    Raises:
        ValueError: The position is not one of POSITIONS, the limit is not a whole number above 0,
            the hotkey can never match, or a label is empty or not one of TEXTS. The static files
            storage raises it, too, for a file that its manifest does not have.
        NoReverseMatch: The URLs of toasts are not included (see check toasts.E001).
    """
    _check_place(position, limit)
    texts = _translated(tuple(TEXTS.values()), labels)
    if blank := [text for text, value in texts.items() if not value]:
        raise ValueError(f"labels: {blank[0]!r} needs a text.")
    link, script = _tags(
        # Not cached: a storage may sign its URLs with a time to live.
        static("toasts/toasts.css"), static("toasts/toasts.js"), *_urls(), *_csrf_names(),
        f"{conf.heartbeat:g}", position, str(limit), _checked_hotkey(hotkey),
        *map(texts.__getitem__, TEXTS.values()),
    )  # fmt: skip
    attribute = format_html(' nonce="{}"', nonce) if nonce else ""
    return _ascii(f"{link}{attribute}>{script}{attribute}></script>")


def _check_place(position: str, limit: int) -> None:
    if position not in POSITIONS:
        raise ValueError(f"position: must be one of {', '.join(POSITIONS)}, not {position!r}.")
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise ValueError(f"limit: must be a whole number, not {limit!r}.")
    if limit < 1:
        raise ValueError(f"limit: must be 1 or more, not {limit}.")


@lru_cache(maxsize=64)
def _checked_hotkey(hotkey: str) -> str:
    keys = (hotkey or "none").split()
    for key in keys:
        if key != "none" and not _HOTKEY.fullmatch(key):
            raise ValueError(f"hotkey: write alt+KeyT (KeyboardEvent.code), not {key!r}.")
    return " ".join(keys) or "none"


def inbox_snippet(
    element: str, labels: Mapping[str, str] | None = None, nonce: str = ""
) -> SafeString:
    """Return ``<toast-bell>`` or ``<toast-inbox>`` with the files that it needs, as ASCII.

    Args:
        element: ``toast-bell`` or ``toast-inbox``.
        labels: Texts by the English ones of INBOX_TEXTS. The others are Django's translations into
            the current language.
        nonce: The CSP nonce of the tags. Empty: none.

    Raises:
        ValueError: A label is not one of INBOX_TEXTS. The static files storage raises it, too, for
            a file that its manifest does not have.
    """
    texts = _translated(INBOX_TEXTS, labels)
    changed = {text: value for text, value in texts.items() if value != text}
    attribute = format_html(' nonce="{}"', nonce) if nonce else ""
    data = format_html(' data-labels="{}"', json.dumps(changed)) if changed else ""
    css, script = static("toasts/inbox.css"), static("toasts/inbox.js")
    return _ascii(format_html(_INBOX, css, attribute, script, attribute, element, data, element))


def nonce_of(request: HttpRequest | None) -> str:
    """Return the CSP nonce of this request, or "" where no middleware offers one.

    To read the nonce has an effect: Django (6.0 and later) and django-csp put it into the header
    only after it was read.

    Raises:
        csp.middleware.CSPNonceError: django-csp has already written its header (see check
            toasts.W004).
    """
    if request is None:
        return ""
    nonce: object = get_nonce(request)
    if nonce is None:
        nonce = getattr(request, "csp_nonce", None)
    # Not `if nonce`: Django's is lazy, and false until it is read.
    return "" if nonce is None else str(nonce)


def _translated(texts: tuple[str, ...], labels: Mapping[str, str] | None) -> dict[str, str]:
    """Return what stands for each of `texts`: its label, else Django's translation."""
    values = _in_catalog(catalog() if settings.USE_I18N else None, texts)
    if not labels:
        return values
    values = {**values, **labels}
    if unknown := [text for text in values if text not in texts]:
        raise ValueError(f"labels: {unknown[0]!r} is not one of: {str(texts)[1:-1]}.")
    return {text: str(value) for text, value in values.items()}


@lru_cache(maxsize=64)
def _in_catalog(catalog: object, texts: tuple[str, ...]) -> dict[str, str]:
    # The catalog is only the cache's key: gettext() takes the same one from the context. Django
    # makes another one when the language or a file of translations changes.
    return {text: gettext(text) for text in texts}


@lru_cache(maxsize=64)
def _tags(css: str, script: str, *attributes: str) -> tuple[SafeString, SafeString]:
    return format_html(_LINK, css), format_html(_SCRIPT + _TEXTS, script, *attributes)


def _urls() -> tuple[str, str, str]:
    # Everything that reverse() depends on. The resolver stands for its URLconf: Django makes
    # another resolver when ROOT_URLCONF changes or the URL caches are cleared.
    return _reversed(get_resolver(get_urlconf()), get_script_prefix(), get_language())


@lru_cache(maxsize=64)
def _reversed(resolver: URLResolver, prefix: str, language: str | None) -> tuple[str, str, str]:
    # The arguments are only the cache's key: reverse() reads the same values from the context.
    return reverse(STREAM), reverse(POLL), reverse(API)


def _csrf_names() -> tuple[str, str]:
    """Return the names of the CSRF cookie and header; "" for a cookie that scripts cannot read."""
    hidden = settings.CSRF_COOKIE_HTTPONLY or settings.CSRF_USE_SESSIONS
    return "" if hidden else settings.CSRF_COOKIE_NAME, csrf_header()


def csrf_header() -> str:
    """Return the name of the header for CSRF tokens, by settings.CSRF_HEADER_NAME."""
    if settings.CSRF_HEADER_NAME == "HTTP_X_CSRFTOKEN":
        return "X-CSRFToken"  # as Django's documentation spells it; servers do not mind case
    # A setting that is no header's name can never match, whatever the client sends.
    return HttpHeaders.parse_header_name(settings.CSRF_HEADER_NAME) or "X-CSRFToken"


def _ascii(html: str) -> SafeString:
    # Whatever the page's own encoding, these bytes mean the same in it.
    return mark_safe(html.encode("ascii", "xmlcharrefreplace").decode("ascii"))
