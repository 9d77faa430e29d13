"""Arbitrary rows of plain SQL: whatever they hold, the toasts of other users are read and sent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.realtime.test_sse import any_text
from toasts import create_toast
from toasts.delivery.source import TOASTS, read_state, topic
from toasts.delivery.state import as_json
from toasts.models.toast import Toast

pytestmark = pytest.mark.django_db(transaction=True)

COLUMNS = [field.column for field in Toast._meta.concrete_fields if field.column != "id"]
ON_POSTGRES = connection.vendor == "postgresql"

texts = any_text.map(lambda text: text.replace("\0", "").encode("utf-8", "replace").decode())
integers = st.integers(-(2**63), 2**63 - 1)
json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
).map(lambda value: json.dumps(value).replace("\\u0000", ""))
times = st.sampled_from(
    ["infinity", "-infinity", "epoch", "4713-01-01 BC", "294276-12-31", "0001-01-01", "2026-01-01"]
)
# What PostgreSQL's types let in, and on SQLite anything: its columns take values of every type.
sql_values = st.one_of(
    st.none(),
    *([texts, times, json_texts, st.floats().map(str)] if ON_POSTGRES else []),
    *([] if ON_POSTGRES else [texts, integers, st.floats(), st.binary(max_size=20), json_texts]),
)


@pytest.fixture
def rows() -> Iterator[Any]:
    """Insert rows without any constraint between tables."""
    if ON_POSTGRES:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            yield cursor
            cursor.execute("SET session_replication_role = origin")
        return
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as plain:
        plain.execute("PRAGMA foreign_keys = 0")
        plain.execute("PRAGMA ignore_check_constraints = 1")
        yield plain


def insert(rows: Any, values: Mapping[str, Any]) -> None:
    """Insert a row, unless the database refuses it."""
    mark = "%s" if ON_POSTGRES else "?"
    marks = ", ".join(mark for _ in values)
    sql = f"INSERT INTO toasts_toast ({', '.join(values)}) VALUES ({marks})"
    with suppress(DatabaseError, sqlite3.DatabaseError, OverflowError):
        rows.execute(sql, list(values.values()))


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), sql_values), max_size=3))
def test_no_row_of_plain_sql_harms_the_toasts_of_others(
    rows: Any, alice: User, bob: User, written: list[dict[str, Any]]
) -> None:
    Toast.objects.all().delete()
    for values in written:
        insert(rows, {"user_id": alice.pk, "message": "odd", **values})
    mine = create_toast("for bob", bob)
    topics = [topic(alice.pk), topic(bob.pk)]
    states = TOASTS.read(topics)
    assert mine.pk in states[topics[1]]
    assert states[topics[1]] == read_state(bob.pk)
    for name in topics:
        state = states.get(name, {})
        assert TOASTS.snapshot(name, state).count(b"event: sync\n") == 1
        TOASTS.delta(name, {}, state)
        TOASTS.delta(name, state, {})
        for toast in as_json(state):
            json.dumps(toast, allow_nan=False)
    assert b"for bob" in TOASTS.snapshot(topics[1], states[topics[1]])
