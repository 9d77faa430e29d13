import re
from typing import Any

import django
import pytest
from django.conf.urls.i18n import i18n_patterns
from django.http import HttpRequest
from django.test.utils import override_script_prefix
from django.urls import NoReverseMatch, include, path, set_urlconf
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from django.utils.translation import override as override_language

from tests.support.checks import urlconf
from tests.support.html_site import TAGS, with_nonce
from tests.support.servers import ROOT
from toasts.html import TEXTS, nonce_of, snippet

PATTERNS = include("toasts.urls")


def test_the_snippet_is_exactly_these_tags() -> None:
    assert snippet().encode("ascii") == TAGS
    assert isinstance(snippet(), SafeString)


def test_the_tag_has_the_heartbeat_of_the_settings(settings: Any) -> None:
    settings.TOASTS_HEARTBEAT = 2.5
    assert ' data-heartbeat="2.5" ' in snippet()
    settings.TOASTS_HEARTBEAT = 15.0
    assert snippet().encode("ascii") == TAGS


def test_place_number_and_keys_are_the_sites_to_choose() -> None:
    tags = snippet(position="top-center", limit=5, hotkey="ctrl+KeyB")
    assert ' data-position="top-center" data-limit="5" data-hotkey="ctrl+KeyB" ' in tags
    assert ' data-hotkey="none" ' in snippet(hotkey="")  # an empty one is some keyboards' code


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"limit": "5"}, r"^limit: must be a whole number, not '5'\.$"),
        ({"limit": True}, r"^limit: must be a whole number, not True\.$"),
        ({"limit": 1.5}, r"^limit: must be a whole number, not 1\.5\.$"),
        ({"position": "left"}, "position: must be one of top-start, .*, not 'left'"),
        ({"limit": 0}, "limit: must be 1 or more, not 0"),
        ({"labels": {"Nope": "x"}}, r"^labels: 'Nope' is not one of: 'Notifications', 'Dis.*'\.$"),
        ({"labels": {"Success": ""}}, "labels: 'Success' needs a text"),
    ],
)
def test_options_that_the_client_cannot_follow_are_refused(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        snippet(**wrong)


@pytest.mark.parametrize(
    "key",
    ["Alt+T", "alt+T", "t", "shift+KeyT", "ctrl+alt+KeyT", "alt + KeyT", "ctrl+", "alt+key-t"],
)
def test_a_key_that_can_never_match_is_refused(key: str) -> None:
    with pytest.raises(
        ValueError, match=r"^hotkey: write alt\+KeyT \(KeyboardEvent\.code\), not '"
    ):
        snippet(hotkey=f"F6 {key}")
    with pytest.raises(ValueError, match=r"\(KeyboardEvent\.code\), not 'Alt\+T'\.$"):
        snippet(hotkey="Alt+T")


@pytest.mark.parametrize(
    ("hotkey", "sent"),
    [
        ("F6", "F6"),
        ("alt+ctrl+meta+Digit1  Escape ", "alt+ctrl+meta+Digit1 Escape"),
        ("none", "none"),
        (" ", "none"),
    ],
)
def test_keys_that_the_client_can_match_are_accepted(hotkey: str, sent: str) -> None:
    assert f' data-hotkey="{sent}" ' in snippet(hotkey=hotkey)


def test_the_texts_are_the_labels_else_djangos_translations() -> None:
    labels = {"Notifications": "Meldungen", "Error": gettext_lazy("No"), "Dismiss: {text}": "<i>"}
    with override_language("de"):
        tags = snippet(labels=labels)  # type: ignore[arg-type]
    assert ' data-region="Meldungen" data-dismiss="&lt;i&gt;" data-summary="{n} new ' in tags
    assert ' data-error="Nein">' in tags


def test_the_bar_under_the_stack_can_be_translated() -> None:
    labels = {"+{n} more": "+{n} weitere", "Show fewer": "Weniger", "Dismiss all": "Alle weg"}
    expected = ' data-more="+{n} weitere" data-less="Weniger" data-clear="Alle weg" '
    assert expected in snippet(labels=labels)


def test_every_text_that_the_client_has_by_itself_is_one_that_the_tag_can_change() -> None:
    config = (ROOT / "toasts" / "client" / "toasts" / "config.js").read_text()
    defaults = dict(re.findall(r'^  (\w+): "(.*)",$', config, re.MULTILINE))
    choices = {"position": "bottom-end", "limit": "3", "hotkey": "F6 alt+KeyT"}
    assert defaults == choices | TEXTS


def test_a_nonce_is_on_both_tags() -> None:
    assert snippet("abc123").encode("ascii") == with_nonce("abc123")


def test_a_nonce_cannot_break_out_of_its_attribute() -> None:
    assert snippet('"><i>').count(' nonce="&quot;&gt;&lt;i&gt;">') == 2


def test_the_urls_follow_the_script_prefix() -> None:
    assert snippet().encode() == TAGS  # remembered, but not for another prefix
    with override_script_prefix("/site/"):
        assert ' data-stream-url="/site/toasts/stream/" ' in snippet()
        assert ' data-poll-url="/site/toasts/poll/" ' in snippet()
        assert ' data-api-url="/site/toasts/api/toasts/" ' in snippet()
    assert snippet().encode() == TAGS


def test_the_urls_follow_the_urlconf_of_the_settings(settings: Any) -> None:
    assert snippet().encode() == TAGS
    settings.ROOT_URLCONF = urlconf([path("live/", PATTERNS)])
    assert ' data-stream-url="/live/stream/" ' in snippet()


def test_the_urls_follow_the_urlconf_of_the_request() -> None:
    assert snippet().encode() == TAGS
    set_urlconf(urlconf([path("tenant/", PATTERNS)]))  # type: ignore[arg-type]
    try:
        assert ' data-stream-url="/tenant/stream/" ' in snippet()
    finally:
        set_urlconf(None)


def test_the_urls_follow_the_language(settings: Any) -> None:
    settings.ROOT_URLCONF = urlconf(
        i18n_patterns(path("toasts/", PATTERNS), prefix_default_language=False)
    )
    settings.LANGUAGE_CODE = "en"
    for language, prefix in (("en", ""), ("de", "/de"), ("fr", "/fr")):
        with override_language(language):
            assert f' data-stream-url="{prefix}/toasts/stream/" ' in snippet()


def test_a_site_that_does_not_include_the_urls_gets_an_error(settings: Any) -> None:
    settings.ROOT_URLCONF = urlconf([])
    with pytest.raises(NoReverseMatch, match="toasts"):
        snippet()


def test_static_files_come_from_where_the_site_serves_them(settings: Any) -> None:
    assert snippet().encode() == TAGS
    settings.STATIC_URL = "https://cdn.example/s/"
    assert '<link rel="stylesheet" href="https://cdn.example/s/toasts/toasts.css" ' in snippet()
    assert '<script src="https://cdn.example/s/toasts/toasts.js" ' in snippet()


def test_static_files_are_named_by_the_manifest(settings: Any, tmp_path: Any) -> None:
    manifest = (
        '{"version": "1.1", "hash": "", "paths": {'
        '"toasts/toasts.css": "toasts/toasts.0a1b.css",'
        '"toasts/toasts.js": "toasts/toasts.2c3d.js"}}'
    )
    (tmp_path / "staticfiles.json").write_text(manifest)
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    assert ' href="/static/toasts/toasts.0a1b.css" ' in snippet()
    assert ' src="/static/toasts/toasts.2c3d.js" ' in snippet()


def test_the_tags_are_ascii_whatever_the_site_names_its_paths(settings: Any) -> None:
    settings.STATIC_URL = "/статика/"
    settings.CSRF_COOKIE_NAME = "jeton-é"
    assert snippet().isascii()
    assert ' data-csrf-cookie="jeton-&#233;" ' in snippet()


@pytest.mark.parametrize(
    ("meta_key", "header"),
    [
        ("HTTP_X_CSRFTOKEN", "X-CSRFToken"),
        ("HTTP_X_XSRF_TOKEN", "X-Xsrf-Token"),
        ("X_NEVER_A_HEADER", "X-CSRFToken"),
    ],
)
def test_the_csrf_header_is_the_settings(settings: Any, meta_key: str, header: str) -> None:
    settings.CSRF_HEADER_NAME = meta_key
    assert f' data-csrf-header="{header}" ' in snippet()


@pytest.mark.parametrize("hidden", ["CSRF_COOKIE_HTTPONLY", "CSRF_USE_SESSIONS"])
def test_a_csrf_cookie_that_scripts_cannot_read_has_no_name_in_the_tag(
    settings: Any, hidden: str
) -> None:
    setattr(settings, hidden, True)
    assert ' data-csrf-cookie="" data-csrf-header="X-CSRFToken" ' in snippet()


def test_a_request_without_csp_has_no_nonce() -> None:
    assert nonce_of(None) == ""
    assert nonce_of(HttpRequest()) == ""


def test_djangos_lazy_nonce_is_made_by_asking() -> None:
    request = HttpRequest()
    if django.VERSION >= (6, 0):
        from django.utils.csp import LazyNonce

        lazy = request._csp_nonce = LazyNonce()  # type: ignore[attr-defined]
        assert not lazy
        assert nonce_of(request) == str(lazy) != ""
    else:  # the private name of another version means nothing here
        request._csp_nonce = "of-something-else"  # type: ignore[attr-defined]
        assert nonce_of(request) == ""


def test_django_csps_nonce_counts_too() -> None:
    request = HttpRequest()
    request.csp_nonce = "from-django-csp"  # type: ignore[attr-defined]
    assert nonce_of(request) == "from-django-csp"


def test_a_nonce_that_is_false_until_it_is_read_is_read() -> None:
    class Lazy:
        def __bool__(self) -> bool:
            return False

        def __str__(self) -> str:
            return "lazy"

    request = HttpRequest()
    request.csp_nonce = Lazy()  # type: ignore[attr-defined]
    assert nonce_of(request) == "lazy"
