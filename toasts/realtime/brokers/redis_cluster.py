"""How a Redis Cluster is addressed: by the URL of its nodes, and by shards that share the hints."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

SHARDS = 16
"""Channels of a cluster, fixed: all processes of a site must agree on them."""
_CLUSTER = "+cluster"


def is_cluster(url: str) -> bool:
    return urlsplit(url).scheme.endswith(_CLUSTER)


class Address:
    """The URL of a cluster, taken apart.

    Args:
        url: as `ClusterBroker` takes it.

    Raises:
        ValueError: it is not the URL of a cluster.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._parts = parts._replace(scheme=parts.scheme.removesuffix(_CLUSTER))
        hosts = parts.netloc.rpartition("@")[2].split(",")
        places = [urlsplit(f"//{host}") for host in hosts]
        known = self._parts.scheme in ("redis", "rediss")
        if not known or not all(place.hostname for place in places):
            raise ValueError("the URL of a cluster is redis+cluster://host:port[,host:port ...]")
        self.nodes = [(str(place.hostname), place.port or 6379) for place in places]

    def url_of(self, host: str, port: int) -> str:
        """The URL of one of its nodes."""
        userinfo, at, _ = self._parts.netloc.rpartition("@")
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return self._parts._replace(netloc=f"{userinfo}{at}{place}").geturl()


def shard_of(hint: str) -> int:
    return zlib.crc32(hint.encode("utf-8", "backslashreplace")) % SHARDS


def by_shard(hints: Sequence[str]) -> dict[int, list[str]]:
    shards: dict[int, list[str]] = {}
    for hint in hints:
        shards.setdefault(shard_of(hint), []).append(hint)
    return shards


def one_for_each_shard(name: str) -> Collection[str]:
    """Texts that begin with this name, each of another shard."""
    # A hint's text chooses its shard: try texts until there is one for each.
    found: dict[int, str] = {}
    attempt = 0
    while len(found) < SHARDS:
        text = f"{name}-{attempt}"
        found.setdefault(shard_of(text), text)
        attempt += 1
    return list(found.values())
