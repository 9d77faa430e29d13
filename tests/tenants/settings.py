"""A site with django-tenants: ``TENANT_LAYOUT`` chooses what the tenants share.

own:        each tenant has users and toasts; the public schema has none
both:       each tenant has users and toasts, and the public schema, too
users:      all tenants share the users, and each has toasts
everything: all tenants share the users and the toasts

And three that can't work:

toasts:     each tenant has users, but all share the toasts
public:     as both, but the public schema has no toasts
orphans:    as own, but the public schema has toasts

``TENANT_FOLDER`` serves each tenant in a folder of one host.
"""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, MIDDLEWARE

LAYOUT = os.environ.get("TENANT_LAYOUT", "own")
USERS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
OF_SITE = [
    "django_tenants", "tests.tenants.customers", "django.contrib.staticfiles", "rest_framework",
]  # fmt: skip
SHARED = {
    "own": ["django.contrib.contenttypes"],
    "both": [*USERS, "toasts"],
    "users": USERS,
    "everything": [*USERS, "toasts"],
    "toasts": [*USERS, "toasts"],
    "public": USERS,
    "orphans": ["django.contrib.contenttypes", "toasts"],
}
OWN = {
    "own": [*USERS, "toasts"],
    "both": [*USERS, "toasts"],
    "users": ["toasts"],
    "everything": ["rest_framework"],
    "toasts": USERS,
    "public": [*USERS, "toasts"],
    "orphans": [*USERS, "toasts"],
}
SHARED_APPS = [*OF_SITE, *SHARED[LAYOUT]]
TENANT_APPS = OWN[LAYOUT]
INSTALLED_APPS = list(dict.fromkeys([*SHARED_APPS, *TENANT_APPS]))
TENANT_MODEL, TENANT_DOMAIN_MODEL = "customers.Customer", "customers.Domain"
DATABASES["default"]["ENGINE"] = "django_tenants.postgresql_backend"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
ROOT_URLCONF = "tests.tenants.urls"
SUBFOLDERS = bool(os.environ.get("TENANT_FOLDER"))
TENANT_SUBFOLDER_PREFIX = "clients" if SUBFOLDERS else ""
MIDDLEWARE = [
    "django_tenants.middleware.TenantSubfolderMiddleware"
    if SUBFOLDERS
    else "django_tenants.middleware.TenantMainMiddleware",
    *(name for name in MIDDLEWARE if "messages" not in name),
]
TOASTS_TENANT = {"off": ""}.get(_tenant := os.environ.get("TOASTS_TENANT", "auto"), _tenant)
if "TENANT_DB_ALIAS" in os.environ:
    TENANT_DB_ALIAS = os.environ["TENANT_DB_ALIAS"]
    DATABASES[TENANT_DB_ALIAS] = DATABASES["default"]
