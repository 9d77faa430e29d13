"""``manage.py demo_users``: create users to sign in as."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = (
        "Create the users alice and bob and the superuser admin. The password of each is its name."
        " Needs DEBUG=1."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "demo_users makes accounts whose passwords everybody knows, so it runs with "
                "DEBUG=1 only. For a real account: manage.py createsuperuser."
            )
        for name in ("alice", "bob", "admin"):
            self._create(name, is_admin=name == "admin")

    def _create(self, name: str, *, is_admin: bool) -> None:
        users = get_user_model().objects
        if users.filter(username=name).exists():
            return
        users.create_user(name, password=name, is_staff=is_admin, is_superuser=is_admin)
        self.stdout.write(f"Created {name} (password: {name}).")
