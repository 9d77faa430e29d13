"""The system check of the lists of apps of django-tenants."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.postgres import PostgresServer
from tests.tenants.sites import TenantSite

pytestmark = pytest.mark.servers

CHECK = """
import json
from django.core.checks import run_checks
print(json.dumps([[each.id, each.msg] for each in run_checks(tags=["toasts"])
                  if each.id.startswith("toasts.E")]))
"""
CASES = [
    ("own", {}, []),
    ("both", {}, []),
    ("users", {}, []),
    ("everything", {}, []),
    ("toasts", {}, [["toasts.E021", "all tenants share the toasts"]]),
    ("public", {}, [["toasts.E021", "The public schema has users, too"]]),
    ("orphans", {}, [["toasts.E021", "but no users"]]),
    ("own", {"TENANT_DB_ALIAS": "other"}, [["toasts.E021", "are in 'other' (TENANT_DB_ALIAS)"]]),
    ("own", {"TOASTS_TENANT": "off"}, [["toasts.E022", "django_tenants is installed"]]),
    ("own", {"TOASTS_TENANT": "no.such"}, [["toasts.E020", "'no.such', which can't be used"]]),
    ("own", {"TOASTS_TENANT": "json.dumps"}, [["toasts.E020", "can't be used"]]),
]


class Unmigrated(TenantSite):
    """A site whose checks need no database."""

    is_copied = False

    def build(self, url: str) -> None:
        pass


@pytest.mark.parametrize(("layout", "environment", "expected"), CASES)
def test_a_layout_that_cannot_work_is_an_error(
    postgres: PostgresServer, layout: str, environment: dict[str, str], expected: list[Any]
) -> None:
    site = Unmigrated(postgres.url("postgres"), layout, **environment)
    found = site.run(CHECK)
    assert [number for number, _ in found] == [number for number, _ in expected]
    for (_, message), (_, part) in zip(found, expected, strict=True):
        assert part in message
