"""Announcing what may have changed in a feed."""

from __future__ import annotations

import pytest
from django.db import transaction

from tests.support.feeds_site import Names
from toasts import feeds


@pytest.mark.django_db(transaction=True)
def test_an_announcement_names_the_topics_of_the_feed(all_hints: list[str]) -> None:
    feeds.announce(Names, "all", "user:7")
    feeds.announce("names", "all")
    assert all_hints == ["feed:names:all", "feed:names:user:7", "feed:names:all"]


@pytest.mark.django_db(transaction=True)
def test_an_announcement_without_topics_means_all_topics_of_the_feed(all_hints: list[str]) -> None:
    feeds.announce("names")
    assert all_hints == ["feed:names:*"]


@pytest.mark.django_db(transaction=True)
async def test_async_code_announces_with_the_same_arguments(all_hints: list[str]) -> None:
    await feeds.async_announce(Names, "all", using="default")
    assert all_hints == ["feed:names:all"]


@pytest.mark.django_db(transaction=True)
def test_without_autocommit_an_announcement_is_sent_at_once(all_hints: list[str]) -> None:
    transaction.set_autocommit(False)
    try:
        feeds.announce("names", "all")
        assert all_hints == ["feed:names:all"]
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


@pytest.mark.django_db(transaction=True)
def test_an_announcement_waits_for_the_commit(all_hints: list[str]) -> None:
    with transaction.atomic():
        feeds.announce("names", "all")
        assert all_hints == []
    assert all_hints == ["feed:names:all"]


@pytest.mark.django_db(transaction=True)
def test_an_announcement_of_a_transaction_that_is_rolled_back_is_not_sent(
    all_hints: list[str],
) -> None:
    with transaction.atomic():
        feeds.announce("names", "all")
        transaction.set_rollback(True)
    assert all_hints == []


@pytest.mark.parametrize("name", ["", "Names", "7names", "a:b", "a" * 51])
def test_a_name_that_no_feed_can_have_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=f"feed: {name!r} must be 1 to 50 of a-z 0-9 _ -"):
        feeds.announce(name)
