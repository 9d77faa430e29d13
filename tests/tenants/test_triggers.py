"""Triggers of a tenant's tables name the tenant, and reach its pages alone."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.postgres import PostgresServer
from tests.tenants.sites import TenantSite, next_event, stream_of

pytestmark = pytest.mark.servers

INSTALL = """
import json
from django.core.management import call_command
from django.db import connection
from django_tenants.utils import schema_context
from toasts.feeds.triggers import InstallFeedTriggers
for name in ("red", "blue", "public"):
    with schema_context(name):
        call_command("toasts", "triggers", "install", verbosity=0)
        with connection.schema_editor() as editor:
            operation = InstallFeedTriggers("names", "auth_group", ["all"])
            operation.database_forwards("app", editor, None, None)
print(json.dumps(True))
"""
STATUS = """
import io, json
from django.core.management import call_command
from django_tenants.utils import schema_context
output = io.StringIO()
with schema_context("red"):
    call_command("toasts", "triggers", "status", stdout=output)
print(json.dumps(output.getvalue()))
"""


@pytest.fixture(scope="module")
def site(postgres: PostgresServer) -> Iterator[TenantSite]:
    periods = {"TOASTS_RECONCILE": "600", "TOASTS_SWEEP": "600"}
    site = TenantSite(postgres.create("tenant_triggers"), "both", **periods)
    site.run(INSTALL)
    yield site
    site.close()


def insert(site: TenantSite, schema: str, statement: str) -> None:
    with psycopg.connect(site.environment["TEST_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"SET search_path = {schema}".encode())
        connection.execute(statement.encode())


async def test_plain_sql_in_a_schema_reaches_the_pages_of_its_tenant(site: TenantSite) -> None:
    cookies = site.sign_in("red", "blue")
    server = site.serve("uvicorn")
    async with (
        stream_of(server, "red", cookies["red"]) as red,
        stream_of(server, "blue", cookies["blue"], "/feeds/names/") as blue,
    ):
        await next_event(red, "sync")
        await next_event(blue, "sync")
        for schema in ("blue", "red"):
            toast = f"INSERT INTO toasts_toast (user_id, message) VALUES (1, 'SQL in {schema}')"
            insert(site, schema, toast)
        for schema in ("red", "blue"):
            insert(site, schema, f"INSERT INTO auth_group (name) VALUES ('group of {schema}')")
        assert (await next_event(red, "toast"))["message"] == "SQL in red"
        assert (await next_event(blue, "change"))["row"] == {"name": "group of blue"}


def test_the_status_of_a_schema_is_that_of_its_own_triggers(site: TenantSite) -> None:
    assert site.run(STATUS).startswith("Installed; they announce on channel 'toasts'.")
