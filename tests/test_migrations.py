from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from toasts import create_toast
from toasts.models.toast import Toast


def tables() -> set[str]:
    return {name for name in connection.introspection.table_names() if name.startswith("toasts")}


def schema() -> dict[str, Any]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, Toast._meta.db_table)
    names = ("columns", "orders", "primary_key", "unique", "index", "check", "foreign_key")
    # SQLite gives its unnamed checks new names at each reading.
    return {
        name: {key: value.get(key) for key in names}
        for name, value in found.items()
        if not name.startswith("__unnamed")
    }


@pytest.mark.django_db
def test_the_models_have_all_their_migrations() -> None:
    call_command("makemigrations", "toasts", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
def test_the_table_has_the_indexes_and_constraints_of_the_model() -> None:
    declared = {item.name for item in [*Toast._meta.indexes, *Toast._meta.constraints]}
    assert declared <= set(schema())


@pytest.mark.django_db(transaction=True)
def test_the_migrations_can_be_reversed_and_applied_again(alice: User) -> None:
    before = schema()
    create_toast("hello", alice)
    try:
        call_command("migrate", "toasts", "zero", verbosity=0)
        assert tables() == set()
    finally:
        call_command("migrate", "toasts", verbosity=0)
    assert tables() == {"toasts_toast"}
    assert schema() == before
    assert not Toast.objects.exists()
    create_toast("hello again", alice)
    assert Toast.objects.get().level == "info"


@pytest.mark.django_db
def test_all_migrations_are_applied() -> None:
    executor = MigrationExecutor(connection)
    targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "toasts"]
    assert targets
    assert executor.migration_plan(targets) == []
