"""Brokers for the tests. A test sets TOASTS_BROKER = "tests.support.brokers.X", as a site does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import ClassVar

from django.contrib.auth.models import User
from django.db import transaction

from toasts.delivery.source import PREFIX
from toasts.realtime.brokers.base import Broker, Publish, Wake
from toasts.realtime.brokers.local import LocalBroker
from toasts.realtime.hints import RECHECK_PREFIX


class Undo(Exception):
    """Rolls a transaction back."""


def topic(user: User) -> str:
    """Return the topic that is announced when this user has something new."""
    return f"user:{user.pk}"


class Recorder:
    """Records the users' topics that are announced, but no rechecks."""

    name = "recorder"
    sent: ClassVar[list[str]] = []

    def publish(self, hints: Sequence[str]) -> None:
        self.sent.extend(hint for hint in hints if hint.startswith(PREFIX))

    async def listen(self, wake: Wake, publish: Publish) -> None:
        wake(None)
        await asyncio.Event().wait()


class HintRecorder(Recorder):
    """Records all hints."""

    def publish(self, hints: Sequence[str]) -> None:
        self.sent.extend(hints)


class RecheckRecorder(Recorder):
    """Records the rechecks, and nothing else."""

    rechecks: ClassVar[list[str]] = []

    def publish(self, hints: Sequence[str]) -> None:
        self.rechecks.extend(hint for hint in hints if hint.startswith(RECHECK_PREFIX))


class Broken(Recorder):
    """Cannot publish."""

    name = "broken"

    def publish(self, hints: Sequence[str]) -> None:
        raise ConnectionError("the broker is down")


@contextlib.contextmanager
def rolled_back() -> Iterator[None]:
    with contextlib.suppress(Undo), transaction.atomic():
        yield
        raise Undo


class Cut:
    """Neither publishes nor listens."""

    name = "broken"

    def publish(self, hints: Sequence[str]) -> None:
        raise ConnectionError("cut")

    async def listen(self, wake: Wake, publish: Publish) -> None:
        raise ConnectionError("cut")


def no_broker() -> Broker:
    raise RuntimeError("no broker")


def own_broker() -> Broker:
    return LocalBroker()
