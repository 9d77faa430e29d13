"""Two users with a stream each: ``python -m tests.support.user_keys.scenario [user_id]``.

It prints what each of them sees, as JSON. A `user_id` is written by plain SQL, for alice.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connection
from django.test import AsyncClient

from .fields import ANY_CASE_TYPE


def prepare() -> list[Any]:
    """Migrate, and return alice and bob."""
    from .models import KIND, VALUES, Person

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(ANY_CASE_TYPE)
    call_command("migrate", verbosity=0, run_syncdb=True)
    names = zip(VALUES[KIND], ("alice", "bob"), strict=True)
    return [Person._default_manager.create(id=key, name=name) for key, name in names]


def insert(user_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO toasts_toast (user_id, message) VALUES (%s, 'of plain SQL')", [user_id]
        )


async def main(people: list[Any], plain_ids: list[str]) -> dict[str, Any]:
    from tests.support.streams import POLL, StreamReader
    from toasts import async_create_toast

    alice, bob = people
    clients = [AsyncClient(), AsyncClient()]
    for client, person in zip(clients, people, strict=True):
        await client.aforce_login(person)
    streams = [await StreamReader.open(client) for client in clients]
    for stream in streams:
        await stream.until("sync")
    for user_id in plain_ids:
        await sync_to_async(insert)(user_id)
    await async_create_toast("for alice", alice)
    await async_create_toast("for bob", bob.pk)
    seen = {}
    for person, client, stream, count in zip(
        people, clients, streams, (1 + len(plain_ids), 1), strict=True
    ):
        events = [(await stream.until("toast", 15))[-1] for _ in range(count)]
        polled = (await client.get(POLL)).json()["toasts"]
        listed = (await client.get("/toasts/api/toasts/")).json()["results"]
        seen[person.name] = {
            "stream": sorted(event.data["message"] for event in events),
            "poll": sorted(toast["message"] for toast in polled),
            "list": sorted(toast["message"] for toast in listed),
        }
    return seen


if __name__ == "__main__":
    django.setup()
    print(json.dumps(asyncio.run(main(prepare(), sys.argv[1:]))))
