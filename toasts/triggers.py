"""Triggers that announce the toasts that plain SQL writes, on PostgreSQL. They are opt-in.

They send inside the writing transaction, whose commit then waits for every other commit of the
server that announces something (see docs/howto/plain-sql.md). Without them, the reconciler finds
such rows within seconds.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from .conf import conf
from .delivery.source import KIND, PREFIX
from .models.toast import Toast
from .statement_triggers import (
    SWITCH,
    TRANSITIONS,
    TriggerOperation,
    Triggers,
    Unsupported,
    execute,
    notify_and_return,
    tenant_expression,
)

__all__ = ["InstallTriggers", "Status", "Unsupported", "install", "remove", "status"]

FUNCTION = "toasts_announce"
NAMES = {event: f"{FUNCTION}_{event}" for event in TRANSITIONS}
ENABLED = ("O", "A")
"""The values of pg_trigger.tgenabled for triggers that fire: "origin" (the default), "always"."""


@dataclass(frozen=True)
class Status:
    """Which of the triggers a database has, and in which condition."""

    missing: list[str]
    disabled: list[str]
    channels: list[str]
    current: bool
    """Whether the function is the one that this release installs."""

    @property
    def absent(self) -> bool:
        """Whether no trigger is there."""
        return len(self.missing) == len(NAMES)

    @property
    def works(self) -> bool:
        """Whether every change is announced on the channel that the site uses."""
        whole = not self.missing and not self.disabled
        return whole and self.current and self.channels == [conf.channel]


def install(alias: str) -> None:
    """Install the triggers, or bring them up to date. Locks the table against writes, briefly.

    Args:
        alias: the database.

    Raises:
        Unsupported: it is not PostgreSQL, or it does not have the table.
    """
    with connections[alias].schema_editor() as editor:
        execute(editor, _triggers(editor, _schema(connections[alias])).install(editor))


def remove(alias: str) -> None:
    """Remove the triggers and their function, if they are there.

    Args:
        alias: the database.

    Raises:
        Unsupported: it is not PostgreSQL, or it does not have the table.
    """
    with connections[alias].schema_editor() as editor:
        execute(editor, _triggers(editor, _schema(connections[alias])).remove(editor))


def status(alias: str) -> Status:
    """Return which of the triggers are installed.

    Args:
        alias: the database.

    Raises:
        Unsupported: it is not PostgreSQL, or it does not have the table.
    """
    with transaction.atomic(using=alias):
        found = _installed(connections[alias], _schema(connections[alias]))
    present = [name for name in NAMES.values() if name in found]
    return Status(
        missing=[name for name in NAMES.values() if name not in found],
        disabled=[name for name in present if found[name].enabled not in ENABLED],
        channels=sorted({trigger.channel for trigger in found.values()}),
        current=all(trigger.source == _body() for trigger in found.values()),
    )


@dataclass(frozen=True)
class _Installed:
    """A trigger as PostgreSQL's catalogs describe it."""

    enabled: str
    channel: str
    source: str


def _installed(connection: BaseDatabaseWrapper, schema: str) -> dict[str, _Installed]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.tgname, t.tgenabled, convert_from("
            # Each argument ends with a NUL.
            " substring(t.tgargs FOR length(t.tgargs) - 1), getdatabaseencoding()), f.prosrc"
            " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc f ON f.oid = t.tgfoid"
            " WHERE c.relname = %s AND n.nspname = %s AND f.proname = %s",
            [Toast._meta.db_table, schema, FUNCTION],
        )
        return {name: _Installed(*columns) for name, *columns in cursor.fetchall()}


class InstallTriggers(TriggerOperation):
    """Install the triggers in a migration of the site's own. Reversible.

    On databases other than PostgreSQL, and where no toasts are kept, it does nothing. The migration
    depends on ``("toasts", "0001_initial")``.

    Raises:
        Unsupported: the table is not there yet.
    """

    def triggers(self, editor: BaseDatabaseSchemaEditor) -> Triggers | None:
        connection = editor.connection
        if not router.allow_migrate_model(connection.alias, Toast):
            return None
        return _triggers(editor, _schema(connection, may_be_missing=editor.collect_sql))

    def describe(self) -> str:
        return "Install the triggers that announce the toasts that plain SQL writes"

    @property
    def migration_name_fragment(self) -> str:
        return "toasts_triggers"


def _schema(connection: BaseDatabaseWrapper, may_be_missing: bool = False) -> str:
    """Return the schema of the table, as this connection finds it.

    Args:
        connection: to the database.
        may_be_missing: whether a missing table is no error; then it is the schema for new tables.
    """
    if connection.vendor != "postgresql":
        raise Unsupported(
            f"Database {connection.alias!r} uses {connection.vendor}, but the triggers need"
            " PostgreSQL. On other databases, rows of plain SQL are found without triggers."
        )
    table = Toast._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname, current_schema() FROM (VALUES (to_regclass(%s))) AS t (oid)"
            " LEFT JOIN pg_class c ON c.oid = t.oid"
            " LEFT JOIN pg_namespace n ON n.oid = c.relnamespace",
            [connection.ops.quote_name(table)],
        )
        schema, current = cursor.fetchone()
    if schema is None and not may_be_missing:
        raise Unsupported(
            f"Database {connection.alias!r} has no table {table}. Migrate toasts first; a migration"
            ' with InstallTriggers depends on ("toasts", "0001_initial").'
        )
    return str(schema or current)


def _triggers(editor: BaseDatabaseSchemaEditor, schema: str) -> Triggers:
    quote = editor.quote_name
    return Triggers(
        table=f"{quote(schema)}.{quote(Toast._meta.db_table)}",
        function=f"{quote(schema)}.{quote(FUNCTION)}",
        names=NAMES,
        body=_body(),
    )


def _body() -> str:
    """Return the function's body. It is the same on every site: the channel is an argument.

    Only where each tenant has a schema, it names the tenant.

    Rows that are read before and after a change are left out, because no page shows them. So
    marking as read is announced like a deletion, and deleting what is read is not announced.
    """
    columns = {field.name: f'"{field.column}"' for field in Toast._meta.concrete_fields}
    user = columns["user"]
    shown = ", ".join(columns[name] for name in columns if name not in ("updated_at", "read_at"))
    new = "FROM toasts_new WHERE read_at IS NULL"
    old = "FROM toasts_old WHERE read_at IS NULL"
    users = f"SELECT array_agg(DISTINCT {user}::text) INTO users"
    tenant = tenant_expression()
    prefix = f"'{KIND}' || {tenant} || ':'" if tenant else f"'{PREFIX}'"
    return textwrap.dedent(f"""
        DECLARE
            users text[];
        BEGIN
            IF current_setting('{SWITCH}', true) = 'off' THEN
                RETURN NULL;
            END IF;
            IF TG_OP = 'INSERT' THEN
                {users} {new};
            ELSIF TG_OP = 'DELETE' THEN
                {users} {old};
            ELSE
                {users} FROM (
                    (SELECT {shown} {new} EXCEPT SELECT {shown} {old})
                    UNION ALL
                    (SELECT {shown} {old} EXCEPT SELECT {shown} {new})
                ) AS changed;
            END IF;
            {notify_and_return("toasts were", f"{prefix} || id", "unnest(users) AS named (id)")}
    """)
