"""Triggers that announce what plain SQL writes into a feed's table, on PostgreSQL.

They announce inside the writing transaction, and cost what docs/howto/plain-sql.md says of those
for toasts. What they send are names of topics: rows of any size may be written.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.utils import truncate_name
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from ..conf import conf
from ..triggers import SWITCH, TRANSITIONS, announcing
from .topics import PREFIX_WILDCARD, topic_of

_COLUMN = re.compile(r"\{([^{}]+)\}")
_NAME_MAX = 63
EVENTS = (*TRANSITIONS, "truncate")


class InstallFeedTriggers(Operation):
    """Has a migration install triggers on a feed's table; reversible, for PostgreSQL alone.

    On other databases it does nothing: SQLite's commits are seen without. To change the topics, or
    after TOASTS_CHANNEL changed, install once more.

    Args:
        feed: the feed's name.
        table: the table's name in the database.
        topics: the topics that a row is in, columns in braces: ``"all"``,
            ``"customer:{customer_id}"``. A row with NULL there is in none. None given: every topic
            of the feed is read anew with each statement.

    Raises:
        ValueError: there can be no feed of this name.
    """

    reversible = True
    reduces_to_sql = True
    elidable = False

    def __init__(self, feed: str, table: str, topics: Sequence[str] = ()) -> None:
        topic_of(feed, "")
        self.feed = feed
        self.table = table
        self.topics = list(topics)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Triggers are no part of the models."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._run(schema_editor, self._installing)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._run(schema_editor, self._removing)

    @staticmethod
    def _run(editor: BaseDatabaseSchemaEditor, statements: Callable[[Any], Sequence[str]]) -> None:
        if editor.connection.vendor == "postgresql":
            for statement in statements(editor):
                editor.execute(statement, params=None)

    def describe(self) -> str:
        return f"Install the triggers that announce rows of {self.table} to feed {self.feed}"

    @property
    def migration_name_fragment(self) -> str:
        return f"feed_{self.feed}_triggers".replace("-", "_")

    def _installing(self, editor: BaseDatabaseSchemaEditor) -> list[str]:
        function, channel = self._function(editor), editor.quote_value(conf.channel)
        statements = [
            f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql"
            f" SET search_path = pg_catalog, pg_temp AS $toasts${self._body(editor)}$toasts$"
        ]
        for event, dropping in zip(EVENTS, self._dropping(editor), strict=True):
            seen = f" REFERENCING {TRANSITIONS[event]}" if event in TRANSITIONS else ""
            statements += [
                dropping,
                f"CREATE TRIGGER {self._trigger(editor, event)} AFTER {event.upper()}"
                f" ON {editor.quote_name(self.table)}{seen} FOR EACH STATEMENT"
                f" EXECUTE FUNCTION {function}({channel})",
            ]
        return statements

    def _removing(self, editor: BaseDatabaseSchemaEditor) -> list[str]:
        return [*self._dropping(editor), f"DROP FUNCTION IF EXISTS {self._function(editor)}()"]

    def _dropping(self, editor: BaseDatabaseSchemaEditor) -> list[str]:
        table = editor.quote_name(self.table)
        triggers = [self._trigger(editor, event) for event in EVENTS]
        return [f"DROP TRIGGER IF EXISTS {trigger} ON {table}" for trigger in triggers]

    def _function(self, editor: BaseDatabaseSchemaEditor) -> str:
        name = f"toasts_feed_{self.feed}_{self.table}"
        return editor.quote_name(truncate_name(name, _NAME_MAX, 8))

    def _trigger(self, editor: BaseDatabaseSchemaEditor, event: str) -> str:
        return editor.quote_name(f"toasts_feed_{self.feed}_{event}")

    def _body(self, editor: BaseDatabaseSchemaEditor) -> str:
        everything = editor.quote_value(topic_of(self.feed, PREFIX_WILDCARD))
        said = ", ".join(f"({_expression(editor, self.feed, topic)})" for topic in self.topics)
        rows = f"LATERAL (VALUES {said or f'({everything})'}) AS told (hint)"
        select = "SELECT array_agg(DISTINCT told.hint) INTO toasts_hints FROM"
        # A table may well have columns named like PL/pgSQL's own variables: "found", "new".
        return textwrap.dedent(f"""
            #variable_conflict use_column
            DECLARE
                toasts_hints text[];
            BEGIN
                IF current_setting('{SWITCH}', true) = 'off' THEN
                    RETURN NULL;
                END IF;
                IF TG_OP = 'INSERT' THEN
                    {select} toasts_new, {rows};
                ELSIF TG_OP = 'DELETE' THEN
                    {select} toasts_old, {rows};
                ELSIF TG_OP = 'UPDATE' THEN
                    {select} (SELECT * FROM toasts_old UNION ALL SELECT * FROM toasts_new) AS both_,
                        {rows};
                ELSE
                    toasts_hints := ARRAY[{everything}];
                END IF;
                {announcing("rows were", "topic", "unnest(toasts_hints) AS named (topic)")}
        """)


def _expression(editor: BaseDatabaseSchemaEditor, feed: str, topic: str) -> str:
    """The topic of a row, as SQL."""
    *parts, rest = _COLUMN.split(topic)
    pieces = [editor.quote_value(topic_of(feed, parts[0] if parts else rest))]
    for number, part in enumerate([*parts, rest][1:], 1):
        column = f"{editor.quote_name(part)}::text"
        pieces.append(column if number % 2 else editor.quote_value(part))
    return " || ".join(pieces)
