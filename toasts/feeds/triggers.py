"""Triggers that announce what plain SQL writes into a feed's table, on PostgreSQL.

They send inside the writing transaction, and cost what docs/howto/plain-sql.md says of the triggers
for toasts. They send the names of topics only, so a row may have any size.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.utils import truncate_name
from django.db.migrations.state import ProjectState

from ..realtime.hints import PREFIX_WILDCARD
from ..statement_triggers import (
    SWITCH,
    TRANSITIONS,
    TriggerOperation,
    Triggers,
    Unsupported,
    notify_and_return,
    tenant_expression,
)
from .topics import KIND, topic_of

EVENTS = (*TRANSITIONS, "truncate")
IDENTIFIER_MAX = 63
"""The most bytes of a PostgreSQL identifier."""
HASH_LENGTH = 8
"""How many characters of a hash make a truncated name unique."""
VIRTUAL = "v"
"""PostgreSQL's `pg_attribute.attgenerated` of a column whose values are not stored."""
_COLUMN = re.compile(r"\{([^{}]+)\}")


class InstallFeedTriggers(TriggerOperation):
    """Install triggers on a feed's table, in a migration. Reversible.

    On databases other than PostgreSQL it does nothing: on SQLite every commit is noticed without
    triggers. To change the topics, or after a change of TOASTS_CHANNEL, install them again.

    Args:
        feed: the feed's name.
        table: the table's name in the database.
        topics: the topics of a row, with columns in braces: ``"all"``,
            ``"customer:{customer_id}"``. A row is not in a topic whose column is NULL. Without
            topics, each statement announces every topic of the feed.

    Raises:
        ValueError: no feed can have this name.
        Unsupported: when it is installed: a topic names a column that the table doesn't have, or a
            virtual generated column, whose values triggers don't see.
    """

    def __init__(self, feed: str, table: str, topics: Sequence[str] = ()) -> None:
        topic_of(feed, "")
        self.feed = feed
        self.table = table
        self.topics = list(topics)

    def triggers(self, editor: BaseDatabaseSchemaEditor) -> Triggers:
        function = truncate_name(
            f"toasts_feed_{self.feed}_{self.table}", IDENTIFIER_MAX, HASH_LENGTH
        )
        return Triggers(
            table=editor.quote_name(self.table),
            function=editor.quote_name(function),
            names={event: f"toasts_feed_{self.feed}_{event}" for event in EVENTS},
            body=self._body(editor),
        )

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState, to_state: ProjectState,
    ) -> None:  # fmt: skip
        # The triggers would announce nothing, and only warn in the log of the database.
        if schema_editor.connection.vendor == "postgresql":
            self._check_columns(_columns(schema_editor, self.table))
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def _check_columns(self, columns: Mapping[str, str]) -> None:
        """Check the columns that the topics name.

        Args:
            columns: `attgenerated` of each column of the table. Empty: there is no table yet.
        """
        for topic in self.topics:
            for name in _COLUMN.findall(topic) if columns else ():
                if name not in columns:
                    raise Unsupported(f"{topic!r}: the table {self.table} has no column {name!r}.")
                if columns[name] == VIRTUAL:
                    raise Unsupported(
                        f"{topic!r}: triggers don't see the values of {name!r}, a virtual generated"
                        " column. Store it (db_persist=True), or name the columns it is made of."
                    )

    def describe(self) -> str:
        return f"Install the triggers that announce rows of {self.table} to feed {self.feed}"

    @property
    def migration_name_fragment(self) -> str:
        return f"feed_{self.feed}_triggers".replace("-", "_")

    def _body(self, editor: BaseDatabaseSchemaEditor) -> str:
        every = _beginning(editor, self.feed, PREFIX_WILDCARD)
        of_row = [_topic_expression(editor, self.feed, topic) for topic in self.topics]
        values = ", ".join(f"({expression})" for expression in of_row or [every])
        topics = f"LATERAL (VALUES {values}) AS topics (hint)"
        select = "SELECT array_agg(DISTINCT topics.hint) INTO toasts_hints FROM"
        # "use_column", because a table may have columns named like variables: "found", "new".
        return textwrap.dedent(f"""
            #variable_conflict use_column
            DECLARE
                toasts_hints text[];
            BEGIN
                IF current_setting('{SWITCH}', true) = 'off' THEN
                    RETURN NULL;
                END IF;
                IF TG_OP = 'INSERT' THEN
                    {select} toasts_new, {topics};
                ELSIF TG_OP = 'DELETE' THEN
                    {select} toasts_old, {topics};
                ELSIF TG_OP = 'UPDATE' THEN
                    {select} (SELECT * FROM toasts_old UNION ALL SELECT * FROM toasts_new) AS both_,
                        {topics};
                ELSE
                    toasts_hints := ARRAY[{every}];
                END IF;
                {notify_and_return("rows were", "topic", "unnest(toasts_hints) AS named (topic)")}
        """)


def _beginning(editor: BaseDatabaseSchemaEditor, feed: str, text: str) -> str:
    """Return how a feed's topics begin, as an SQL expression."""
    name, tenant = topic_of(feed, text), tenant_expression()
    if not tenant:
        return editor.quote_value(name)
    return f"'{KIND}' || {tenant} || {editor.quote_value(name.removeprefix(KIND))}"


def _columns(editor: BaseDatabaseSchemaEditor, table: str) -> dict[str, str]:
    """Return `attgenerated` of each column of a table; nothing if there is no such table."""
    with editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, attgenerated FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND NOT attisdropped",
            [editor.quote_name(table)],
        )
        return dict(cursor.fetchall())


def _topic_expression(editor: BaseDatabaseSchemaEditor, feed: str, topic: str) -> str:
    """Return a topic of a row as an SQL expression: texts and columns, joined by ``||``."""
    text, *rest = _COLUMN.split(topic)  # text, column, text, column, text ...
    parts = [_beginning(editor, feed, text)]
    for column, text in zip(rest[::2], rest[1::2], strict=True):
        parts += [f"{editor.quote_name(column)}::text", editor.quote_value(text)]
    return " || ".join(parts)
