"""A PostgreSQL database with triggers, a connection that writes, and one that listens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import psycopg

from tests.support.postgres import PostgresServer
from tests.support.servers import Site
from toasts.realtime.brokers.base import unpack
from toasts.realtime.brokers.canary import CANARY

OUTPUT = """
import io, json, sys
from django.core.management import CommandError, call_command
output = io.StringIO()
try:
    call_command("toasts", "triggers", *sys.argv[1:], stdout=output)
except CommandError as error:
    output.write(f"error: {error}")
print(json.dumps(output.getvalue().strip()))
"""
NAMES = ["toasts_announce_delete", "toasts_announce_insert", "toasts_announce_update"]


class Database:
    """A migrated database, a connection that writes to it, and one that listens."""

    def __init__(self, server: PostgresServer, url: str, **environment: str) -> None:
        self.server = server
        self.url = url
        self.site = Site(url, **environment)
        self.plain = re.sub(r"\?.*", "", url)
        self.writer = psycopg.connect(self.plain, autocommit=True)
        self.warnings: list[str] = []
        self.writer.add_notice_handler(self._keep_warning)
        self.listener = psycopg.connect(self.plain, autocommit=True)
        self.listen(environment.get("TOASTS_CHANNEL", "toasts"))

    def _keep_warning(self, notice: psycopg.errors.Diagnostic) -> None:
        self.warnings.append(str(notice.message_primary))

    def listen(self, channel: str) -> None:
        self.channel = channel
        self.listener.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))

    def run(self, *arguments: str) -> str:
        """Run the management command, and return its output."""
        return str(self.site.run(OUTPUT, *arguments))

    def messages(self) -> list[str]:
        """Return the messages that were sent since the last call."""
        self.writer.execute("SELECT pg_notify(%s, 'the end')", [self.channel])
        messages: list[str] = []
        for notify in self.listener.notifies(timeout=10):
            if notify.payload == "the end":
                return messages
            messages.append(notify.payload)
        raise AssertionError("the message that marks the end did not arrive")

    def hints(self, statement: str, parameters: Sequence[Any] | None = None) -> list[str]:
        """Execute a statement and return the hints that it sends, sorted.

        The canaries of a server that listens to the same database are left out.
        """
        self.writer.execute(statement, parameters)
        hints = [hint for message in self.messages() for hint in unpack(message)]
        return sorted(hint for hint in hints if not hint.startswith(CANARY))

    def toast(self, user: int, **columns: Any) -> int:
        """Insert a toast and return its id. Its hints are dropped."""
        columns = {"user_id": user, "message": "hello", **columns}
        names, places = ", ".join(columns), ", ".join(["%s"] * len(columns))
        row = self.writer.execute(
            f"INSERT INTO toasts_toast ({names}) VALUES ({places}) RETURNING id",
            list(columns.values()),
        ).fetchone()
        assert row is not None
        self.messages()
        return int(row[0])

    def triggers(self) -> list[str]:
        """Return the names of the triggers that are installed, sorted."""
        found = self.writer.execute(
            "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'toasts%' ORDER BY 1"
        )
        return [name for (name,) in found.fetchall()]

    def functions(self) -> int:
        """Return how many functions for triggers are installed."""
        (count,) = self.writer.execute(
            "SELECT count(*) FROM pg_proc WHERE proname = 'toasts_announce'"
        ).fetchone() or (0,)
        return int(count)

    def close(self) -> None:
        self.site.close()
        self.writer.close()
        self.listener.close()


USERS = """
INSERT INTO auth_user (id, username, password, is_superuser, first_name, last_name, email,
    is_staff, is_active, date_joined)
SELECT n, 'user' || n, '', false, '', '', '', false, true, now() FROM generate_series(1, %s) n
"""


INSERT = "INSERT INTO toasts_toast (user_id, message) VALUES (1, 'hi')"


def foreign_key(database: Database) -> str:
    row = database.writer.execute(
        "SELECT conname FROM pg_constraint"
        " WHERE conrelid = 'toasts_toast'::regclass AND contype = 'f'"
    ).fetchone()
    assert row is not None
    return str(row[0])
