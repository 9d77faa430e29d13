"""What a site writes to have a live page: who may hear what, and what there is to hear."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .topics import topic_of


class Feed:
    """One kind of live page. A subclass sets `name`, and defines `topic` and `read`.

    One instance serves all requests, in several threads: it keeps nothing between calls.
    """

    name: ClassVar[str] = ""
    """1 to 50 of ``a-z 0-9 _ -``, a letter first; unlike that of any other feed of the site."""
    table: ClassVar[str] = ""
    """What events call the table that the rows are of; empty: they name none."""
    limit: int | None = None
    """How many rows of a topic `read` gives at most, if it gives the newest ones only: what leaves
    a topic that is full may be there still, and is not told as deleted."""

    # *args and **kwargs of Any: a subclass may then take just what its URL pattern captures.
    def topic(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Which of the feed's topics this request may hear. May be async; may query.

        Args:
            request: after the site's middleware; ``request.user`` may be anonymous.
            kwargs: what the URL pattern captured.

        Returns:
            The topic, a text of at most 200 characters of the feed's own choice; None: it may hear
            nothing, and is answered 403. So is one for which PermissionDenied is raised.
        """
        raise NotImplementedError

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        """What is in these topics now: for each one its rows by key, in the order of the page.

        Called in the engine's one reading thread, with all topics that may have changed: it should
        take few queries and little time. May query, is never async.

        Returns:
            By topic, rows by key. A key is a whole number or a text; a row is anything that
            DjangoJSONEncoder encodes, at most 256 KiB. A topic left out is empty.
        """
        raise NotImplementedError

    def receive(self, request: HttpRequest, topic: str, data: Any) -> Any:
        """Take what a page sends, over its WebSocket or by POST. May be async; may query.

        Args:
            request: the one that opened the WebSocket, or the POST. What may change while a
                WebSocket is open is better read anew than taken from it.
            topic: what `topic` returned for it.
            data: parsed JSON.

        Returns:
            The answer: anything that DjangoJSONEncoder encodes.

        Raises:
            ValidationError: the page is told why (400).
            PermissionDenied: the page is told so (403).
        """
        raise NotImplementedError

    def render(self, key: Any, row: Any) -> str:
        """A row as HTML, for pages that ask for ``?format=html``; must not query.

        Args:
            row: as parsed JSON; None: it is gone.
        """
        raise NotImplementedError

    @classmethod
    def as_view(cls) -> Callable[..., Coroutine[Any, Any, HttpResponseBase]]:
        """The view for a URL pattern: the stream, the WebSocket, the poll and the POST.

        Raises:
            ImproperlyConfigured: the class lacks something, or its name is taken.
        """
        from .views import make_view  # the engine behind it exists once Django is set up

        return make_view(cls._made())

    @classmethod
    def _made(cls) -> Feed:
        where = f"{cls.__module__}.{cls.__qualname__}"
        try:
            topic_of(cls.name, "")
        except ValueError as error:
            raise ImproperlyConfigured(f"{where}: set name. {error}") from None
        for needed in ("topic", "read"):
            if getattr(cls, needed) is getattr(Feed, needed):
                raise ImproperlyConfigured(f"{where}, feed {cls.name!r}: define {needed}().")
        return cls()

    def can(self, method: str) -> bool:
        """Whether the subclass defines this optional method."""
        return getattr(type(self), method) is not getattr(Feed, method)
