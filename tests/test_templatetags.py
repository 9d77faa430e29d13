from typing import Any

import pytest
from django.http import HttpResponse
from django.template import Context, Template
from django.test import RequestFactory

from tests.html_site import TAGS, with_nonce
from toasts.middleware import ToastMiddleware

TEMPLATE = "<body>{% load toasts %}{% toasts %}</body>"


def render(**context: Any) -> bytes:
    return Template(TEMPLATE).render(Context(context)).encode()


def test_the_tag_places_the_client() -> None:
    assert render() == b"<body>" + TAGS + b"</body>"
    assert render(request=None) == render()


def test_the_tag_takes_the_nonce_of_the_request(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.csp_nonce = "n1"
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
    assert response.content == render(csp_nonce=nonce or None)
