"""Publishes the hints of many threads in few messages.

A process without a hub cannot leave a hint for later: a shell or a worker may exit the next moment.
So the thread that writes also publishes. While one thread publishes, the publisher collects the
hints of the others. The first of these threads waits, and then publishes all of them; the other
threads return at once. It waits for a second at most: each thread has a connection of its own, and
that of the other one may never answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

WAIT_MAX = 1.0
"""Seconds that a thread waits for another one to have published."""


class CoalescingPublisher:
    """Collects what threads publish at the same time.

    Args:
        publish: sends hints; it blocks.
    """

    def __init__(self, publish: Callable[[Sequence[str]], None]) -> None:
        self._publish = publish
        self._lock = threading.Lock()
        self._pending: dict[str, None] = {}
        self._waiting: threading.Lock | None = None
        """Held by the thread that waits until it can publish."""
        self._busy = False

    def publish(self, hints: Sequence[str]) -> None:
        """Have hints published, by this thread or by another one that waits to publish.

        Raises:
            Exception: publishing failed, in this thread.
        """
        with self._lock:
            self._pending.update(dict.fromkeys(hints))
            if self._waiting is not None:
                return
            turn = threading.Lock()
            if self._busy:
                turn.acquire()
                self._waiting = turn
            self._busy = True
        try:
            if not turn.acquire(timeout=WAIT_MAX):
                self._stop_waiting(turn)
            self._publish_pending()
        finally:
            self._release_next(turn)

    def _stop_waiting(self, turn: threading.Lock) -> None:
        with self._lock:  # what comes from now on is another thread's to publish
            if self._waiting is turn:
                self._waiting = None

    def _publish_pending(self) -> None:
        with self._lock:
            hints, self._pending = list(self._pending), {}
        if hints:
            self._publish(hints)

    def _release_next(self, turn: threading.Lock) -> None:
        with self._lock:
            successor, self._waiting = self._waiting, None
            if successor is turn:  # this thread was interrupted while it waited
                return
            self._busy = successor is not None
        if successor is not None:
            successor.release()
