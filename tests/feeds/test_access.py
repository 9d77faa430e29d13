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


def authorized(topic: Any) -> Access:
    feed = Choice()
    feed.chosen = topic
    return authorize(feed, guest_request(), {})


@pytest.mark.parametrize("topic", ["", "all", "user:7", "x" * 200])
def test_a_guest_gets_the_topic_without_a_grant(topic: str) -> None:
    assert authorized(topic) == (None, topic, "")


def test_a_topic_of_none_is_refused() -> None:
    with pytest.raises(PermissionDenied):
        authorized(None)


@pytest.mark.parametrize("topic", ["x" * 201, "*", 7, True, b"all", ["all"]])
def test_anything_else_is_an_error_that_names_the_feed_and_the_value(topic: Any) -> None:
    with pytest.raises(
        ImproperlyConfigured, match="Feed 'choice': topic\\(\\) must return"
    ) as error:
        authorized(topic)
    assert repr(topic)[:300] in str(error.value)
