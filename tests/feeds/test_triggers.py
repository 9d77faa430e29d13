"""Triggers on a feed's table, in a real PostgreSQL, to an open page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.migrations.writer import MigrationWriter

from tests.support.postgres import PostgresServer
from tests.support.servers import Site
from tests.support.trigger_database import Database
from tests.support.websocket_client import WebSocket
from toasts.feeds.triggers import InstallFeedTriggers

pytestmark = pytest.mark.servers
MIGRATE = """
import json, sys
from django.db import connection
from toasts.feeds.triggers import InstallFeedTriggers
direction, feed, table, *topics = sys.argv[1:]
operation = InstallFeedTriggers(feed, table, topics)
with connection.schema_editor() as editor:
    getattr(operation, "database_" + direction)("app", editor, None, None)
"""
TOPICS = ("all", "customer:{customer}")
INSERT = "INSERT INTO board_order (customer, product) VALUES (%s, %s)"


@pytest.fixture(scope="module")
def installed(postgres: PostgresServer) -> Iterator[Database]:
    made = Database(postgres, postgres.create("board"), TEST_URLS="tests.support.feeds_site")
    made.writer.execute(
        "CREATE TABLE board_order (id serial PRIMARY KEY, customer text, product text, hint text)"
    )
    made.site.users("alice", "admin")
    made.writer.execute("UPDATE auth_user SET is_staff = true WHERE username = 'admin'")
    made.site.run(MIGRATE, "forwards", "board", "board_order", *TOPICS)
    yield made
    made.site.close()
    made.writer.close()
    made.listener.close()


@pytest.fixture
def database(installed: Database) -> Database:
    installed.messages()  # those of the fixture: about users and sessions
    return installed


def test_each_statement_names_each_topic_once(database: Database) -> None:
    hints = database.hints
    rows = "INSERT INTO board_order (customer) VALUES ('a'), ('a'), ('b'), (NULL)"
    assert hints(rows) == ["feed:board:all", "feed:board:customer:a", "feed:board:customer:b"]
    moved = "UPDATE board_order SET customer = 'c' WHERE customer = 'b'"
    assert hints(moved) == ["feed:board:all", "feed:board:customer:b", "feed:board:customer:c"]
    gone = "DELETE FROM board_order WHERE customer = 'c'"
    assert hints(gone) == ["feed:board:all", "feed:board:customer:c"]
    assert hints("DELETE FROM board_order WHERE customer = 'nobody'") == []
    assert hints("TRUNCATE board_order") == ["feed:board:*"]
    odd = "\\\"[é'"
    assert hints(INSERT, [odd, ""])[1] == f"feed:board:customer:{odd}"


def test_nothing_is_announced_after_a_rollback_or_while_switched_off(database: Database) -> None:
    with database.writer.transaction(force_rollback=True):
        database.writer.execute(INSERT, ["a", "b"])
    assert database.messages() == []
    with database.writer.transaction():
        database.writer.execute("SET LOCAL toasts.triggers = 'off'")
        database.writer.execute(INSERT, ["a", "b"])
    assert database.messages() == []


def test_ten_thousand_rows_of_one_statement_are_few_messages(database: Database) -> None:
    database.writer.execute(
        "INSERT INTO board_order (customer) SELECT 'c' || n FROM generate_series(1, 10000) AS n"
    )
    messages = database.messages()
    assert len(messages) < 60
    assert max(map(len, messages)) < 7000
    assert database.warnings == []


def test_without_topics_every_topic_of_the_feed_is_announced(postgres: PostgresServer) -> None:
    database = Database(
        postgres, postgres.create("board_all"), TEST_URLS="tests.support.feeds_site"
    )
    with database.writer, database.listener:
        database.writer.execute('CREATE TABLE "odd name" (id serial, "weird}col" text)')
        database.site.run(MIGRATE, "forwards", "board", "odd name")
        assert database.hints('INSERT INTO "odd name" DEFAULT VALUES') == ["feed:board:*"]
        database.site.run(MIGRATE, "forwards", "board", "odd name", "row:{id}:end")
        assert database.hints('INSERT INTO "odd name" DEFAULT VALUES') == ["feed:board:row:2:end"]
        database.site.run(MIGRATE, "backwards", "board", "odd name")
        assert database.hints('INSERT INTO "odd name" DEFAULT VALUES') == []
        left = database.writer.execute("SELECT proname FROM pg_proc WHERE proname ~ '^toasts_'")
        assert left.fetchall() == []


REFUSED = MIGRATE.replace(
    '    getattr(operation, "database_" + direction)("app", editor, None, None)',
    """    try:
        operation.database_forwards("app", editor, None, None)
    except Exception as error:
        print(json.dumps([type(error).__name__, str(error)]))""",
)


def test_a_column_whose_values_triggers_do_not_see_is_refused(postgres: PostgresServer) -> None:
    database = Database(
        postgres, postgres.create("board_virtual"), TEST_URLS="tests.support.feeds_site"
    )
    with database.writer, database.listener:
        database.writer.execute(
            "CREATE TABLE t (id int, stored int GENERATED ALWAYS AS (id + 1) STORED,"
            " computed int GENERATED ALWAYS AS (id + 1) VIRTUAL)"
        )
        run = database.site.run
        kind, text = run(REFUSED, "forwards", "board", "t", "all", "row:{computed}")
        assert kind == "Unsupported"
        assert re.match(r"'row:\{computed\}': .* 'computed', a virtual generated column", text)
        assert run(REFUSED, "forwards", "board", "t", "row:{nothing}") == [
            "Unsupported", "'row:{nothing}': the table t has no column 'nothing'.",
        ]  # fmt: skip
        assert database.hints("INSERT INTO t VALUES (1)") == []
        run(MIGRATE, "forwards", "board", "t", "row:{id}:{stored}")
        assert database.hints("INSERT INTO t VALUES (1)") == ["feed:board:row:1:2"]


def test_with_a_column_that_goes_missing_the_row_is_written_and_the_writer_warned(
    postgres: PostgresServer,
) -> None:
    database = Database(
        postgres, postgres.create("board_bad"), TEST_URLS="tests.support.feeds_site"
    )
    with database.writer, database.listener:
        database.writer.execute("CREATE TABLE t (id serial, missing text)")
        database.site.run(MIGRATE, "forwards", "board", "t", "row:{missing}")
        database.writer.execute("ALTER TABLE t DROP COLUMN missing")
        assert database.hints("INSERT INTO t DEFAULT VALUES") == []
        assert re.match(r'rows were written but not announced: .*"missing"', database.warnings[0])


async def test_a_row_larger_than_a_notification_reaches_the_pages_that_may_see_it(
    database: Database,
) -> None:
    site: Site = database.site
    port = site.serve("uvicorn").port
    keys = {name: cookies["sessionid"] for name, cookies in site.sessions("alice", "admin").items()}
    alices, staffs = [await WebSocket.open(port, "/feeds/board/", key) for key in keys.values()]
    for socket in (alices, staffs):
        await socket.until("sync")
    large = {"customer": "alice", "product": "é" * 20_000}
    database.writer.execute(INSERT, ["bob", "small"])
    database.writer.execute(INSERT, list(large.values()))
    assert (await alices.until("change"))["data"]["row"] == large
    assert (await staffs.until("change"))["data"]["row"]["customer"] == "bob"
    assert (await staffs.until("change"))["data"]["row"] == large
    for socket in (alices, staffs):
        await socket.leave()


def test_a_migration_can_be_written(db: None) -> None:
    operation = InstallFeedTriggers("board", "board_order", topics=TOPICS)
    text, imports = MigrationWriter.serialize(operation)
    assert imports == {"import toasts.feeds.triggers"}
    assert text.startswith("toasts.feeds.triggers.InstallFeedTriggers(")
    arguments = (("board", "board_order"), {"topics": TOPICS})
    assert operation.deconstruct() == ("InstallFeedTriggers", *arguments)
    assert operation.migration_name_fragment == "feed_board_triggers"


@pytest.mark.django_db(transaction=True)
def test_on_another_database_nothing_is_done(on_postgres: bool) -> None:
    if on_postgres:
        pytest.skip("it is for other databases")
    operation: Any = InstallFeedTriggers("board", "board_order")
    with connections["default"].schema_editor(collect_sql=True) as editor:
        operation.database_forwards("x", editor, None, None)
        assert editor.collected_sql == []


def test_an_invalid_feed_name_is_an_error() -> None:
    with pytest.raises(ValueError, match="feed: 'Board'"):
        InstallFeedTriggers("Board", "board_order")


def test_columns_may_be_named_like_variables_of_the_language(database: Database) -> None:
    database.writer.execute(
        'CREATE TABLE things (id serial PRIMARY KEY, "found" text, "new" text, tg_op text)'
    )
    topics = ("f:{found}", "n:{new}", "o:{tg_op}")
    database.site.run(MIGRATE, "forwards", "things", "things", *topics)
    hints = database.hints("INSERT INTO things (found, new, tg_op) VALUES ('a', 'b', 'c')")
    assert hints == ["feed:things:f:a", "feed:things:n:b", "feed:things:o:c"]
