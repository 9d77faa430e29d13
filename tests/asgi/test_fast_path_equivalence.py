"""The same request gets the same answer by the fast path and through the whole middleware."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from asgiref.sync import sync_to_async
from django.test import override_settings

from tests.conftest import until
from tests.support.asgi_connections import Connection, django_calls, make_application
from tests.support.request_states import CASES, REQUEST_CASES
from tests.support.session_states import CASES as SESSION_CASES
from tests.support.session_states import Case
from tests.support.stream_requests import RequestArguments, Site
from toasts.delivery import hubs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


@dataclass
class Answer:
    status: int | None
    cookies: dict[str, bool]
    """By name, whether the response deletes the cookie."""
    location: list[bytes]
    messages: list[str]


async def _answer(arguments: RequestArguments, fast: bool) -> tuple[Answer, bool]:
    """Return what the application answers, and whether it did so without Django."""
    app = make_application(fast)
    replaced = arguments.pop("scope_headers", None)
    request = Connection(app, **arguments)
    if replaced is not None:
        request.scope["headers"] = replaced
    request.start()
    await until(lambda: request.application.done() or "sync" in request.kinds())
    if not request.application.done():
        request.disconnect()
    await request.done()
    cookies = [value.decode() for value in request.header(b"set-cookie")]
    deleted = {text.partition("=")[0]: "Max-Age=0" in text for text in cookies}
    messages = request.messages() if request.status == 200 else []
    location = request.header(b"location")
    return Answer(request.status, deleted, location, messages), not django_calls(app)


def test_the_requests_are_of_every_kind() -> None:
    assert len(CASES) == len(SESSION_CASES) + len(REQUEST_CASES) >= 79


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_the_fast_path_answers_exactly_as_the_middleware_does(case: Case) -> None:
    with override_settings(**case.settings):
        arguments = await sync_to_async(case.arguments)(await sync_to_async(Site)())
        via_django, _ = await _answer(arguments, fast=False)
        await asyncio.gather(*(hub.stop() for hub in hubs._hubs.values()))
        arguments = await sync_to_async(case.arguments)(await sync_to_async(Site)())
        answer, was_fast = await _answer(arguments, fast=True)
    if not case.whose:
        answer.messages = via_django.messages = []
    assert answer == via_django
    assert was_fast is case.is_fast
    if case.status is not None:
        assert answer.status == case.status
    if case.whose and answer.status == 200 and arguments.get("method") != "HEAD":
        assert answer.messages == [f"for {case.whose}"]
