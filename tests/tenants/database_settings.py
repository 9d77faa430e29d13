"""The settings of tests/tenants/databases.py."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, MIDDLEWARE

_home = DATABASES["default"]
for _tenant in ("red", "blue"):
    DATABASES[_tenant] = {**_home, "NAME": f"{_home['NAME']}_{_tenant}"}
DATABASE_ROUTERS = ["tests.tenants.databases.Router"]
ROOT_URLCONF = "tests.support.feeds_site"
if os.environ["TENANT_CHOSEN_BY"] == "middleware":
    MIDDLEWARE = ["tests.tenants.databases.middleware", *MIDDLEWARE]
TOASTS_TENANT = os.environ.get("TOASTS_TENANT", "tests.tenants.databases.current")
