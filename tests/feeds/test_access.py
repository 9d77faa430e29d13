"""Who may subscribe to which topic: what a feed's `topic` may return."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest
from django.test import RequestFactory

from toasts import feeds
from toasts.feeds.access import Access, authorize


class Choice(feeds.Feed):
    """Its topic is whatever the test chooses."""

    name = "choice"
    chosen: Any = None

    async def topic(self, request: HttpRequest, **kwargs: Any) -> Any:
        return self.chosen


def guest_request() -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    return request


async def authorized(topic: Any) -> Access:
    feed = Choice()
    feed.chosen = topic
    return await authorize(feed, guest_request(), {})


@pytest.mark.parametrize("topic", ["", "all", "user:7", "x" * 200])
async def test_a_guest_gets_the_topic_without_a_grant(topic: str) -> None:
    assert await authorized(topic) == (None, topic, "")


async def test_a_topic_of_none_is_refused() -> None:
    with pytest.raises(PermissionDenied):
        await authorized(None)


@pytest.mark.parametrize("topic", ["x" * 201, "*", 7, True, b"all", ["all"]])
async def test_anything_else_is_an_error_that_names_the_feed_and_the_value(topic: Any) -> None:
    with pytest.raises(
        ImproperlyConfigured, match="Feed 'choice': topic\\(\\) must return"
    ) as error:
        await authorized(topic)
    assert repr(topic)[:300] in str(error.value)
