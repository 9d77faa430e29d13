"""For the tests of projects that use toasts."""

from __future__ import annotations

from .delivery import hubs

__all__ = ["stop_hubs"]


def stop_hubs() -> None:
    """Close the database connections that streams and polls of this process have opened.

    They close by themselves when the event loop ends that served the streams, as it does after
    each asynchronous test of Django's. Call this before a test database is dropped whose loop goes
    on: for a server in another thread, or a loop that all tests share. It waits for the end of the
    hubs' threads, for 15 s at most. The next stream starts a hub again.
    """
    hubs.stop_all()
