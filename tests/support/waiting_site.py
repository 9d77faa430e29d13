"""A site whose views wait, each until it is told to go on or that its client has left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from toasts import feeds

EVENTS: list[str] = []
"""What has begun and what was ended."""


async def wait(name: str) -> None:
    """Wait forever. The wait can only be cancelled."""
    EVENTS.append(f"{name} waits")
    try:
        await asyncio.Event().wait()
    finally:
        EVENTS.append(f"{name} ended")


class Quick(feeds.Feed):
    """A feed for everybody."""

    name = "quick"

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return "all"

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        return {}


class Hanging(Quick):
    """A feed that never decides who may subscribe."""

    name = "hanging"

    async def topic(self, request: HttpRequest, **kwargs: Any) -> str:  # type: ignore[override]
        await wait("topic")
        return "all"


async def view(request: HttpRequest) -> HttpResponse:
    await wait("view")
    return HttpResponse()


async def endless(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        EVENTS.append("endless waits")
        try:
            while True:
                yield b"part"
                await asyncio.sleep(0.01)
        finally:
            EVENTS.append("endless ended")

    return StreamingHttpResponse(parts())


urlpatterns = [
    path("quick/", Quick.as_view()),
    path("hanging/", csrf_exempt(Hanging.as_view())),
    path("view/", csrf_exempt(view)),
    path("endless/", endless),
    path("toasts/", include("toasts.urls")),
]
