import json
import re
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory
from django.utils.translation import gettext_lazy, override

from tests.support.html_site import TAGS, with_nonce
from tests.support.servers import ROOT
from toasts.html import INBOX_TEXTS
from toasts.middleware import ToastMiddleware
from toasts.validation import LEVELS

TEMPLATE = "<body>{% load toasts %}{% toasts %}</body>"


def render(**context: Any) -> bytes:
    return Template(TEMPLATE).render(Context(context)).encode()


def test_the_tag_places_the_client() -> None:
    assert render() == b"<body>" + TAGS + b"</body>"
    assert render(request=None) == render()


def test_the_tag_takes_the_nonce_of_the_request(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.csp_nonce = "n1"  # type: ignore[attr-defined]
    assert render(request=request) == b"<body>" + with_nonce("n1") + b"</body>"


def test_the_tag_takes_the_nonce_of_the_context(rf: RequestFactory) -> None:
    assert render(csp_nonce="n2") == b"<body>" + with_nonce("n2") + b"</body>"
    assert render(csp_nonce="n3", request=rf.get("/")) == (
        b"<body>" + with_nonce("n3") + b"</body>"
    )


def test_the_tag_reads_a_nonce_that_is_false_until_read() -> None:
    class Lazy:
        def __bool__(self) -> bool:
            return False

        def __str__(self) -> str:
            return "n4"

    assert render(csp_nonce=Lazy()) == b"<body>" + with_nonce("n4") + b"</body>"


@pytest.mark.parametrize("nonce", ["", "n5"])
async def test_the_middleware_adds_no_second_client(rf: RequestFactory, nonce: str) -> None:
    async def view(request: Any) -> HttpResponse:
        return HttpResponse(render(csp_nonce=nonce or None))

    response = await ToastMiddleware(view)(rf.get("/"))
    assert response.content == render(csp_nonce=nonce or None)  # type: ignore[attr-defined]


INBOX_FILES = (
    '<link rel="stylesheet" href="/static/toasts/inbox.css" data-toasts-inbox{nonce}>'
    '<script src="/static/toasts/inbox.js" defer data-toasts-inbox{nonce}></script>'
)


def place(tag: str, **context: Any) -> str:
    return Template("{% load toasts %}{% " + tag + " %}").render(Context(context))


def test_the_bell_and_the_inbox_come_with_their_files() -> None:
    files = INBOX_FILES.format(nonce="")
    assert place("toasts_bell") == f"{files}<toast-bell></toast-bell>"
    assert place("toasts_inbox") == f"{files}<toast-inbox></toast-inbox>"


def test_the_bell_and_the_inbox_take_the_nonce(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.csp_nonce = "n6"  # type: ignore[attr-defined]
    for tag in ("toasts_bell", "toasts_inbox"):
        assert place(tag, request=request).startswith(INBOX_FILES.format(nonce=' nonce="n6"'))


def test_the_labels_of_the_bell_are_given_or_translated_and_are_text() -> None:
    labels = {"Inbox": "<b>Fächer</b>", "Try again": gettext_lazy("Yes")}
    with override("de"):
        html = place("toasts_bell labels=labels", labels=labels)
    found = re.search('<toast-bell data-labels="([^"<>]*)">', html)
    assert found is not None
    assert html.isascii()
    assert json.loads(unescape(found[1])) == {"Inbox": "<b>Fächer</b>", "Try again": "Ja"}


def test_a_label_that_is_none_of_the_texts_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^labels: 'Inbocks' is not one of: 'Inbox', "):
        place("toasts_bell labels=labels", labels={"Inbocks": "Eingang"})


def test_an_unknown_option_is_refused_with_the_names_of_the_options() -> None:
    with pytest.raises(TemplateSyntaxError) as caught:
        place("toasts foo=1")
    assert str(caught.value) == (
        "{% toasts %} has no option 'foo'; its options: position, limit, hotkey, labels."
    )
    with pytest.raises(ValueError, match=r"^limit: must be a whole number, not '5'\.$"):
        place('toasts limit="5"')


async def test_the_middleware_adds_the_client_to_a_page_with_a_bell(rf: RequestFactory) -> None:
    async def view(request: Any) -> HttpResponse:
        return HttpResponse(f"<body>{place('toasts_bell')}</body>")

    response = await ToastMiddleware(view)(rf.get("/"))
    assert response.content == f"<body>{place('toasts_bell')}".encode() + TAGS + b"</body>"  # type: ignore[attr-defined]


def test_the_texts_that_can_be_translated_are_those_that_the_client_has() -> None:
    sources = (ROOT / "toasts" / "client" / "inbox").glob("*.js")
    call = re.compile(r'translate\("(.+?)"\)')
    used = {text for source in sources for text in call.findall(source.read_text())}
    assert used | set(LEVELS) == set(INBOX_TEXTS)
