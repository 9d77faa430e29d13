"""Reads the topics of tenants, each in the schema or the database of its tenant."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from time import monotonic
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import Model

from ..auth.grants import Grant
from ..db import fresh_connection
from ..models.toast import Toast
from ..realtime.slow_reader import SLOW
from ..realtime.sources import SourceRouter, TopicSource
from ..realtime.streams.subscription import State
from ..tenants import activated, home_database, missing_of, split_topic

Names = dict[str, dict[str, str]]
"""Topics by tenant and by their names without it."""
logger = logging.getLogger("toasts")
T = TypeVar("T")

UNREACHABLE_TIME = 30.0
"""Seconds in which rights are not checked in a database that could not be reached."""
CONNECTIONS_MAX = 10
"""How many databases of tenants the hub's thread stays connected to."""


class TenantRouter(SourceRouter):
    """A router whose topics may name a tenant, such as ``user@red:1``.

    The sources get the names without it, while the tenant is activated.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._failing: set[str] = set()
        self._unreachable: dict[str, float] = {}
        """Tenants whose database has failed only after `SLOW` seconds, and when."""

    def has_prefix(self, prefix: str) -> bool:
        """Ask the source that the prefix without its tenant chooses."""
        return super().has_prefix(split_topic(prefix)[1])

    def group_of(self, topic: str) -> str:
        """Return the group of the topic within its tenant: each may have a database."""
        tenant, name = split_topic(topic)
        group = super().group_of(name)
        return f"{tenant}/{group}" if tenant else group

    def _source_of(self, topic: str) -> TopicSource:
        return super()._source_of(split_topic(topic)[1])

    def read(self, topics: Sequence[str]) -> Mapping[str, State | None]:
        """Read the states of topics, tenant by tenant. None: the topic can't be read now."""
        toasts, others = Names(), Names()
        for topic in topics:
            tenant, name = split_topic(topic)
            names = toasts if name.startswith(self._prefix) else others
            names.setdefault(tenant, {})[name] = topic
        states: dict[str, State | None] = dict.fromkeys(topics)
        for names, model in ((toasts, Toast), (others, None)):
            if names:
                states.update(self._read(names, model))
        return states

    def _read(self, names: Names, model: type[Model] | None) -> Iterator[tuple[str, State | None]]:
        """Yield the states of the topics of those tenants that have the table of a model."""
        with fresh_connection():
            missing = missing_of(names, model)
        read = super().read
        jobs = {tenant: list(each) for tenant, each in names.items() if tenant not in missing}
        for tenant, states in self._in_each(jobs, read).items():
            for name, topic in names[tenant].items():
                yield topic, states.get(name, {})

    def revoked(self, grants: Collection[Any]) -> Collection[Any]:
        """Return those of the grants that have ended, or whose tenant is gone.

        A tenant whose database can't be reached is left out for a while. The checks of all others
        would wait for it, and what it doesn't tell is found when it is back.
        """
        by_tenant: dict[str, list[Grant]] = {}
        for grant in grants:
            if grant is not None and not self._is_unreachable(grant.tenant):
                by_tenant.setdefault(grant.tenant, []).append(grant)
        with fresh_connection():
            missing = missing_of(by_tenant, get_user_model())
        ended = [grant for tenant in missing for grant in by_tenant.pop(tenant)]
        found = self._in_each(by_tenant, super().revoked)
        return [*ended, *(grant for each in found.values() for grant in each)]

    def _in_each(self, work: Mapping[str, Any], job: Callable[[Any], T]) -> dict[str, T]:
        """Do a job for each tenant. One that fails costs the others nothing.

        Raises:
            Exception: of the last tenant, if all fail.
        """
        done: dict[str, T] = {}
        error: Exception | None = None
        for number, (tenant, argument) in enumerate(work.items(), 1):
            started = monotonic()
            try:
                with activated(tenant):
                    done[tenant] = job(argument)
                self._failing.discard(tenant)
            except Exception as caught:
                error = caught
                self._log_failure(tenant, caught)
                if monotonic() - started > SLOW:
                    self._unreachable[tenant] = monotonic()
            if number % CONNECTIONS_MAX == 0 or number == len(work):
                close_excess_connections()
        if error is not None and not done:
            raise error
        return done

    def _is_unreachable(self, tenant: str) -> bool:
        return monotonic() - self._unreachable.get(tenant, -math.inf) < UNREACHABLE_TIME

    def _log_failure(self, tenant: str, error: Exception) -> None:
        if tenant not in self._failing:
            self._failing.add(tenant)
            text = "tenant %r can't be read; its pages keep what they have"
            logger.error(text, tenant, exc_info=error)


def close_excess_connections() -> None:
    """Close this thread's oldest connections, where each tenant has a database."""
    home = home_database()
    opened = [each for each in connections.all(initialized_only=True) if each.connection]
    for connection in [each for each in opened if each.alias != home][:-CONNECTIONS_MAX]:
        connection.close()
