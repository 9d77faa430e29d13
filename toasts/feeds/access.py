"""Which topic of a feed a request may subscribe to, and with which grant."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from asgiref.sync import async_to_sync, iscoroutinefunction
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest

from ..auth.grants import Grant, request_grant
from ..conf import conf
from ..delivery import source
from ..realtime.hints import PREFIX_WILDCARD
from ..tenants import admitting_tenant
from .tokens import verify_token
from .topics import TOPIC_MAX

if TYPE_CHECKING:
    from .feed import Feed

_guest_numbers = itertools.count(1)


class Access(NamedTuple):
    """What a request may subscribe to."""

    grant: Grant | None
    """The grant, which may end while a stream is open. None: a guest's stream has none."""
    topic: str
    """What the feed itself calls the topic."""
    tenant: str
    """The tenant whose topic it is; empty: the site has none."""


def authorize(feed: Feed, request: HttpRequest, kwargs: Mapping[str, Any]) -> Access:
    """Return what the request may subscribe to. A token replaces ``request.user``.

    Args:
        feed: the feed, whose `topic` decides.
        request: the request, after the site's middleware.
        kwargs: what the URL pattern captured.

    Raises:
        PermissionDenied: the request may not subscribe, or its token is not valid.
        ImproperlyConfigured: `topic` returned something that is no topic.
    """
    grant = _grant_of(feed, request)  # before the topic is chosen: it sets request.user
    tenant = grant.tenant if grant is not None else admitting_tenant()
    choose_topic: Any = feed.topic
    if iscoroutinefunction(choose_topic):
        choose_topic = async_to_sync(choose_topic)
    topic = choose_topic(request, **kwargs)
    if topic is None:
        raise PermissionDenied
    if not isinstance(topic, str) or len(topic) > TOPIC_MAX or topic == PREFIX_WILDCARD:
        raise ImproperlyConfigured(
            f"Feed {feed.name!r}: topic() must return None or a text of at most {TOPIC_MAX}"
            f" characters, other than {PREFIX_WILDCARD!r}, not {topic!r:.300}."
        )
    return Access(grant, topic, tenant)


def _grant_of(feed: Feed, request: HttpRequest) -> Grant | None:
    text = request.GET.get("token") or _bearer_token(request)
    if not text:
        return request_grant(request)
    verified = verify_token(text, feed.name, conf.token_age)
    if verified is None:
        raise PermissionDenied("The token is invalid or has expired.")

    async def auser() -> Any:
        return verified.user

    request.user, request.auser = verified.user, auser
    return verified.grant


def owner_of(request: HttpRequest, grant: Grant | None) -> str:
    """Return for whom a stream is counted: for its user, or with the guests at its address.

    An address of IPv6 stands for its network of 64 bits, all of which one visitor has (RFC 6177).
    Where the server does not know the address, as behind a Unix socket, each guest counts alone.
    """
    if grant is not None:
        return source.owner_name(grant.user_id, grant.tenant)
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return f"guest:{next(_guest_numbers)}"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return f"guest:{int(address) >> 64:x}::/64"
    return f"guest:{getattr(address, 'ipv4_mapped', None) or address}"


def _bearer_token(request: HttpRequest) -> str:
    """Return the token of an Authorization header (RFC 6750, section 2.1), or an empty text."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""
