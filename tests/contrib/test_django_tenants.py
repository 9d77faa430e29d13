"""What the layout of a django-tenants site means for toasts; the rest is in tests/tenants."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from toasts.contrib.django_tenants import SchemaTenancy
from toasts.models import Toast

AUTH, TOASTS = "django.contrib.auth", "toasts"


@pytest.fixture
def tenancy(settings: Any) -> SchemaTenancy:
    settings.SHARED_APPS, settings.TENANT_APPS = [], [AUTH, TOASTS]
    return SchemaTenancy()


def test_a_table_is_in_the_schema_of_the_tenant_or_in_the_public_one(
    tenancy: SchemaTenancy, settings: Any
) -> None:
    assert tenancy.holder(Toast, "red") == "red"
    settings.TENANT_APPS = [AUTH]
    assert tenancy.holder(Toast, "red") == "public"
    assert tenancy.holder(User, "red") == "red"


def test_an_app_may_be_named_by_its_configuration(tenancy: SchemaTenancy, settings: Any) -> None:
    settings.TENANT_APPS = ["toasts.apps.ToastsConfig"]
    assert tenancy.holder(Toast, "red") == "red"


def test_tenants_of_several_types_have_the_apps_of_all_types(
    tenancy: SchemaTenancy, settings: Any
) -> None:
    settings.HAS_MULTI_TYPE_TENANTS = True
    settings.TENANT_TYPES = {
        "public": {"APPS": [AUTH, TOASTS]},
        "shop": {"APPS": [TOASTS]},
        "office": {"APPS": []},
    }
    assert tenancy.holder(Toast, "red") == "red"
    assert tenancy.holder(User, "red") == "public"
    assert tenancy.problems() == []


@pytest.mark.parametrize(
    ("shared", "of_tenants", "problem"),
    [
        ([], [AUTH, TOASTS], None),
        ([AUTH, TOASTS], [], None),
        ([AUTH, TOASTS], [AUTH, TOASTS], None),
        ([], [AUTH], "Each tenant has users of its own ('django.contrib.auth' is in TENANT_APPS)"),
        ([AUTH], [AUTH, TOASTS], "The public schema has users, too ('django.contrib.auth' is in"),
        ([TOASTS], [AUTH, TOASTS], 'The public schema has toasts ("toasts" is in SHARED_APPS)'),
    ],
)
def test_a_layout_without_toasts_for_some_users_is_a_problem(
    tenancy: SchemaTenancy,
    settings: Any,
    shared: list[str],
    of_tenants: list[str],
    problem: str | None,
) -> None:
    settings.SHARED_APPS, settings.TENANT_APPS = shared, of_tenants
    found = tenancy.problems()
    assert len(found) == (problem is not None)
    assert problem is None or found[0].startswith(problem)


def test_toasts_in_another_database_than_the_schemas_are_a_problem(
    tenancy: SchemaTenancy, settings: Any
) -> None:
    settings.TENANT_DB_ALIAS = "schemas"
    assert tenancy.problems() == [
        "Toasts are kept in the database 'default', but the schemas of django-tenants are in"
        " 'schemas' (TENANT_DB_ALIAS). Keep toasts there, too."
    ]
