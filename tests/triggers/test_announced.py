"""What the triggers announce, in a real PostgreSQL."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from tests.support.trigger_database import INSERT, Database, foreign_key
from toasts.realtime.brokers.base import unpack

pytestmark = pytest.mark.servers


def test_an_insert_of_two_columns_is_announced(database: Database) -> None:
    assert database.hints(INSERT) == ["user:1"]


def test_the_message_has_the_format_of_all_hints(database: Database) -> None:
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


def test_three_thousand_users_of_one_statement_are_all_announced(database: Database) -> None:
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
def test_a_change_of_a_visible_column_is_announced(database: Database, change: str) -> None:
    database.toast(1)
    database.toast(2)
    hints = database.hints(f"UPDATE toasts_toast SET {change} WHERE user_id = 1")
    assert hints == ["user:1"]


def test_a_toast_that_gets_another_user_is_announced_to_both(database: Database) -> None:
    database.toast(1)
    assert database.hints("UPDATE toasts_toast SET user_id = 2") == ["user:1", "user:2"]


def test_marking_as_unread_is_announced(database: Database) -> None:
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
def test_a_statement_that_changes_nothing_visible_is_not_announced(
    database: Database, statement: str
) -> None:
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


def test_create_toast_is_announced_twice_which_does_no_harm(database: Database) -> None:
    database.site.run("from toasts import create_toast\ncreate_toast('hi', 1)")
    assert database.messages() == ['["user:1"]', '["user:1"]']


@pytest.mark.parametrize(
    ("type", "key"),
    [
        ("uuid", str(uuid.UUID(int=0xABC << 100))),
        ("text", "a\"b\\c'd é \U0001f600 \n $toasts$ %s ]"),
    ],
)
def test_keys_of_any_type_are_announced_as_python_writes_them(
    bare: Database, type: str, key: str
) -> None:
    bare.run("install")
    bare.writer.execute("ALTER TABLE toasts_toast DROP CONSTRAINT " + foreign_key(bare))
    bare.writer.execute(f"ALTER TABLE toasts_toast ALTER user_id TYPE {type} USING NULL")
    insert = "INSERT INTO toasts_toast (user_id, message) VALUES (%s, 'hi')"
    assert bare.hints(insert, [key]) == [f"user:{key}"]
    assert bare.warnings == []


def test_a_key_too_long_for_a_hint_does_not_stop_the_others(bare: Database) -> None:
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
