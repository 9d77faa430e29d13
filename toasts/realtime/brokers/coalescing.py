"""Hints of many threads in few messages.

A process without a hub has nobody to leave a hint with: a shell or a worker may exit the next
moment. So whoever writes sends. But while one thread sends, what the others have to say gathers,
and the first of them waits to send all of it; the rest go on at once, and never send at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


class CoalescingPublisher:
    """Gathers what threads publish at the same time.

    Args:
        publish: sends hints; blocks.
    """

    def __init__(self, publish: Callable[[Sequence[str]], None]) -> None:
        self._publish = publish
        self._lock = threading.Lock()
        self._gathered: dict[str, None] = {}
        self._next: threading.Lock | None = None
        """Held by the thread that waits for its turn to send."""
        self._busy = False

    def publish(self, hints: Sequence[str]) -> None:
        """Have these hints sent, by this thread or by another one that is at it already.

        Raises:
            Exception: that of the sending, to the thread that did it.
        """
        with self._lock:
            self._gathered.update(dict.fromkeys(hints))
            if self._next is not None:
                return
            turn = threading.Lock()
            if self._busy:
                turn.acquire()
                self._next = turn
            self._busy = True
        try:
            turn.acquire()
            self._send()
        finally:
            self._pass_on(turn)

    def _send(self) -> None:
        with self._lock:
            hints, self._gathered = list(self._gathered), {}
        if hints:
            self._publish(hints)

    def _pass_on(self, turn: threading.Lock) -> None:
        with self._lock:
            successor, self._next = self._next, None
            if successor is turn:  # interrupted before its turn came
                return
            self._busy = successor is not None
        if successor is not None:
            successor.release()
