"""What the engine relies on in gunicorn's own ASGI worker."""

from __future__ import annotations

import inspect
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.asgi.websocket import WebSocketProtocol

from tests.realtime.servers.connections import Transport
from toasts.realtime.servers import PLAIN, server_of
from toasts.realtime.servers.gunicorn import GunicornAdapter
from toasts.realtime.streams.websocket import WebSocketSend


def send_of(connection: Any, namespace: str = "gunicorn.asgi.protocol", h2_conn: Any = None) -> Any:
    """A `send` like those within the methods of gunicorn's connection."""

    def over_http_1() -> Any:
        async def send(message: Any) -> None:
            connection_of_the_closure.transport.write(message)

        return send

    connection_of_the_closure = connection
    send = over_http_1()
    send.__module__ = namespace
    return send


def test_gunicorns_send_has_its_connection_in_its_closure() -> None:
    for method in (ASGIProtocol._handle_http_request, ASGIProtocol._handle_http2_request):
        [send] = [
            code for code in method.__code__.co_consts
            if inspect.iscode(code) and code.co_name == "send"
        ]  # fmt: skip
        assert "self" in send.co_freevars
        is_http_2 = method is ASGIProtocol._handle_http2_request
        assert ("h2_conn" in send.co_freevars) is is_http_2


def test_gunicorns_websocket_sends_by_a_method_of_its_protocol() -> None:
    protocol: Any = object.__new__(WebSocketProtocol)
    protocol.transport = Transport("abort")
    protocol.max_message_size = 16 * 1024 * 1024
    wrapper = WebSocketSend(protocol._send, server_of(protocol._send))
    server = server_of(wrapper)
    assert isinstance(server, GunicornAdapter)
    server.limit_messages(protocol._send, 1024)
    server.abort(wrapper)
    assert (protocol.transport.aborted, protocol.max_message_size) == (1, 1024)


def test_a_function_of_another_package_is_not_gunicorns() -> None:
    assert server_of(send_of(object(), "site.middleware")) is PLAIN
    assert server_of(send_of(object())) is PLAIN  # it has no `self`
