"""The triggers for plain SQL, in a real PostgreSQL of their own."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from tests.postgres import PostgresServer
from tests.servers import Site
from tests.test_servers import stream, until_event
from toasts.realtime.broker import unpack

pytestmark = pytest.mark.servers

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
    """A migrated database, one that writes to it and one that hears what is announced."""

    def __init__(self, server: PostgresServer, url: str, **environment: str) -> None:
        self.server = server
        self.url = url
        self.site = Site(url, **environment)
        self.plain = re.sub(r"\?.*", "", url)
        self.writer = psycopg.connect(self.plain, autocommit=True)
        self.warnings: list[str] = []
        self.writer.add_notice_handler(lambda said: self.warnings.append(str(said.message_primary)))
        self.ear = psycopg.connect(self.plain, autocommit=True)
        self.listen(environment.get("TOASTS_CHANNEL", "toasts"))

    def listen(self, channel: str) -> None:
        self.channel = channel
        self.ear.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))

    def run(self, *arguments: str) -> str:
        """What the management command prints."""
        return str(self.site.run(OUTPUT, *arguments))

    def messages(self) -> list[str]:
        """The messages that were sent until now."""
        self.writer.execute("SELECT pg_notify(%s, 'until now')", [self.channel])
        found = []
        for notify in self.ear.notifies(timeout=10):
            if notify.payload == "until now":
                return found
            found.append(notify.payload)
        raise AssertionError("not even our own message came")

    def hints(self, statement: str, parameters: Sequence[Any] | None = None) -> list[str]:
        """What is announced when this statement is written."""
        self.writer.execute(statement, parameters)
        return sorted(hint for message in self.messages() for hint in unpack(message))

    def toast(self, user: int, **columns: Any) -> int:
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
        found = self.writer.execute(
            "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'toasts%' ORDER BY 1"
        )
        return [name for (name,) in found.fetchall()]

    def functions(self) -> int:
        (count,) = self.writer.execute(
            "SELECT count(*) FROM pg_proc WHERE proname = 'toasts_announce'"
        ).fetchone() or (0,)
        return int(count)

    def close(self) -> None:
        self.site.close()
        self.writer.close()
        self.ear.close()


USERS = """
INSERT INTO auth_user (id, username, password, is_superuser, first_name, last_name, email,
    is_staff, is_active, date_joined)
SELECT n, 'user' || n, '', false, '', '', '', false, true, now() FROM generate_series(1, %s) n
"""


@pytest.fixture(scope="module")
def installed(postgres: PostgresServer) -> Iterator[Database]:
    database = Database(postgres, postgres.create("triggers"))
    try:
        database.writer.execute(USERS, [3000])
        database.run("install")
        yield database
    finally:
        database.close()


@pytest.fixture
def database(installed: Database) -> Database:
    installed.writer.execute("TRUNCATE toasts_toast RESTART IDENTITY")
    installed.messages()
    installed.warnings.clear()
    return installed


@pytest.fixture
def bare(postgres: PostgresServer) -> Iterator[Database]:
    """A database of the test's own, without triggers."""
    database = Database(postgres, postgres.create(f"bare_{uuid.uuid4().hex}"))
    yield database
    database.close()


INSERT = "INSERT INTO toasts_toast (user_id, message) VALUES (1, 'hi')"


# What is announced.


def test_an_insert_of_two_columns_is_announced(database: Database) -> None:
    assert database.hints(INSERT) == ["user:1"]


def test_the_message_is_in_the_form_of_every_other_hint(database: Database) -> None:
    database.writer.execute(
        "INSERT INTO toasts_toast (user_id, message) VALUES (2, 'a'), (1, 'b'), (2, 'c')"
    )
    assert database.messages() == ['["user:1","user:2"]']


def test_no_text_of_a_toast_is_announced(database: Database) -> None:
    database.writer.execute(
        "INSERT INTO toasts_toast (user_id, message, title) VALUES (1, 'secret', 'secret')"
    )
    assert database.messages() == ['["user:1"]']


def test_nothing_is_announced_before_the_commit_nor_after_a_rollback(database: Database) -> None:
    with psycopg.connect(database.plain) as other:
        other.execute(INSERT)
        assert database.messages() == []
        other.rollback()
        assert database.messages() == []
        other.execute(INSERT)
        other.execute("SAVEPOINT here")
        other.execute("INSERT INTO toasts_toast (user_id, message) VALUES (2, 'hi')")
        other.execute("ROLLBACK TO here")
        other.commit()
    assert database.messages() == ['["user:1"]']


def test_three_thousand_users_of_one_statement_all_hear(database: Database) -> None:
    database.writer.execute(
        "INSERT INTO toasts_toast (user_id, message)"
        " SELECT n, 'hi' FROM generate_series(1, 3000) n, generate_series(1, 2)"
    )
    messages = database.messages()
    assert len(messages) <= 7
    assert all(len(message.encode()) <= 7000 for message in messages)
    hints = [hint for message in messages for hint in unpack(message)]
    assert len(hints) == 3000
    assert set(hints) == {f"user:{number}" for number in range(1, 3001)}
    assert database.warnings == []


def test_copy_is_announced(database: Database) -> None:
    with database.writer.cursor().copy("COPY toasts_toast (user_id, message) FROM STDIN") as copy:
        copy.write_row((1, "hi"))
        copy.write_row((3, "hi"))
    assert database.messages() == ['["user:1","user:3"]']


def test_marking_as_read_is_announced(database: Database) -> None:
    database.toast(1)
    database.toast(2)
    assert database.hints("UPDATE toasts_toast SET read_at = now() WHERE user_id = 1") == ["user:1"]


@pytest.mark.parametrize(
    "change",
    [
        "message = 'new'", "title = 'new'", "level = 'error'", "url = '/new/'", "key = 'new'",
        "actions = '[{}]'", "data = '{\"a\": 1}'", "progress = 50", "duration = 3",
        "expires_at = now()", "visible_from = now() + interval '1 hour'", "id = id + 1000",
    ],
)  # fmt: skip
def test_a_change_of_what_is_shown_is_announced(database: Database, change: str) -> None:
    database.toast(1)
    database.toast(2)
    hints = database.hints(f"UPDATE toasts_toast SET {change} WHERE user_id = 1")
    assert hints == ["user:1"]


def test_a_toast_that_changes_hands_is_announced_to_both(database: Database) -> None:
    database.toast(1)
    assert database.hints("UPDATE toasts_toast SET user_id = 2") == ["user:1", "user:2"]


def test_unreading_is_announced(database: Database) -> None:
    database.toast(1, read_at="2020-01-01")
    assert database.hints("UPDATE toasts_toast SET read_at = NULL") == ["user:1"]


def test_only_the_users_of_changed_rows_are_announced(database: Database) -> None:
    for user in (1, 2, 3):
        database.toast(user, message="old" if user == 2 else "new")
    assert database.hints("UPDATE toasts_toast SET message = 'new'") == ["user:2"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE toasts_toast SET message = message, data = data",
        "UPDATE toasts_toast SET updated_at = now()",
        "UPDATE toasts_toast SET message = 'new' WHERE false",
        "UPDATE toasts_toast SET message = 'new', read_at = now() WHERE read_at IS NOT NULL",
        "DELETE FROM toasts_toast WHERE read_at IS NOT NULL",
        "DELETE FROM toasts_toast WHERE false",
        "INSERT INTO toasts_toast (user_id, message, read_at) VALUES (1, 'hi', now())",
        "INSERT INTO toasts_toast (user_id, message) SELECT 1, 'hi' WHERE false",
    ],
)
def test_what_changes_nothing_that_is_shown_is_silent(database: Database, statement: str) -> None:
    database.toast(1)
    database.toast(1, read_at="2020-01-01")
    database.writer.execute(statement)
    assert database.messages() == []
    assert database.warnings == []


def test_a_deletion_is_announced(database: Database) -> None:
    database.toast(1)
    database.toast(2)
    assert database.hints("DELETE FROM toasts_toast WHERE user_id = 2") == ["user:2"]


def test_an_upsert_is_announced(database: Database) -> None:
    first = database.toast(1)
    upsert = (
        "INSERT INTO toasts_toast (id, user_id, message) VALUES (%s, 1, 'a'), (777, 2, 'b')"
        " ON CONFLICT (id) DO UPDATE SET message = 'c'"
    )
    assert set(database.hints(upsert, [first])) == {"user:1", "user:2"}


def test_create_toast_is_announced_twice_which_harms_nobody(database: Database) -> None:
    database.site.run("from toasts import create_toast\ncreate_toast('hi', 1)")
    assert database.messages() == ['["user:1"]', '["user:1"]']


@pytest.mark.parametrize(
    ("type", "key"),
    [
        ("uuid", str(uuid.UUID(int=0xABC << 100))),
        ("text", "a\"b\\c'd é \U0001f600 \n $toasts$ %s ]"),
    ],
)
def test_keys_of_any_kind_are_announced_as_python_writes_them(
    bare: Database, type: str, key: str
) -> None:
    bare.run("install")
    bare.writer.execute("ALTER TABLE toasts_toast DROP CONSTRAINT " + foreign_key(bare))
    bare.writer.execute(f"ALTER TABLE toasts_toast ALTER user_id TYPE {type} USING NULL")
    insert = "INSERT INTO toasts_toast (user_id, message) VALUES (%s, 'hi')"
    assert bare.hints(insert, [key]) == [f"user:{key}"]
    assert bare.warnings == []


def foreign_key(database: Database) -> str:
    row = database.writer.execute(
        "SELECT conname FROM pg_constraint"
        " WHERE conrelid = 'toasts_toast'::regclass AND contype = 'f'"
    ).fetchone()
    assert row is not None
    return str(row[0])


def test_a_key_too_long_for_a_hint_takes_no_other_along(bare: Database) -> None:
    bare.run("install")
    bare.writer.execute("ALTER TABLE toasts_toast DROP CONSTRAINT " + foreign_key(bare))
    bare.writer.execute("ALTER TABLE toasts_toast ALTER user_id TYPE text")
    bare.writer.execute("DROP INDEX toasts_newest, toasts_unread")
    bare.writer.execute(
        "INSERT INTO toasts_toast (user_id, message)"
        " SELECT repeat('x', n), 'hi' FROM generate_series(1, 2000) n"
    )
    messages = bare.messages()
    hints = {hint for message in messages for hint in unpack(message)}
    assert hints == {f"user:{'x' * n}" for n in range(1, 994)}
    assert max(len(message.encode()) for message in messages) <= 7000
    assert bare.warnings == []


# The writer comes first.


@pytest.mark.parametrize(
    "harm",
    [
        "DROP TRIGGER toasts_announce_insert ON toasts_toast; CREATE TRIGGER broken"
        " AFTER INSERT ON toasts_toast REFERENCING NEW TABLE AS toasts_new FOR EACH STATEMENT"
        f" EXECUTE FUNCTION toasts_announce('{'x' * 64}')",
        "CREATE OR REPLACE TRIGGER toasts_announce_insert AFTER INSERT ON toasts_toast"
        " FOR EACH STATEMENT EXECUTE FUNCTION toasts_announce('toasts')",
        "ALTER FUNCTION toasts_announce SET search_path = nowhere",
        "ALTER TABLE toasts_toast RENAME read_at TO seen_at",
    ],
    ids=["channel too long", "no transition table", "search_path", "column renamed"],
)
def test_a_trigger_that_fails_never_fails_the_writer(bare: Database, harm: str) -> None:
    bare.run("install")
    for statement in harm.split("; "):
        bare.writer.execute(statement)
    bare.writer.execute("INSERT INTO auth_user " + USERS.split("auth_user ")[1], [1])
    bare.writer.execute(INSERT)
    (count,) = bare.writer.execute("SELECT count(*) FROM toasts_toast").fetchone() or (0,)
    assert count == 1
    if "search_path" in harm:
        assert bare.messages() == ['["user:1"]']  # pg_catalog is always searched
    else:
        assert bare.messages() == []
        assert len(bare.warnings) == 1
        assert bare.warnings[0].startswith("toasts were written but not announced: ")


def test_the_writers_search_path_does_not_matter(database: Database) -> None:
    with psycopg.connect(database.plain, autocommit=True) as other:
        other.execute("CREATE SCHEMA IF NOT EXISTS trap")
        other.execute(
            "CREATE OR REPLACE FUNCTION trap.pg_notify(text, text) RETURNS void"
            " LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$"
        )
        other.execute("SET search_path = trap, pg_catalog")
        other.execute(INSERT.replace("toasts_toast", "public.toasts_toast"))
    assert database.messages() == ['["user:1"]']


def test_a_role_that_may_only_insert_announces_too(database: Database) -> None:
    database.writer.execute("DROP OWNED BY scribe" if has_role(database) else "CREATE ROLE scribe")
    database.writer.execute("GRANT INSERT ON toasts_toast TO scribe")
    database.writer.execute("GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO scribe")
    with psycopg.connect(database.plain, autocommit=True) as other:
        other.execute("SET ROLE scribe")
        other.execute(INSERT)
    assert database.messages() == ['["user:1"]']


def has_role(database: Database) -> bool:
    found = database.writer.execute("SELECT 1 FROM pg_roles WHERE rolname = 'scribe'")
    return found.fetchone() is not None


@pytest.mark.parametrize(
    "setting", ["toasts.triggers = 'off'", "session_replication_role = 'replica'"]
)
def test_a_session_can_be_silent(database: Database, setting: str) -> None:
    with psycopg.connect(database.plain, autocommit=True) as other:
        other.execute(f"SET {setting}")
        other.execute(INSERT)
        assert database.messages() == []
        other.execute(f"RESET {setting.split(' ')[0]}")
        other.execute(INSERT)
        assert database.messages() == ['["user:1"]']


def test_a_site_can_be_silent_by_the_options_of_its_connection(database: Database) -> None:
    silent = Site(f"{database.plain}?options=-c%20toasts.triggers%3Doff")
    silent.run("from toasts import create_toast\ncreate_toast('hi', 1)")
    assert database.messages() == ['["user:1"]']  # its own, after the commit


# Installing.


def test_the_command_installs_tells_and_removes(bare: Database) -> None:
    assert bare.run("status") == "Not installed."
    assert bare.run("install") == "Triggers installed; they announce on channel 'toasts'."
    assert bare.triggers() == NAMES
    assert bare.run("install") == "Triggers installed; they announce on channel 'toasts'."
    assert bare.triggers() == NAMES
    assert bare.run("status") == "Installed; they announce on channel 'toasts'."
    bare.writer.execute(USERS, [1])
    assert bare.hints(INSERT) == ["user:1"]
    assert bare.run("remove") == "Triggers removed; rows of plain SQL are found within seconds."
    assert (bare.triggers(), bare.functions()) == ([], 0)
    bare.writer.execute(INSERT)
    assert bare.messages() == []
    assert bare.run("remove") == "Triggers removed; rows of plain SQL are found within seconds."


def test_the_status_tells_what_is_wrong(bare: Database) -> None:
    bare.run("install")
    bare.writer.execute("DROP TRIGGER toasts_announce_delete ON toasts_toast")
    bare.writer.execute("ALTER TABLE toasts_toast DISABLE TRIGGER toasts_announce_update")
    bare.writer.execute(
        "CREATE OR REPLACE FUNCTION toasts_announce() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN NULL; END $$"
    )
    bare.site.environment["TOASTS_CHANNEL"] = 'Other "é" \\'
    assert bare.run("status") == (
        "Installed, but toasts_announce_delete is missing; toasts_announce_update is disabled;"
        " they announce on 'toasts', and TOASTS_CHANNEL is 'Other \"é\" \\\\'; the function is that"
        " of another release. Run `manage.py toasts triggers install`."
    )
    bare.run("install")
    assert bare.run("status") == "Installed; they announce on channel 'Other \"é\" \\\\'."
    bare.writer.execute(USERS, [1])
    bare.listen('Other "é" \\')
    assert bare.hints(INSERT) == ["user:1"]


def test_a_table_in_another_schema_is_found(postgres: PostgresServer) -> None:
    url = postgres.create("elsewhere")
    postgres.execute('CREATE SCHEMA "an Other"', "elsewhere")
    path = "?options=-c%20search_path%3D%22an%5C%20Other%22"
    database = Database(postgres, url + path)
    try:
        assert database.run("install").startswith("Triggers installed")
        assert database.run("status").startswith("Installed; ")
        database.writer.execute('SET search_path = "an Other"')
        database.writer.execute(USERS, [1])
        database.writer.execute("SET search_path = public")
        insert = INSERT.replace("toasts_toast", '"an Other".toasts_toast')
        assert database.hints(insert) == ["user:1"]
        assert database.run("remove").startswith("Triggers removed")
        assert (database.triggers(), database.functions()) == ([], 0)
    finally:
        database.close()


def test_before_the_table_is_there_the_command_says_what_to_do(bare: Database) -> None:
    bare.writer.execute("DROP TABLE toasts_toast")
    for verb in ("install", "remove", "status"):
        assert bare.run(verb) == (
            "error: Database 'default' has no table toasts_toast. Migrate toasts first; a migration"
            ' with InstallTriggers depends on ("toasts", "0001_initial").'
        )


def test_on_another_database_the_command_says_that_none_is_needed(tmp_path: Any) -> None:
    site = Site(f"sqlite:///{tmp_path}/site.sqlite3")
    for verb in ("install", "remove", "status"):
        assert site.run(OUTPUT, verb) == (
            "error: Database 'default' is of kind sqlite; the triggers are for PostgreSQL."
            " Rows that plain SQL writes elsewhere are found without them."
        )


OPERATION = """
import json, sys
from django.db import connection
from django.db.migrations.state import ProjectState
from toasts.triggers import InstallTriggers
operation, state = InstallTriggers(), ProjectState()
operation.state_forwards("site", state)
assert operation.reversible
for step in sys.argv[1:]:
    with connection.schema_editor(collect_sql=step == "sql") as editor:
        backwards = step == "backwards"
        run = operation.database_backwards if backwards else operation.database_forwards
        run("site", editor, state, state)
print(json.dumps(editor.collected_sql if editor.collect_sql else []))
"""


def test_the_operation_goes_forwards_and_backwards(bare: Database) -> None:
    bare.site.run(OPERATION, "forwards")
    assert bare.triggers() == NAMES
    assert bare.run("status") == "Installed; they announce on channel 'toasts'."
    bare.site.run(OPERATION, "backwards")
    assert (bare.triggers(), bare.functions()) == ([], 0)
    bare.site.run(OPERATION, "backwards", "forwards", "forwards")
    assert bare.triggers() == NAMES


def test_the_operations_sql_can_be_shown_before_the_table_is_there(bare: Database) -> None:
    bare.writer.execute("DROP TABLE toasts_toast")
    shown = bare.site.run(OPERATION, "sql")
    assert len(shown) == 7
    assert shown[0].startswith('CREATE OR REPLACE FUNCTION "public"."toasts_announce"()')
    assert bare.functions() == 0


def test_the_operation_does_nothing_on_another_database(tmp_path: Any) -> None:
    site = Site(f"sqlite:///{tmp_path}/site.sqlite3")
    assert site.run(OPERATION, "forwards", "backwards", "sql") == []


def test_the_operation_does_nothing_where_no_toasts_are_kept(bare: Database) -> None:
    elsewhere = (
        "from django.conf import settings\n"
        "class Elsewhere:\n"
        "    def allow_migrate(self, db, app_label, **hints):\n"
        "        return app_label != 'toasts'\n"
        "from django.db import router\n"
        "router.routers = [Elsewhere()]\n"
    )
    bare.site.run(elsewhere + OPERATION, "forwards")
    assert bare.triggers() == []


# To the end.


async def test_a_plain_insert_reaches_an_open_stream_at_once(postgres: PostgresServer) -> None:
    database = Database(postgres, postgres.create("to_the_end"), TOASTS_RECONCILE="600")
    try:
        ids = database.site.users("alice")
        cookies = database.site.sessions("alice")
        await asyncio.to_thread(database.run, "install")
        server = await asyncio.to_thread(database.site.serve)
        async with stream(server, cookies["alice"]) as hers:
            await until_event(hers, "sync")
            insert = "INSERT INTO toasts_toast (user_id, message) VALUES (%s, 'by hand')"
            started = time.monotonic()
            await asyncio.to_thread(database.writer.execute, insert, [ids["alice"]])
            toast = await until_event(hers, "toast")
            assert time.monotonic() - started < 2
            assert toast["message"] == "by hand"
            await asyncio.to_thread(
                database.writer.execute, "UPDATE toasts_toast SET read_at = now()"
            )
            assert await until_event(hers, "dismiss") == {"ids": [toast["id"]]}
    finally:
        database.close()
