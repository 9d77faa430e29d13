"""Support for django-tenants: a PostgreSQL schema for each tenant."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections, models
from django_tenants.utils import (
    get_public_schema_name,
    get_tenant_database_alias,
    get_tenant_types,
    has_multi_type_tenants,
)

from ..db import database
from ..models.toast import Toast
from ..tenants import Tenancy


class SchemaTenancy(Tenancy):
    """The tenants of django-tenants. Their names are those of their schemas.

    The public schema is one of them.
    """

    names_schemas = True

    def current(self) -> str:
        return str(_connection().schema_name)

    @contextmanager
    def activate(self, tenant: str) -> Iterator[None]:
        connection = _connection()
        previous = connection.tenant
        connection.set_schema(tenant)
        try:
            yield
        finally:
            connection.set_tenant(previous)

    def holder(self, model: type[models.Model], tenant: str) -> str:
        return tenant if _is_in(model, _tenant_apps()) else str(get_public_schema_name())

    def missing(
        self, tenants: Collection[str], model: type[models.Model] | None
    ) -> Collection[str]:
        """Return those of these schemas that are gone, or that lack the table of a model.

        In their place, PostgreSQL would find the table of the public schema.
        """
        holders = {
            tenant: self.holder(model, tenant) if model is not None else tenant
            for tenant in tenants
        }
        with _connection().cursor() as cursor:
            cursor.execute(
                "SELECT n.nspname, c.relname FROM pg_catalog.pg_namespace n"
                " LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = %s"
                " WHERE n.nspname = ANY(%s)",
                [model._meta.db_table if model else "", [*holders, *holders.values()]],
            )
            tables = dict(cursor.fetchall())
        return {
            tenant
            for tenant, holder in holders.items()
            if tenant not in tables or (model is not None and not tables.get(holder))
        }

    def problems(self) -> list[str]:
        return [text for text in (_database_problem(), _apps_problem()) if text]


def _connection() -> Any:
    return connections[get_tenant_database_alias()]


def _shared_apps() -> Collection[str]:
    if has_multi_type_tenants():
        return list(get_tenant_types()[get_public_schema_name()]["APPS"])
    return list(getattr(settings, "SHARED_APPS", ()))


def _tenant_apps() -> Collection[str]:
    if not has_multi_type_tenants():
        return list(getattr(settings, "TENANT_APPS", ()))
    public = get_public_schema_name()
    types = [each for name, each in get_tenant_types().items() if name != public]
    return [app for each in types for app in each["APPS"]]


def _is_in(model: type[models.Model], names: Collection[str]) -> bool:
    """Return whether a model's app is in a list like INSTALLED_APPS."""
    config = apps.get_app_config(model._meta.app_label)
    path = f"{type(config).__module__}.{type(config).__qualname__}"
    return config.name in names or path in names


def _database_problem() -> str:
    alias = get_tenant_database_alias()
    if database() == alias:
        return ""
    return (
        f"Toasts are kept in the database {database()!r}, but the schemas of django-tenants are in"
        f" {alias!r} (TENANT_DB_ALIAS). Keep toasts there, too."
    )


def _apps_problem() -> str:
    user_model = get_user_model()
    has_users, has_toasts = (
        (_is_in(model, _shared_apps()), _is_in(model, _tenant_apps()))
        for model in (user_model, Toast)
    )
    app = apps.get_app_config(user_model._meta.app_label).name
    if has_users[1] and not has_toasts[1]:
        return (
            f"Each tenant has users of its own ({app!r} is in TENANT_APPS), but all tenants share"
            ' the toasts. Add "toasts" to TENANT_APPS.'
        )
    if has_users == (True, True) and not has_toasts[0]:
        return (
            f"The public schema has users, too ({app!r} is in SHARED_APPS), but no toasts. Add"
            ' "toasts" to SHARED_APPS.'
        )
    if has_toasts[0] and not has_users[0]:
        return (
            f'The public schema has toasts ("toasts" is in SHARED_APPS), but no users. Remove'
            f' "toasts" from SHARED_APPS, or add {app!r}.'
        )
    return ""
