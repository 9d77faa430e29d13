"""Hands each hint that arrives to what it is for."""

from __future__ import annotations

from collections.abc import Iterable

from .endings import Endings
from .hints import PREFIX_WILDCARD, RECHECK_LATER_PREFIX, RECHECK_PREFIX, SIGNED_PREFIX
from .registry import Registry
from .revalidation import Revalidator
from .scheduler import Scheduler
from .sources import Source


class HintHandler:
    """Hands out hints.

    Args:
        source: knows which prefixes there are.
        registry: the topics of this process. Most hints are the name of one, or of one elsewhere.
        scheduler: gets the topics to read.
        revalidator: gets the names to recheck.
        endings: gets the signed hints.
    """

    def __init__(
        self,
        source: Source,
        registry: Registry,
        scheduler: Scheduler,
        revalidator: Revalidator,
        endings: Endings,
    ) -> None:
        self._source = source
        self._registry = registry
        self._scheduler = scheduler
        self._revalidator = revalidator
        self._endings = endings

    def handle(self, hints: Iterable[str]) -> None:
        """Take these hints. Forged ones cost no more than a read."""
        hints = list(hints)
        topics = list(filter(None, map(self._registry.topics.get, hints)))
        if topics:
            self._scheduler.add(topics)
        if len(topics) < len(hints):
            for hint in hints:
                if hint not in self._registry.topics:
                    self._handle_special(hint)

    def _handle_special(self, hint: str) -> None:
        if hint.startswith(SIGNED_PREFIX):
            self._endings.take(hint.removeprefix(SIGNED_PREFIX))
        elif hint.startswith(RECHECK_LATER_PREFIX):
            self._revalidator.recheck_later(hint.removeprefix(RECHECK_LATER_PREFIX))
        elif hint.startswith(RECHECK_PREFIX):
            self._revalidator.recheck(hint.removeprefix(RECHECK_PREFIX))
        elif hint.endswith(PREFIX_WILDCARD):
            prefix = hint.removesuffix(PREFIX_WILDCARD)
            if self._source.has_prefix(prefix):
                self._scheduler.add_prefix(prefix)
