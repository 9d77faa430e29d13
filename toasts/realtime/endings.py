"""Streams that are ended by the name of their topic or owner, and those on their way meanwhile.

A right can end while a request for a stream is being answered: after the site has looked at it, and
before the stream is there. So an ending is remembered for a while, and applies to each stream whose
request had arrived before.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from hashlib import blake2b
from time import monotonic

from .registry import Registry
from .streams.subscription import Subscription

logger = logging.getLogger("toasts.realtime")

MEMORY = 120.0
"""Seconds for which an ending is remembered. No site takes longer to open a stream, and no signed
hint is valid for longer, even if the sender's clock is fast."""
NAMES_MAX = 10_000
"""Names that are remembered at a time. More of them count as an ending of everybody."""
AT_ONCE_MAX = 50
"""Streams that may reconnect at once. The clients of more of them spread over seconds."""


class Endings:
    """Ends streams by name.

    Args:
        registry: all subscriptions.
        take_signed: returns the names in a signed hint, or none if it is forged or old.
        end: ends a subscription, for a reason.
    """

    def __init__(
        self,
        registry: Registry,
        take_signed: Callable[[str], Sequence[str]],
        end: Callable[[Subscription, str], None],
    ) -> None:
        self._registry = registry
        self._take_signed = take_signed
        self._end = end
        self._hints: dict[bytes, float] = {}
        self._names: dict[str, float] = {}
        self._everybody = -math.inf

    def take(self, hint: str) -> None:
        """End the streams that a signed hint names.

        Each hint counts once. Anybody who may listen to hints could send one again.
        """
        digest = blake2b(hint.encode(), digest_size=16).digest()
        if digest not in self._hints and (names := self._take_signed(hint)):
            self._hints[digest] = monotonic()
            self._end_all(names)

    def _end_all(self, names: Sequence[str]) -> None:
        self._remember(names)
        found = [each for name in names for each in self._registry.find(name)]
        reason = "rotate" if len(found) <= AT_ONCE_MAX else "restart"
        for subscription in found:
            try:
                self._end(subscription, reason)
            except Exception:  # the others must end, too, and a hint counts once
                logger.exception("A stream of %s could not be ended.", subscription.topic)

    def _remember(self, names: Sequence[str]) -> None:
        now = monotonic()
        if len(self._names) + len(names) > NAMES_MAX:
            self._everybody = now
        else:
            self._names.update(dict.fromkeys(names, now))

    def apply_to(self, arrived: float, *names: str) -> bool:
        """Return whether streams of one of these names were ended after this request arrived.

        Args:
            arrived: when the request arrived, by `time.monotonic`.
            names: its topic, owner and impersonator.
        """
        if not self._names:
            return arrived <= self._everybody
        latest = max(self._names.get(name, -math.inf) for name in names)
        return arrived <= max(latest, self._everybody)

    def forget(self) -> None:
        """Forget the endings that are old."""
        if self._hints or self._names:
            oldest = monotonic() - MEMORY
            self._hints = {key: at for key, at in self._hints.items() if at > oldest}
            self._names = {name: at for name, at in self._names.items() if at > oldest}
