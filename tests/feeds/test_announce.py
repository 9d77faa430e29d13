"""Announcing what may have changed in a feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from django.db import transaction

from tests.support.feeds_site import Names
from toasts import feeds


class RecordingBroker:
    """Keeps the hints that are published."""

    name = "recording"
    hints: ClassVar[list[str]] = []

    def publish(self, hints: Sequence[str]) -> None:
        self.hints.extend(hints)


@pytest.fixture
def hints(settings: Any) -> list[str]:
    """The hints that are published while the test runs."""
    settings.TOASTS_BROKER = "tests.feeds.test_announce.RecordingBroker"
    RecordingBroker.hints = []
    return RecordingBroker.hints


@pytest.mark.django_db(transaction=True)
def test_an_announcement_names_the_topics_of_the_feed(hints: list[str]) -> None:
    feeds.announce(Names, "all", "user:7")
    feeds.announce("names", "all")
    assert hints == ["feed:names:all", "feed:names:user:7", "feed:names:all"]


@pytest.mark.django_db(transaction=True)
def test_an_announcement_without_topics_means_all_topics_of_the_feed(hints: list[str]) -> None:
    feeds.announce("names")
    assert hints == ["feed:names:*"]


@pytest.mark.django_db(transaction=True)
async def test_async_code_announces_with_the_same_arguments(hints: list[str]) -> None:
    await feeds.async_announce(Names, "all", using="default")
    assert hints == ["feed:names:all"]


@pytest.mark.django_db(transaction=True)
def test_an_announcement_waits_for_the_commit(hints: list[str]) -> None:
    with transaction.atomic():
        feeds.announce("names", "all")
        assert hints == []
    assert hints == ["feed:names:all"]


@pytest.mark.django_db(transaction=True)
def test_an_announcement_of_a_transaction_that_is_rolled_back_is_not_sent(hints: list[str]) -> None:
    with transaction.atomic():
        feeds.announce("names", "all")
        transaction.set_rollback(True)
    assert hints == []


@pytest.mark.parametrize("name", ["", "Names", "7names", "a:b", "a" * 51])
def test_a_name_that_no_feed_can_have_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=f"feed: {name!r} must be 1 to 50 of a-z 0-9 _ -"):
        feeds.announce(name)
