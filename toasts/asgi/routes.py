"""Routes: at which addresses a site has its stream of toasts, and its feeds."""

from __future__ import annotations

from urllib.parse import unquote

from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils import translation
from django.utils.module_loading import import_string

from ..conf import conf
from ..responses import serves_streams

LOCALE_MIDDLEWARE = "django.middleware.locale.LocaleMiddleware"


def stream_addresses() -> dict[str, bool]:
    """Return the paths of the stream below the site's root.

    A URLconf may wrap or replace the view, or translate its address. Then one language's address
    means nothing in another, and only Django can tell what a request leads to.

    Returns:
        By path, whether it leads to the stream view of toasts for certain.
    """
    languages = conf.languages if LOCALE_MIDDLEWARE in conf.middleware else ()
    found: dict[str, bool] = {}
    for code in languages or (translation.get_language(),):
        with translation.override(code):
            path = _stream_path()
        if path:
            found[path] = _is_stream_view(path, code)
    if len(found) > 1:
        return {path: ours and _names_a_language(path) for path, ours in found.items()}
    return found


def _stream_path() -> str:
    try:
        path = reverse("toasts:stream")
    except NoReverseMatch:  # a system check reports it
        return ""
    return "/" + unquote(path).removeprefix(get_script_prefix())


def _is_stream_view(path: str, code: str | None) -> bool:
    # Imported by name, because views may not be imported here. Compared by identity, because a
    # wrapper of the view has its name, too.
    view = import_string("toasts.views.stream")
    with translation.override(code):
        try:
            return resolve(path).func is view
        except Resolver404:  # the address has only the shape of another pattern
            return False


def _names_a_language(path: str) -> bool:
    return translation.get_language_from_path(path) is not None


def leads_to_stream(path: str) -> bool:
    """Return whether the view at an address serves streams: that of toasts, or a feed's.

    If middleware chooses another URLconf for the request, this can't be known before.

    Args:
        path: below the site's root.
    """
    uses_path = LOCALE_MIDDLEWARE in conf.middleware
    code = translation.get_language_from_path(path) if uses_path else None
    with translation.override(code or translation.get_language()):
        try:
            return serves_streams(resolve(path).func)
        except Exception:  # Resolver404, or what a converter of the site's own raises
            return False
