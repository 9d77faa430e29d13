"""Checks of how the site keeps its tenants apart: E020, E021, E022."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, register

from .. import tenants
from ..conf import conf

SCHEMA_PACKAGES = ("django_pgschemas", "django_tenants", "tenant_schemas")
"""Packages that give each tenant a schema."""


@register("toasts")
def check_tenancy(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E020: TOASTS_TENANT names nothing that can tell the tenant."""
    try:
        tenants.tenancy()
    except Exception as error:  # a module may raise anything while it is imported
        return [
            Error(
                f"TOASTS_TENANT is {conf.tenant!r}, which can't be used: {error}",
                hint=(
                    "Set it to the dotted path of a context variable or of a subclass of"
                    " toasts.tenants.Tenancy."
                ),
                id="toasts.E020",
            )
        ]
    return []


@register("toasts")
def check_layout(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E021: users and toasts are not where each tenant would find its own."""
    try:
        chosen = tenants.tenancy()
    except Exception:  # E020 reports it
        return []
    problems = chosen.problems() if chosen is not None else []
    return [Error(problem, id="toasts.E021") for problem in problems]


@register("toasts")
def check_packages(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """E022: a package keeps tenants in schemas, and toasts would read one schema for all."""
    known = conf.tenant == tenants.AUTO and apps.is_installed("django_tenants")
    if known or conf.tenant not in ("", tenants.AUTO):
        return []
    return [
        Error(
            f"{name} is installed, and TOASTS_TENANT is {conf.tenant!r}. Streams would read one"
            " schema for all tenants, and show users the toasts of others.",
            hint=(
                "For django-tenants, remove TOASTS_TENANT. For another package, write a subclass of"
                " toasts.tenants.Tenancy, and name it in TOASTS_TENANT. If the tenants share their"
                " users and toasts, silence toasts.E022."
            ),
            id="toasts.E022",
        )
        for name in SCHEMA_PACKAGES
        if apps.is_installed(name)
    ]
