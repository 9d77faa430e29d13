"""Installing the triggers, by the command and by the migration operation."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.migrations.writer import MigrationWriter

from tests.support.postgres import PostgresServer
from tests.support.servers import Site
from tests.support.trigger_database import INSERT, NAMES, OUTPUT, USERS, Database
from toasts.triggers import InstallTriggers

pytestmark = pytest.mark.servers


def test_the_command_installs_reports_and_removes(bare: Database) -> None:
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


def test_the_status_names_every_problem(bare: Database) -> None:
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
    postgres.execute('CREATE SCHEMA "an Other"', url.rpartition("/")[2])
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


def test_without_the_table_the_command_says_what_to_do(bare: Database) -> None:
    bare.writer.execute("DROP TABLE toasts_toast")
    for verb in ("install", "remove", "status"):
        assert bare.run(verb) == (
            "error: Database 'default' has no table toasts_toast. Migrate toasts first; a migration"
            ' with InstallTriggers depends on ("toasts", "0001_initial").'
        )


def test_on_another_database_the_command_says_that_no_triggers_are_needed(tmp_path: Any) -> None:
    site = Site(f"sqlite:///{tmp_path}/site.sqlite3")
    for verb in ("install", "remove", "status"):
        assert site.run(OUTPUT, verb) == (
            "error: Database 'default' uses sqlite, but the triggers need PostgreSQL."
            " On other databases, rows of plain SQL are found without triggers."
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


def test_the_operations_sql_can_be_shown_without_the_table(bare: Database) -> None:
    bare.writer.execute("DROP TABLE toasts_toast")
    shown = bare.site.run(OPERATION, "sql")
    assert len(shown) == 7
    assert shown[0].startswith('CREATE OR REPLACE FUNCTION "public"."toasts_announce"()')
    assert bare.functions() == 0


def test_a_migration_names_the_operation_by_its_public_place() -> None:
    written = MigrationWriter.serialize(InstallTriggers())
    assert written == ("toasts.triggers.InstallTriggers(\n)", {"import toasts.triggers"})
    assert InstallTriggers().deconstruct() == ("InstallTriggers", (), {})
    assert InstallTriggers().migration_name_fragment == "toasts_triggers"


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
