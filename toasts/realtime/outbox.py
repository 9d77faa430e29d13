"""Hints of many threads in few messages, each sent before its writer goes on.

A process without a hub has nobody to leave a hint with: a shell or a worker may exit the next
moment. So whoever writes sends; but while one thread sends, what the others have to say gathers,
and one of them then sends all of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence


class _Batch:
    __slots__ = ("error", "hints", "sent")

    def __init__(self) -> None:
        self.hints: dict[str, None] = {}
        self.sent = False
        self.error: Exception | None = None


class Outbox:
    """Gathers what threads publish at the same time.

    Args:
        publish: sends hints; blocks.
    """

    def __init__(self, publish: Callable[[Sequence[str]], None]) -> None:
        self._publish = publish
        self._turn = threading.Condition()
        self._forming = _Batch()
        self._busy = False

    def publish(self, hints: Sequence[str]) -> None:
        """Returns once these hints were sent, by this thread or along with another's.

        Raises:
            Exception: that of the sending that they were part of.
        """
        with self._turn:
            mine = self._forming
            mine.hints.update(dict.fromkeys(hints))
            while self._busy and not mine.sent:
                self._turn.wait()
            if not mine.sent:
                self._busy, self._forming = True, _Batch()
        if not mine.sent:
            self._send(mine)
        elif mine.error is not None:
            raise mine.error

    def _send(self, batch: _Batch) -> None:
        try:
            self._publish(list(batch.hints))
        except Exception as error:
            batch.error = error
            raise
        finally:
            with self._turn:
                batch.sent, self._busy = True, False
                self._turn.notify_all()
