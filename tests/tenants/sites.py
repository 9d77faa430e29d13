"""Sites with tenants, each a database with processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Any

import httpx
from httpx_sse import aconnect_sse

from tests.support.servers import COMMANDS, ROOT, Server, Site, events, until_event

COMMANDS["uvicorn-databases"] = [
    *COMMANDS["uvicorn"][:-1], "--factory", "tests.tenants.databases:application",
]  # fmt: skip

MIGRATE = """
from django.core.management import call_command
from django.conf import settings
from tests.tenants.customers.models import Customer, Domain
call_command("migrate_schemas", shared=True, verbosity=0, interactive=False)
for name in ("public", "red", "blue"):
    customer = Customer(schema_name=name)
    customer.save(verbosity=0)
    host = name if settings.SUBFOLDERS else f"{name}.example.com"
    Domain.objects.create(domain=host, tenant=customer, is_primary=True)
"""
IMPORT = "from django_tenants.utils import schema_context\n"
WORKER = """
import json, sys
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client
from django_tenants.utils import schema_context
from toasts import *
from toasts.models import Toast

def sign_in():
    user, _ = User.objects.get_or_create(username="same")
    client = Client()
    client.force_login(user)
    return [user.pk, client.cookies["sessionid"].value]

def user():
    return User.objects.get(username="same")

for line in sys.stdin:
    tenant, code = json.loads(line)
    with schema_context(tenant):
        result = eval(code)
    print(json.dumps(result), flush=True)
"""


class TenantSite(Site):
    """A site with the tenants red and blue, each with a user of the same name and key."""

    context = IMPORT
    """The lines that import `schema_context`, which activates a tenant in a process."""

    def __init__(self, database_url: str, layout: str, **environment: str) -> None:
        self.layout = layout
        chosen = {"DJANGO_SETTINGS_MODULE": "tests.tenants.settings", "TENANT_LAYOUT": layout}
        super().__init__(database_url, **{**chosen, **environment})

    def _kind(self) -> str:
        return f"{super()._kind()}.{self.layout}.{self.environment.get('TENANT_FOLDER', '')}"

    def build(self, url: str) -> None:
        self.run(MIGRATE, TEST_DATABASE_URL=url)

    def sign_in(self, *tenants: str) -> dict[str, dict[str, str]]:
        """Return a signed-in browser's cookies for the user of each tenant: all have one key."""
        found = {tenant: self.do(tenant, "sign_in()") for tenant in tenants}
        assert len({key for key, _ in found.values()}) == 1
        return {tenant: {"sessionid": session} for tenant, (_, session) in found.items()}

    def do(self, tenant: str, code: str) -> Any:
        """Return what an expression gives in another process, in the schema of a tenant."""
        worker = self._worker
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(json.dumps([tenant, code]) + "\n")
        worker.stdin.flush()
        answer = worker.stdout.readline()
        assert answer, f"the process ended: {code}"
        return json.loads(answer)

    @cached_property
    def _worker(self) -> subprocess.Popen[str]:
        script = f"import django\ndjango.setup()\n{WORKER.replace(IMPORT, self.context)}"
        return subprocess.Popen(
            [sys.executable, "-c", script], env=self.environment, cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def close(self) -> None:
        super().close()
        if "_worker" in vars(self):
            self._worker.communicate(timeout=30)


DATABASE_MIGRATE = """
from django.core.management import call_command
from tests.tenants.databases import current
for name in ("default", "red", "blue"):
    current.set(name)
    call_command("migrate", database=name, verbosity=0)
"""
DATABASE_CONTEXT = """
from contextlib import contextmanager
from tests.tenants.databases import current
@contextmanager
def schema_context(name):
    token = current.set(name)
    yield
    current.reset(token)
"""


class DatabaseSite(TenantSite):
    """A site whose tenants have a database each."""

    context = DATABASE_CONTEXT
    is_copied = False

    def __init__(self, database_url: str, chosen_by: str, **environment: str) -> None:
        super().__init__(
            database_url,
            "own",
            **{
                "DJANGO_SETTINGS_MODULE": "tests.tenants.database_settings",
                "TENANT_CHOSEN_BY": chosen_by,
                **environment,
            },
        )

    def build(self, url: str) -> None:
        self.run(DATABASE_MIGRATE, TEST_DATABASE_URL=url)


def client_of(server: Server, tenant: str, cookies: dict[str, str]) -> httpx.AsyncClient:
    """Return a browser on the pages of a tenant."""
    folder = f"/clients/{tenant}" if server.site.environment.get("TENANT_FOLDER") else ""
    return httpx.AsyncClient(
        base_url=server.url + folder,
        cookies=cookies,
        timeout=20,
        headers={"Host": "one.example.com" if folder else f"{tenant}.example.com"},
    )


@asynccontextmanager
async def stream_of(
    server: Server, tenant: str, cookies: dict[str, str], path: str = "/toasts/stream/"
) -> AsyncIterator[Any]:
    """Open the stream of a tenant's user, and provide its events."""
    async with (
        client_of(server, tenant, cookies) as client,
        aconnect_sse(client, "GET", path) as source,
    ):
        assert source.response.status_code == 200, source.response.status_code
        yield events(source)


async def next_event(stream: Any, type: str) -> Any:
    """Wait for the next event of a type, and return its data."""
    return await until_event(stream, type, 20)
