"""channels: server-sent events from an AsyncHttpConsumer, users from AuthMiddlewareStack.

Each stream is in the group of its user and in the group of all.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.asgi import get_asgi_application
from django.urls import path

django = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.exceptions import StopConsumer  # noqa: E402
from channels.generic.http import AsyncHttpConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

urlpatterns: list[Any] = []


class Stream(AsyncHttpConsumer):  # type: ignore[misc]
    async def http_request(self, message: dict[str, Any]) -> None:
        # The inherited method ends the response when the request is handled.
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.send_response(204, b"")
            raise StopConsumer
        self.groups = [f"user-{user.pk}", "all"]
        for group in self.groups:
            await self.channel_layer.group_add(group, self.channel_name)
        await self.send_headers(headers=[(b"content-type", b"text/event-stream")])
        await self.send_body(b"event: sync\ndata: {}\n\n", more_body=True)

    async def toast(self, message: dict[str, Any]) -> None:
        body = f"event: toast\ndata: {json.dumps(message['data'])}\n\n"
        await self.send_body(body.encode(), more_body=True)

    async def disconnect(self) -> None:
        for group in getattr(self, "groups", ()):
            await self.channel_layer.group_discard(group, self.channel_name)


class Publish(AsyncHttpConsumer):  # type: ignore[misc]
    async def handle(self, body: bytes) -> None:
        wanted = json.loads(body)
        group = "all" if wanted["to"] is None else f"user-{wanted['to']}"
        await self.channel_layer.group_send(group, {"type": "toast", "data": wanted["data"]})
        await self.send_response(204, b"")


routes = [
    path("stream/", AuthMiddlewareStack(Stream.as_asgi())),
    path("publish/", Publish.as_asgi()),
    path("toasts/poll/", django),  # type: ignore[arg-type]
]
application = ProtocolTypeRouter({"http": URLRouter(routes)})
