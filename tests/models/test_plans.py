"""The query plans of the table, where a wrong plan would be slow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from toasts.models.toast import Toast

pytestmark = pytest.mark.django_db


ROWS, USERS, BUSY = 200_000, 1000, 1000


@pytest.fixture
def big(alice: User) -> User:
    """200,000 toasts of 1,000 users, nine in ten read; alice has 1,000 unread and 1,000 read."""
    User.objects.bulk_create(User(username=f"u{n}") for n in range(USERS - 1))
    first, last = (
        User.objects.order_by(by).values_list("pk", flat=True)[0] for by in ("pk", "-pk")
    )
    numbers = (
        "generate_series(1, %s) AS numbers(n)"
        if connection.vendor == "postgresql"
        else "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s LIMIT %s)"
        " SELECT n FROM s) AS numbers"
    )
    sql = f"""
        INSERT INTO toasts_toast (user_id, message, read_at)
        SELECT CAST(%s AS integer) + n %% %s, 'number ' || n,
               CASE WHEN n %% %s = 0 THEN NULL ELSE CURRENT_TIMESTAMP END
        FROM {numbers}
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [first, last - first + 1, 7, ROWS - 2 * BUSY])
        cursor.execute(sql, [alice.pk, 1, 2, 2 * BUSY])
        cursor.execute("ANALYZE toasts_toast")
    return alice


def plan_of(queries: CaptureQueriesContext) -> Any:
    """Return the database's plan for the only query that ran."""
    (query,) = queries.captured_queries
    return explain(query["sql"])


def explain(sql: str) -> Any:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
            (answer,) = cursor.fetchone()
        return answer if isinstance(answer, list) else json.loads(answer)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return [row[3] for row in cursor.fetchall()]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def on_table(plan: Any) -> list[tuple[str, str]]:
    """Return how PostgreSQL reads the table: the types of the nodes and their indexes."""
    return [
        (node["Node Type"], node.get("Index Name", ""))
        for node in nodes(plan[0]["Plan"])
        if "toasts" in node.get("Relation Name", node.get("Index Name", ""))
    ]


@pytest.mark.parametrize("users", [1, 500])
def test_a_streams_read_is_one_scan_of_the_partial_index(
    big: User, on_postgres: bool, users: int
) -> None:
    others = User.objects.exclude(pk=big.pk).values_list("pk", flat=True)[: users - 1]
    ids = [big.pk, *others]
    with CaptureQueriesContext(connection) as queries:
        rows = list(Toast.objects.newest_active(ids, 200))
    assert sum(row.user_id == big.pk for row in rows) == 200
    plan = plan_of(queries)
    if not on_postgres:
        (step,) = (step for step in plan if "toasts_toast" in step)
        assert step == "SEARCH toasts_toast USING INDEX toasts_unread (user_id=?)"
        return
    assert on_table(plan) == [("Index Scan", "toasts_unread")]
    # The 200 rows are sorted at the end, never the thousands of rows that the user may have.
    (limit,) = (node for node in nodes(plan[0]["Plan"]) if node["Node Type"] == "Limit")
    kinds = [node["Node Type"] for node in nodes(limit)]
    assert not [kind for kind in kinds if "Sort" in kind]


def test_a_users_active_toasts_come_sorted_from_the_partial_index(
    big: User, on_postgres: bool
) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert len(Toast.objects.for_user(big).active()[:50]) == 50
    plan = plan_of(queries)
    if not on_postgres:
        assert plan == ["SEARCH toasts_toast USING INDEX toasts_unread (user_id=?)"]
        return
    assert on_table(plan) == [("Index Scan", "toasts_unread")]
    assert [node["Node Type"] for node in nodes(plan[0]["Plan"])] == ["Limit", "Index Scan"]


def test_a_page_of_all_of_a_users_toasts_comes_sorted_from_an_index(
    big: User, on_postgres: bool
) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert len(Toast.objects.for_user(big)[:50]) == 50
    plan = plan_of(queries)
    if not on_postgres:
        assert plan == ["SEARCH toasts_toast USING INDEX toasts_newest (user_id=?)"]
        return
    assert on_table(plan) == [("Index Scan", "toasts_newest")]
    assert not [node for node in nodes(plan[0]["Plan"]) if "Sort" in node["Node Type"]]
