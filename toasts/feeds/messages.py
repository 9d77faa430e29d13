"""What pages send to a feed, by POST or over a WebSocket, and how it is answered."""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from asgiref.sync import (
    ThreadSensitiveContext,
    async_to_sync,
    iscoroutinefunction,
    sync_to_async,
)
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse

from ..realtime.sse import UNCACHED
from ..responses import bad_request
from ..tenants import activated
from .events import encode_json

if TYPE_CHECKING:
    from .feed import Feed

logger = logging.getLogger("toasts")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
"""What a text has that may hold half of a surrogate pair."""
DEPTH_MAX = 100
"""How deeply a page's JSON may be nested."""


def answer_post(feed: Feed, request: HttpRequest, topic: str) -> HttpResponse:
    """Answer a POST with what the feed's `receive` returns.

    Raises:
        PermissionDenied: `receive` raised it.
    """
    if not feed.can("receive"):
        return HttpResponse(status=405, headers={**UNCACHED, "Allow": "GET, HEAD"})
    try:
        data = _load(request.body)
    except ValueError as error:
        return bad_request("detail", str(error))
    receive: Any = feed.receive
    if iscoroutinefunction(receive):
        receive = async_to_sync(receive)
    try:
        answer = receive(request, topic, data)
    except ValidationError as error:
        return JsonResponse(_errors(error), status=400, headers=UNCACHED)
    headers = {**UNCACHED, "Content-Type": "application/json"}
    return HttpResponse(encode_json(answer), headers=headers)


async def answer_message(
    feed: Feed, request: HttpRequest, topic: str, text: str, tenant: str = ""
) -> str:
    """Answer a message ``{"data": ..., "ref": ...}`` that came over a WebSocket. Never raises.

    Args:
        feed: the feed.
        request: the request that opened the WebSocket.
        topic: what the feed's `topic` returned for it.
        text: the message.
        tenant: the tenant of that request; empty: the site has none.

    Returns:
        An envelope with the event ``reply``, or ``error`` and the reasons; it repeats the ``ref``.
    """
    try:
        data, ref = _parse(text)
    except ValueError as error:
        return _envelope("error", {"detail": [str(error)]})
    try:
        return _envelope("reply", await _receive_in(tenant, feed, request, topic, data), ref)
    except ValidationError as error:
        return _envelope("error", _errors(error), ref)
    except PermissionDenied as error:
        return _envelope("error", {"detail": [str(error) or "You may not do this."]}, ref)
    except Exception:
        logger.exception("feed %r failed to take a message", feed.name)
        return _envelope("error", {"detail": ["It failed on the server."]}, ref)


def _parse(text: str) -> tuple[Any, str | int | None]:
    """Return a message's data and ref.

    Raises:
        ValueError: it is no such message. The error's text goes to the page.
    """
    message = _load(text)
    if not isinstance(message, dict) or "data" not in message:
        raise ValueError('Must be {"data": ...}.')
    ref = message.get("ref")
    if ref is not None and type(ref) not in (str, int):  # True is an int, too
        raise ValueError("ref: must be a text or a whole number.")
    return message["data"], ref


def _load(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is no JSON, is nested more than DEPTH_MAX deep, which may be too deep to be
            encoded again, or has half of a surrogate pair (RFC 8259, section 8.2): no database
            stores that. The error's text goes to the page.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text), "surrogatepass")
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("Not JSON.") from None
    if text.count("[") + text.count("{") > DEPTH_MAX and _is_deep(value):
        raise ValueError(f"Nested more than {DEPTH_MAX} deep.")
    if _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("Not Unicode: it has half of a surrogate pair.") from None
    return value


def _is_deep(value: Any) -> bool:
    """Return whether a value is nested more than DEPTH_MAX deep."""
    level = [value]
    for _ in range(DEPTH_MAX + 1):
        level = [one for one in level if isinstance(one, dict | list)]
        if not level:
            return False
        values = (one.values() if isinstance(one, dict) else one for one in level)
        level = list(itertools.chain.from_iterable(values))
    return True


def _errors(error: ValidationError) -> dict[str, Any]:
    """Return the reasons by field; those about no field are called ``detail``."""
    return error.message_dict if hasattr(error, "error_dict") else {"detail": error.messages}


async def _receive_in(tenant: str, *arguments: Any) -> Any:
    if not tenant:
        return await _receive(*arguments)
    # The middleware that chose the tenant ran for the handshake alone, in a thread that has ended.
    # An async `receive` queries in the thread of this context. sync_to_async brings the context
    # variables that were set there back.
    async with ThreadSensitiveContext():
        inside = activated(tenant)
        await sync_to_async(inside.__enter__)()
        try:
            return await _receive(*arguments)
        finally:
            await sync_to_async(_close_connections_after)(inside.__exit__, None, None, None)


async def _receive(feed: Feed, request: HttpRequest, topic: str, data: Any) -> Any:
    receive: Any = feed.receive
    if iscoroutinefunction(receive):
        return await receive(request, topic, data)
    # As in a request: the message has a thread of its own, and connections that end with it.
    async with ThreadSensitiveContext():
        return await sync_to_async(_close_connections_after)(receive, request, topic, data)


def _close_connections_after(receive: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return receive(*arguments)
    finally:
        connections.close_all()


def _envelope(event: str, data: Any, ref: str | int | None = None) -> str:
    answer = {"event": event, "data": data}
    return encode_json(answer if ref is None else {**answer, "ref": ref})
