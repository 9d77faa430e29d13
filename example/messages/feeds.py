"""The feed of the messages, as JSON and as HTML."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html

from example.messages.models import Message
from toasts import feeds

NO_AUTHOR = "plain SQL"
"""Shown in place of a name for a message without an author."""


class Messages(feeds.ModelFeed):
    """The newest messages, for everybody who is signed in."""

    name = "messages"
    queryset = Message.objects.select_related("author").order_by("-pk")
    limit = 20

    def topic(self, request: HttpRequest, **kwargs: Any) -> str | None:
        return "all" if request.user.is_authenticated else None

    def row(self, instance: Message) -> dict[str, str]:
        author = instance.author.get_username() if instance.author else NO_AUTHOR
        return {
            "author": author,
            "text": instance.text,
            "time": f"{instance.sent_at:%H:%M:%S} UTC",
            "sent_at": instance.sent_at.isoformat(),
        }

    def render(self, key: Any, row: Any) -> str:
        if row is None:
            return format_html('<li id="message-{}" hx-swap-oob="delete"></li>', key)
        return format_html(
            '<li id="message-{}"><strong>{}</strong> <time datetime="{}">{}</time><p>{}</p></li>',
            key,
            row["author"],
            row["sent_at"],
            row["time"],
            row["text"],
        )
