"""The class that a site writes for a live page: who may subscribe to what, and what is in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .topics import topic_of


class Feed:
    """One kind of live page. A subclass sets `name`, and defines `topic` and `read`.

    One instance serves all requests, in several threads. Don't keep anything in it between calls.
    """

    name: ClassVar[str] = ""
    """1 to 50 of ``a-z 0-9 _ -``, a letter first. Every feed of a site has its own."""
    table: ClassVar[str] = ""
    """The name that events give to the table of the rows. Empty: they don't name one."""
    limit: int | None = None
    """The number of rows of a topic that `read` returns at most, if it returns only the newest.

    A row that leaves a full topic may still exist, so no event calls it deleted.
    """

    # *args and **kwargs of Any: a subclass may then declare only what its URL pattern captures.
    def topic(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> str | Awaitable[str | None] | None:
        """Return the topic of this feed that the request may subscribe to.

        May be async. May query.

        Args:
            request: the request, after the site's middleware. ``request.user`` may be anonymous.
            kwargs: what the URL pattern captured.

        Returns:
            The topic: a text of the feed's own choice, of at most 200 characters. None if the
            request may not subscribe; the answer is then 403.

        Raises:
            PermissionDenied: the request may not subscribe. The answer is 403 with this reason.
        """
        raise NotImplementedError

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        """Return what is in these topics now.

        The engine calls it in its one reading thread, with all topics that may have changed. It
        should take few queries and little time. May query, but can't be async.

        Args:
            topics: topics that `topic` has returned.

        Returns:
            For each topic its rows by key, in the order of the page. A key is a whole number or a
            text. A row is anything that DjangoJSONEncoder encodes, at most 256 KiB as JSON. A
            topic that is left out is empty.
        """
        raise NotImplementedError

    def receive(self, request: HttpRequest, topic: str, data: Any) -> Any:
        """Handle a message that a page sends over its WebSocket or by POST, and return the answer.

        May be async. May query.

        Args:
            request: the request that opened the WebSocket, or the POST. Query again anything
                that may have changed since the WebSocket was opened.
            topic: what `topic` returned for this request.
            data: the parsed JSON.

        Returns:
            The answer: anything that DjangoJSONEncoder encodes.

        Raises:
            ValidationError: the message is refused, and the page gets the reasons (400).
            PermissionDenied: the user may not send this, and the page gets the reason (403).
        """
        raise NotImplementedError

    def render(self, key: Any, row: Any) -> str:
        """Return a row as HTML, for pages that ask for ``?format=html``. Must not query.

        Args:
            key: the row's key, as parsed JSON.
            row: the row, as parsed JSON. None if it was removed.
        """
        raise NotImplementedError

    @classmethod
    def as_view(cls) -> Callable[..., HttpResponseBase]:
        """Return the view for a URL pattern: the stream, the WebSocket, the poll and the POST.

        Raises:
            ImproperlyConfigured: the class lacks a required part, or another feed has its name.
        """
        # Not at the top: apps import their feeds before Django has loaded the models of the toasts.
        from .views import make_view

        return make_view(cls._create())

    @classmethod
    def _create(cls) -> Feed:
        """Return an instance of this class, if the class is complete."""
        dotted_path = f"{cls.__module__}.{cls.__qualname__}"
        try:
            topic_of(cls.name, "")
        except ValueError as error:
            raise ImproperlyConfigured(f"{dotted_path}: set name. {error}") from None
        for method in ("topic", "read"):
            if getattr(cls, method) is getattr(Feed, method):
                raise ImproperlyConfigured(f"{dotted_path}, feed {cls.name!r}: define {method}().")
        return cls()

    def can(self, method: str) -> bool:
        """Return whether the subclass defines this optional method.

        Args:
            method: ``"receive"`` or ``"render"``.
        """
        return getattr(type(self), method) is not getattr(Feed, method)
