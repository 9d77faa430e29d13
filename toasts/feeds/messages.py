"""What pages send up a WebSocket, and what they are answered."""

from __future__ import annotations

import json
import logging
from typing import Any

from asgiref.sync import ThreadSensitiveContext, iscoroutinefunction, sync_to_async
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connections
from django.http import HttpRequest

from .events import encode
from .feed import Feed

logger = logging.getLogger("toasts")


async def answer_to(feed: Feed, request: HttpRequest, topic: str, text: str) -> str:
    """The envelope that answers a message ``{"data": ..., "ref": ...}``; it never raises.

    The event is ``reply``, or ``error`` with the reasons; it has the message's ``ref``.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return _envelope("error", {"detail": ["Not JSON."]})
    if not isinstance(message, dict) or "data" not in message:
        return _envelope("error", {"detail": ['Must be {"data": ...}.']})
    ref = message.get("ref")
    if ref is not None and type(ref) not in (str, int):
        return _envelope("error", {"detail": ["ref: must be a text or a whole number."]})
    try:
        return _envelope("reply", await _received(feed, request, topic, message["data"]), ref)
    except ValidationError as error:
        return _envelope("error", failure(error), ref)
    except PermissionDenied as error:
        return _envelope("error", {"detail": [str(error) or "You may not do this."]}, ref)
    except Exception:
        logger.exception("feed %r failed to take a message", feed.name)
        return _envelope("error", {"detail": ["It failed on the server."]}, ref)


def failure(error: ValidationError) -> dict[str, Any]:
    """Why something was not taken: messages by field, those about no field as ``detail``."""
    return error.message_dict if hasattr(error, "error_dict") else {"detail": error.messages}


async def _received(feed: Feed, request: HttpRequest, topic: str, data: Any) -> Any:
    receive: Any = feed.receive
    if iscoroutinefunction(receive):
        return await receive(request, topic, data)
    # As a request has it: a thread of its own, and connections that end with it.
    async with ThreadSensitiveContext():
        return await sync_to_async(_with_connections)(receive, request, topic, data)


def _with_connections(receive: Any, *arguments: Any) -> Any:
    try:
        return receive(*arguments)
    finally:
        connections.close_all()


def _envelope(event: str, data: Any, ref: Any = None) -> str:
    answer = {"event": event, "data": data}
    return encode(answer if ref is None else {**answer, "ref": ref})
