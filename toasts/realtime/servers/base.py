"""What can be known of a server beyond ASGI, found by what its ``send`` is bound to.

ASGI has no word for a client that has stopped reading where ``send`` never waits (daphne), nor for
cutting it off. Where none of these is found - another server, a wrapper around ``send`` - streams
work all the same: what they lose is the bound on such a client, until they are rotated.
"""

from __future__ import annotations

import asyncio
from typing import Any

_TASKLESS = ("uvicorn", "daphne")


def consumer(send: Any) -> Any | None:
    """daphne's request, a Twisted IConsumer, which tells its producer when to pause.

    Its ``channel`` is None once the client has left: then it can't be asked anything.
    """
    for bound in getattr(send, "args", ()):
        if hasattr(bound, "registerProducer"):
            return bound
    return None


def holds_back(request: Any) -> bool | None:
    """Whether this request of daphne's has written more than its client reads.

    None: it has none that can be asked (a WebSocket, HTTP/2), and only a producer is told.
    """
    transport = getattr(request.channel, "transport", None)
    held: bool | None = getattr(transport, "producerPaused", None)
    return held


def is_own(send: Any) -> bool:
    """Whether this is uvicorn's or daphne's own, with nothing around it.

    Those never ask which task they run in, so they may be stepped in none.
    """
    owner = getattr(send, "__self__", None) or getattr(
        getattr(send, "func", None), "__self__", None
    )
    return type(owner).__module__.partition(".")[0] in _TASKLESS


def unbounded(receive: Any) -> asyncio.Queue[Any] | None:
    """daphne's queue of what a client has sent: it reads on, however little of it is taken.

    Other servers stop reading by themselves.
    """
    queue = getattr(receive, "__self__", None)
    return queue if isinstance(queue, asyncio.Queue) and queue.maxsize <= 0 else None


def abort(send: Any) -> None:
    """Drop the connection at once, with what it still has to send: nobody reads it."""
    request = consumer(send)
    owner = request if request is not None else getattr(send, "__self__", None)
    transport = getattr(owner, "transport", None)
    for name in ("abort", "abortConnection"):  # asyncio's and Twisted's
        cut = getattr(transport, name, None)
        if callable(cut):
            cut()
            return
