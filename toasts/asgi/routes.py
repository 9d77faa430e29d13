"""At which addresses a site has its streams."""

from __future__ import annotations

from urllib.parse import unquote

from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils import translation
from django.utils.module_loading import import_string

from ..conf import conf

LOCALE = "django.middleware.locale.LocaleMiddleware"


def stream_addresses() -> dict[str, bool]:
    """The stream's paths below the site's root, and whether each is surely our own view.

    A URLconf may wrap or replace the view, or translate its address: then one language's address
    is nothing in another, and only the request's own way through Django tells.
    """
    languages = conf.languages if LOCALE in conf.middleware else ()
    found: dict[str, bool] = {}
    for code in languages or (translation.get_language(),):
        with translation.override(code):
            path = _address()
        if path:
            found[path] = _is_ours(path, code)
    if len(found) > 1:
        return {path: ours and _names_a_language(path) for path, ours in found.items()}
    return found


def _address() -> str:
    try:
        path = reverse("toasts:stream")
    except NoReverseMatch:  # a check says so
        return ""
    return "/" + unquote(path).removeprefix(get_script_prefix())


def _is_ours(path: str, code: str | None) -> bool:
    # By name, for this room lies below that of the views; by identity, as a wrapper of the view
    # has its name, too.
    ours = import_string("toasts.views.stream")
    with translation.override(code):
        try:
            return resolve(path).func is ours
        except Resolver404:  # the address matches another pattern's shape only
            return False


def _names_a_language(path: str) -> bool:
    return translation.get_language_from_path(path) is not None
