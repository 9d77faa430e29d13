"""A host project with users, and another process that creates their toasts."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.support.servers import COMMANDS, ROOT, Site

COMMANDS["wsgi"] = ["-m", "tests.browser.wsgi", "{port}"]

ELSEWHERE = """
import json, sys, traceback
import django
django.setup()
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from toasts import create_toast, dismiss_toast, update_toast
from toasts.models import Toast

def sign_in(name):
    user, client = User.objects.create_user(name, password=name), Client()
    client.force_login(user)
    return user.pk, client.cookies["sessionid"].value

def sign_out(session):
    client = Client()
    client.cookies["sessionid"] = session
    return client.post("/logout/").status_code

def change(pk, **changes):
    update_toast(Toast.objects.get(pk=pk), **changes)

def unread(pk):
    return Toast.objects.filter(pk=pk, read_at=None).exists()

def dismiss(pk):
    dismiss_toast(Toast.objects.get(pk=pk))

def insert(*values):
    with connection.cursor() as cursor:
        into = "INSERT INTO toasts_toast (user_id, message, url, actions)"
        cursor.execute(f"{into} VALUES (%s, %s, %s, %s) RETURNING id", values)
        return cursor.fetchone()[0]

for line in sys.stdin:
    name, arguments, keywords = json.loads(line)
    try:
        answer = {"result": globals()[name](*arguments, **keywords)}
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer, default=lambda value: value.pk), flush=True)
"""


@dataclass(frozen=True)
class Person:
    pk: int
    session: str


class Host(Site):
    def __init__(self, database_url: str, settings: str = "tests.browser.settings") -> None:
        super().__init__(database_url, DJANGO_SETTINGS_MODULE=settings, DATABASE_URL=database_url)
        self._names = count()
        self._elsewhere = subprocess.Popen(
            [sys.executable, "-c", ELSEWHERE], env=self.environment, cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def with_environment(self, **environment: str) -> Host:
        """Return the same project with other environment variables."""
        other = copy.copy(self)
        other.environment = {**self.environment, **environment}
        return other

    def person(self, name: str = "alice") -> Person:
        """Create a user who is signed in."""
        return Person(*self.call("sign_in", f"{name}{next(self._names)}"))

    def toast(self, person: Person, message: str, **rest: Any) -> int:
        """Create a toast in another process, and return its id."""
        pk: int = self.call("create_toast", message, person.pk, **rest)
        return pk

    def is_read(self, pk: int) -> bool:
        return not self.call("unread", pk)

    def call(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        calls, answers = self._elsewhere.stdin, self._elsewhere.stdout
        assert calls is not None
        assert answers is not None
        calls.write(json.dumps([name, arguments, keywords]) + "\n")
        calls.flush()
        answer = json.loads(answers.readline())
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def close(self) -> None:
        super().close()
        self._elsewhere.communicate(timeout=30)  # closes its input, which ends it
