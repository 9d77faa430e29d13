"""Tenants: customers of one site who have a database schema, or a database, of their own.

User 1 of one tenant is not user 1 of another one. So whatever names a user outside of a request
names the tenant, too: topics, hints, cursors and grants. TOASTS_TENANT chooses the class that tells
for which tenant code runs. On sites without tenants there is none, and no name changes.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Context, ContextVar
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, models
from django.utils.module_loading import import_string

from .conf import conf
from .db import database

MARK = "@"
"""What separates the kind of a topic from its tenant: ``user@red:1``."""
AUTO = "auto"
DJANGO_TENANTS = "toasts.contrib.django_tenants.SchemaTenancy"


class Tenancy:
    """How a site keeps its tenants apart: the base of the class that TOASTS_TENANT names.

    A tenant has a name: any text that is not empty and that the class itself understands, such as
    the name of a schema, or the alias of a database. One instance serves all threads.
    """

    names_schemas = False
    """Whether a tenant's name is that of the PostgreSQL schema of its tables. Triggers then know
    the tenant from the table."""

    def current(self) -> str:
        """Return the tenant that the running code works for; empty: none. Must not query.

        It is called in the thread, or in the context, of a request, a command or a task.
        """
        raise NotImplementedError

    def activate(self, tenant: str) -> AbstractContextManager[Any]:
        """Return a context manager in which this thread's queries go to a tenant. Must not query.

        It is called in threads of toasts' own, outside of any request.

        Args:
            tenant: a name that `current` has returned.
        """
        raise NotImplementedError

    def holder(self, model: type[models.Model], tenant: str) -> str:
        """Return the tenant in whose tables this tenant's rows of a model are.

        That is another one where tenants share the rows. Must not query.
        """
        return tenant

    def of_scope(self, scope: Mapping[str, Any]) -> str | None:
        """Return the tenant of a request before any middleware has seen it. Must not query.

        Args:
            scope: of the request (ASGI specification, "HTTP Connection Scope").

        Returns:
            None if only the middleware can tell. Then it always decides.
        """
        return None

    def missing(
        self, tenants: Collection[str], model: type[models.Model] | None
    ) -> Collection[str]:
        """Return those of these tenants that are gone, or that lack the table of a model.

        May query. It matters where queries for such a tenant would find the tables of another one.

        Args:
            tenants: names that `current` has returned.
            model: None: only tenants that are gone.
        """
        return ()

    def problems(self) -> list[str]:
        """Return why toasts can't work with the site's settings, as sentences. May not query."""
        return []


class ContextVarTenancy(Tenancy):
    """Tenants whose name is in a context variable, by which a database router chooses.

    Args:
        variable: it holds the name as text. None, an empty text and no value: no tenant.
    """

    def __init__(self, variable: ContextVar[str | None]) -> None:
        self._variable = variable

    def current(self) -> str:
        try:
            name = self._variable.get()
        except LookupError:
            return ""
        if name is not None and not isinstance(name, str):
            raise ImproperlyConfigured(
                f"TOASTS_TENANT: the context variable {self._variable.name!r} must hold a text, not"
                f" {type(name).__name__}. Name a subclass of toasts.tenants.Tenancy instead."
            )
        return name or ""

    @contextmanager
    def activate(self, tenant: str) -> Iterator[None]:
        before = self.current()
        self._variable.set(tenant)
        try:
            yield
        finally:
            self._variable.set(before or None)  # no reset(): it may run in a copy of the context

    def of_scope(self, scope: Mapping[str, Any]) -> str | None:
        return self.current() or None  # an ASGI application around this one has set it, if anything


@functools.cache
def tenancy() -> Tenancy | None:
    """Return how this site keeps its tenants apart; None: it has no tenants.

    Raises:
        ImportError: the dotted path in TOASTS_TENANT can't be imported.
        ImproperlyConfigured: what it names is neither a Tenancy nor a context variable.
    """
    path = conf.tenant
    if path == AUTO:
        path = DJANGO_TENANTS if apps.is_installed("django_tenants") else ""
    if not path:
        return None
    found = import_string(path)
    if isinstance(found, ContextVar):
        return ContextVarTenancy(found)
    made = found() if callable(found) else found
    if not isinstance(made, Tenancy):
        raise ImproperlyConfigured(
            f"TOASTS_TENANT: {path} must be a context variable, or a subclass of"
            " toasts.tenants.Tenancy, or a callable that returns an instance of one."
        )
    return made


def forget_tenancy(setting: str, **rest: Any) -> None:
    """Have the settings of tenants read again. A receiver of Django's signal setting_changed."""
    if setting in ("TOASTS_TENANT", "INSTALLED_APPS"):
        tenancy.cache_clear()
    if setting in ("DATABASES", "DATABASE_ROUTERS"):
        _outer_database.cache_clear()


def current_tenant() -> str:
    """Return the tenant that the running code works for; empty: none, as on most sites."""
    chosen = tenancy()
    return chosen.current() if chosen is not None else ""


def tenant_of_scope(scope: Mapping[str, Any]) -> str | None:
    """Return the tenant of a request that no middleware has seen; empty: the site has none.

    Args:
        scope: of the request (ASGI specification, "HTTP Connection Scope").

    Returns:
        None if the middleware has to tell.
    """
    chosen = tenancy()
    if chosen is not None:
        return chosen.of_scope(scope) or None
    return None if unknown_tenant() else ""


def holder_of(model: type[models.Model], tenant: str) -> str:
    """Return the tenant in whose tables this tenant's rows of a model are."""
    chosen = tenancy()
    return chosen.holder(model, tenant) if chosen is not None and tenant else tenant


def activated(tenant: str) -> AbstractContextManager[Any]:
    """Return a context manager in which this thread's queries go to a tenant; empty: to none."""
    chosen = tenancy()
    return chosen.activate(tenant) if chosen is not None and tenant else nullcontext()


def missing_of(tenants: Collection[str], model: type[models.Model] | None) -> set[str]:
    """Return those of these tenants that are gone, or that lack the table of a model. Blocks."""
    chosen = tenancy()
    named = [tenant for tenant in tenants if tenant]
    return set(chosen.missing(named, model)) if chosen is not None and named else set()


@functools.cache
def _outer_database() -> str:
    """Return the alias of the database of toasts where nothing has chosen a tenant.

    That is in a new thread: a router may read a context variable or one of the thread.
    """
    with ThreadPoolExecutor(max_workers=1) as new_thread:
        try:
            return new_thread.submit(Context().run, database).result()
        except (LookupError, AttributeError):  # the variable has no value there
            return DEFAULT_DB_ALIAS


def home_database() -> str:
    """Return the alias of the database in which all processes and tenants exchange hints."""
    if tenancy() is not None:
        return _outer_database()
    try:
        return database()
    except LookupError:  # the site has tenants, but does not say so
        return DEFAULT_DB_ALIAS


def unknown_tenant() -> str:
    """Return the alias of the database of toasts, if it changes with the context of a request.

    Then the site has tenants, but TOASTS_TENANT is not set: outside of the request, nobody can tell
    whose toasts to read. Empty: all is well.
    """
    if len(settings.DATABASES) < 2 or not settings.DATABASE_ROUTERS or tenancy() is not None:
        return ""
    alias = database()
    if alias == _outer_database():
        return ""
    _outer_database.cache_clear()  # a router may choose another one after a failover
    return "" if alias == _outer_database() else alias


def admitting_tenant() -> str:
    """Return the tenant that a request for a stream belongs to; empty: none.

    If only the request could tell, it is what `require_tenancy` refuses.
    """
    return current_tenant() or unknown_tenant()


def require_tenancy(topic: str) -> None:
    """Refuse a stream of a tenant on a site whose settings don't say what its tenants are.

    Args:
        topic: the topic of the stream.

    Raises:
        ImproperlyConfigured: it names a tenant, and TOASTS_TENANT is not set.
    """
    tenant, _ = split_topic(topic)
    if tenant and tenancy() is None:
        raise ImproperlyConfigured(
            f"The database router chose {tenant!r} for the toasts of this request, and another"
            " database outside of it. A stream needs to know by what: set TOASTS_TENANT."
        )


def kind_of(kind: str, tenant: str) -> str:
    """Return a kind of topics, such as ``user``, for one tenant: ``user@red``."""
    if not tenant:
        return kind
    return f"{kind}{MARK}{tenant.replace('%', '%25').replace(':', '%3A')}"


def split_topic(topic: str) -> tuple[str, str]:
    """Return the tenant of a topic, empty if it has none, and the topic without it."""
    kind, _, rest = topic.partition(":")
    kind, mark, tenant = kind.partition(MARK)
    if not mark:
        return "", topic
    return tenant.replace("%3A", ":").replace("%25", "%"), f"{kind}:{rest}"
