"""A trigger never makes a write fail."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.servers import Site
from tests.support.trigger_database import INSERT, USERS, Database

pytestmark = pytest.mark.servers


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
def test_a_session_can_switch_announcements_off(database: Database, setting: str) -> None:
    with psycopg.connect(database.plain, autocommit=True) as other:
        other.execute(f"SET {setting}")
        other.execute(INSERT)
        assert database.messages() == []
        other.execute(f"RESET {setting.split(' ')[0]}")
        other.execute(INSERT)
        assert database.messages() == ['["user:1"]']


def test_a_site_can_switch_announcements_off_in_its_connection_options(database: Database) -> None:
    silent = Site(f"{database.plain}?options=-c%20toasts.triggers%3Doff")
    silent.run("from toasts import create_toast\ncreate_toast('hi', 1)")
    assert database.messages() == ['["user:1"]']  # its own, after the commit
