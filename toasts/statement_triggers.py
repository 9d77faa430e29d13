"""Statement-level triggers that announce what plain SQL writes, on PostgreSQL.

This is what the triggers for toasts (toasts/triggers.py) and for the tables of feeds
(toasts/feeds/triggers.py) share: the statements that install and remove them, the end of their
function, and the migration operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from .conf import conf
from .tenants import MARK, tenancy

SWITCH = "toasts.triggers"
"""A session or a transaction that sets this to ``off`` announces nothing."""
TRANSITIONS = {
    "insert": "NEW TABLE AS toasts_new",
    "update": "OLD TABLE AS toasts_old NEW TABLE AS toasts_new",
    "delete": "OLD TABLE AS toasts_old",
}
"""The transition tables of each event. A trigger for several events can't have any."""
HINT_MAX_BYTES = 1000
"""The longest hint that is sent."""
HINTS_MAX_BYTES = 5900
"""The hints in a message, without the last. So a message has at most 6,902 bytes of the 8,000 that
PostgreSQL's NOTIFY takes."""


class Unsupported(Exception):
    """The database can't have the triggers. The text says why, and what to do."""


@dataclass(frozen=True)
class Triggers:
    """The triggers of one table, and the function that they call."""

    table: str
    """The table's name, quoted, with its schema if it needs one."""
    function: str
    """The function's name, quoted, with its schema if it needs one."""
    names: Mapping[str, str]
    """The names of the triggers by their event, not quoted."""
    body: str
    """The function's body, in PL/pgSQL."""

    def install(self, editor: BaseDatabaseSchemaEditor) -> list[str]:
        """Return the statements that install the triggers or bring them up to date."""
        statements = [
            f"CREATE OR REPLACE FUNCTION {self.function}() RETURNS trigger LANGUAGE plpgsql"
            f" SET search_path = pg_catalog, pg_temp AS $toasts${self.body}$toasts$"
        ]
        for event in self.names:
            statements += [self._drop(editor, event), self._create(editor, event)]
        return statements

    def remove(self, editor: BaseDatabaseSchemaEditor) -> list[str]:
        """Return the statements that remove the triggers and their function, if they are there."""
        dropped = [self._drop(editor, event) for event in self.names]
        return [*dropped, f"DROP FUNCTION IF EXISTS {self.function}()"]

    def _drop(self, editor: BaseDatabaseSchemaEditor, event: str) -> str:
        return f"DROP TRIGGER IF EXISTS {editor.quote_name(self.names[event])} ON {self.table}"

    def _create(self, editor: BaseDatabaseSchemaEditor, event: str) -> str:
        # TRUNCATE has no transition tables.
        referencing = f" REFERENCING {TRANSITIONS[event]}" if event in TRANSITIONS else ""
        return (
            f"CREATE TRIGGER {editor.quote_name(self.names[event])} AFTER {event.upper()}"
            f" ON {self.table}{referencing} FOR EACH STATEMENT"
            f" EXECUTE FUNCTION {self.function}({editor.quote_value(conf.channel)})"
        )


Statements = Callable[[Triggers, BaseDatabaseSchemaEditor], list[str]]


class TriggerOperation(Operation):
    """A migration operation that installs triggers, and removes them when it is reversed.

    On databases other than PostgreSQL it does nothing.
    """

    reversible = True
    reduces_to_sql = True
    elidable = False

    def triggers(self, editor: BaseDatabaseSchemaEditor) -> Triggers | None:
        """Return the triggers, or None if they do not belong into this database."""
        raise NotImplementedError

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave the state as it is: triggers are not part of the models."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState, to_state: ProjectState,
    ) -> None:  # fmt: skip
        self._execute(schema_editor, Triggers.install)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState, to_state: ProjectState,
    ) -> None:  # fmt: skip
        self._execute(schema_editor, Triggers.remove)

    def _execute(self, editor: BaseDatabaseSchemaEditor, statements: Statements) -> None:
        if editor.connection.vendor != "postgresql":
            return
        if (triggers := self.triggers(editor)) is not None:
            execute(editor, statements(triggers, editor))


def execute(editor: BaseDatabaseSchemaEditor, statements: list[str]) -> None:
    for statement in statements:
        editor.execute(statement, params=None)  # None, not (): a body may hold "%"


def tenant_expression() -> str:
    """Return what topics have after their kind, as an SQL expression; empty: nothing.

    The tenant is found when the function runs, so that a schema that is copied has its own.
    """
    chosen = tenancy()
    if chosen is None or not chosen.names_schemas:
        return ""
    return f"'{MARK}' || replace(replace(TG_TABLE_SCHEMA, '%', '%25'), ':', '%3A')"


def notify_and_return(subject: str, hint: str, source: str) -> str:
    """Return the end of a trigger function, which sends hints in as few messages as they fit in.

    An error in the function becomes a warning, so that it never makes a write fail.

    Args:
        subject: the beginning of that warning, such as "toasts were".
        hint: an SQL expression of type text.
        source: the FROM clause that `hint` is selected from.
    """
    return f"""
            PERFORM pg_notify(TG_ARGV[0], '[' || string_agg(hint, ',') || ']')
            FROM (
                SELECT hint, sum(octet_length(hint) + 1) OVER (ORDER BY hint) / {HINTS_MAX_BYTES}
                    AS message
                FROM {source},
                    LATERAL (SELECT to_json({hint})::text) AS encoded (hint)
                WHERE octet_length(hint) <= {HINT_MAX_BYTES}
            ) AS hints
            GROUP BY message;
            RETURN NULL;
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING '{subject} written but not announced: %', SQLERRM;
            RETURN NULL;
        END
    """.strip()
