"""Triggers that announce what plain SQL writes, on PostgreSQL: for sites that opt in.

They announce inside the writing transaction, whose commit then waits for every other announcing
commit of the whole server; see docs/howto/plain-sql.md. Without them, the reconciler finds such
rows within seconds.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from .conf import conf
from .delivery.source import PREFIX
from .models.toast import Toast

FUNCTION = "toasts_announce"
SWITCH = "toasts.triggers"
"""A session or a transaction that sets this to ``off`` announces nothing."""
TRANSITIONS = {
    "insert": "NEW TABLE AS toasts_new",
    "update": "OLD TABLE AS toasts_old NEW TABLE AS toasts_new",
    "delete": "OLD TABLE AS toasts_old",
}
"""One trigger per event: PostgreSQL gives transition tables to no other kind."""
HINT_MAX_BYTES, HINTS_MAX_BYTES = 1000, 5900
"""Of one hint, and of a message before the hint that fills it: at most 6,902 bytes in all."""


class Unsupported(Exception):
    """Triggers can't be installed or looked at here; the text says why, and what to do."""


@dataclass(frozen=True)
class Status:
    """What of the triggers is in a database."""

    missing: list[str]
    disabled: list[str]
    channels: list[str]
    current: bool
    """Whether the function is the one that this release would install."""

    @property
    def absent(self) -> bool:
        return len(self.missing) == len(TRANSITIONS)

    @property
    def works(self) -> bool:
        fitting = self.channels == [conf.channel]
        return not self.missing and not self.disabled and self.current and fitting


def install(alias: str) -> None:
    """Install the triggers, or bring them up to date. Locks the table against writes, briefly.

    Raises:
        Unsupported: it is not PostgreSQL, or the table isn't there.
    """
    with connections[alias].schema_editor() as editor:
        for statement in _installing(editor, _place(connections[alias])):
            editor.execute(statement, params=None)


def remove(alias: str) -> None:
    """Remove the triggers and their function, if they are there.

    Raises:
        Unsupported: it is not PostgreSQL, or the table isn't there.
    """
    with connections[alias].schema_editor() as editor:
        for statement in _removing(editor, _place(connections[alias])):
            editor.execute(statement, params=None)


def status(alias: str) -> Status:
    """What of the triggers is there.

    Raises:
        Unsupported: it is not PostgreSQL, or the table isn't there.
    """
    connection = connections[alias]
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        schema = _place(connection)
        cursor.execute(
            "SELECT t.tgname, t.tgenabled, convert_from("
            # Arguments end with a NUL each.
            " substring(t.tgargs FOR length(t.tgargs) - 1), getdatabaseencoding()), f.prosrc"
            " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc f ON f.oid = t.tgfoid"
            " WHERE c.relname = %s AND n.nspname = %s AND f.proname = %s",
            [Toast._meta.db_table, schema, FUNCTION],
        )
        found = {name: rest for name, *rest in cursor.fetchall()}
    names = list(map(_name, TRANSITIONS))
    return Status(
        missing=[name for name in names if name not in found],
        # O: on, also for the sessions of others; A: always.
        disabled=[name for name in names if name in found and found[name][0] not in ("O", "A")],
        channels=sorted({channel for _, channel, _ in found.values()}),
        current=all(source == _body() for _, _, source in found.values()),
    )


class InstallTriggers(Operation):
    """Installs the triggers in a migration of the site's own; reversible, for PostgreSQL alone.

    On other databases it does nothing. The migration depends on ``("toasts", "0001_initial")``.
    """

    reversible = True
    reduces_to_sql = True
    elidable = False

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Triggers are no part of the models."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._run(schema_editor, _installing)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._run(schema_editor, _removing)

    @staticmethod
    def _run(editor: BaseDatabaseSchemaEditor, statements: Any) -> None:
        connection = editor.connection
        if connection.vendor != "postgresql":
            return
        if router.allow_migrate_model(connection.alias, Toast):
            for statement in statements(editor, _place(connection, only_shown=editor.collect_sql)):
                editor.execute(statement, params=None)

    def describe(self) -> str:
        return "Install the triggers that announce toasts which plain SQL writes"

    @property
    def migration_name_fragment(self) -> str:
        return "toasts_triggers"


def _place(connection: BaseDatabaseWrapper, only_shown: bool = False) -> str:
    """The schema of the table, as this connection finds it."""
    if connection.vendor != "postgresql":
        raise Unsupported(
            f"Database {connection.alias!r} is of kind {connection.vendor}; the triggers are for"
            " PostgreSQL. Rows that plain SQL writes elsewhere are found without them."
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
    if schema is None and not only_shown:
        raise Unsupported(
            f"Database {connection.alias!r} has no table {table}. Migrate toasts first; a migration"
            ' with InstallTriggers depends on ("toasts", "0001_initial").'
        )
    return str(schema or current)


def _name(event: str) -> str:
    return f"{FUNCTION}_{event}"


def _installing(editor: BaseDatabaseSchemaEditor, schema: str) -> list[str]:
    function, table = _names(editor, schema)
    channel = editor.quote_value(conf.channel)
    statements = [
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql"
        f" SET search_path = pg_catalog, pg_temp AS $toasts${_body()}$toasts$"
    ]
    for event, transitions in TRANSITIONS.items():
        trigger = editor.quote_name(_name(event))
        statements += [
            f"DROP TRIGGER IF EXISTS {trigger} ON {table}",
            f"CREATE TRIGGER {trigger} AFTER {event.upper()} ON {table}"
            f" REFERENCING {transitions} FOR EACH STATEMENT"
            f" EXECUTE FUNCTION {function}({channel})",
        ]
    return statements


def _removing(editor: BaseDatabaseSchemaEditor, schema: str) -> list[str]:
    function, table = _names(editor, schema)
    triggers = [editor.quote_name(_name(event)) for event in TRANSITIONS]
    return [
        *(f"DROP TRIGGER IF EXISTS {trigger} ON {table}" for trigger in triggers),
        f"DROP FUNCTION IF EXISTS {function}()",
    ]


def _names(editor: BaseDatabaseSchemaEditor, schema: str) -> tuple[str, str]:
    quote = editor.quote_name
    return (
        f"{quote(schema)}.{quote(FUNCTION)}",
        f"{quote(schema)}.{quote(Toast._meta.db_table)}",
    )


def _body() -> str:
    """The function's text: the same for every site; the channel is the triggers' argument.

    What is read already shows nowhere, before and after: such rows are not looked at. So marking as
    read counts as going, and cleaning up what was read is silent.
    """
    columns = {field.name: f'"{field.column}"' for field in Toast._meta.concrete_fields}
    user = columns["user"]
    shown = ", ".join(columns[name] for name in columns if name not in ("updated_at", "read_at"))
    new = "FROM toasts_new WHERE read_at IS NULL"
    old = "FROM toasts_old WHERE read_at IS NULL"
    users = f"SELECT array_agg(DISTINCT {user}::text) INTO users"
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
            {announcing("toasts were", f"'{PREFIX}' || id", "unnest(users) AS named (id)")}
    """)


def announcing(what: str, hint: str, source: str) -> str:
    """The end of a trigger function: it sends these hints in as few messages as fit.

    Args:
        what: of which the writer is warned, if that fails.
        hint: an SQL expression of type text.
        source: what it is selected from.
    """
    return f"""
            PERFORM pg_notify(TG_ARGV[0], '[' || string_agg(hint, ',') || ']')
            FROM (
                SELECT hint, sum(octet_length(hint) + 1) OVER (ORDER BY hint) / {HINTS_MAX_BYTES}
                    AS message
                FROM {source},
                    LATERAL (SELECT to_json({hint})::text) AS said (hint)
                WHERE octet_length(hint) <= {HINT_MAX_BYTES}
            ) AS hints
            GROUP BY message;
            RETURN NULL;
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING '{what} written but not announced: %', SQLERRM;
            RETURN NULL;
        END
    """.strip()
