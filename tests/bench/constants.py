"""Measures the constants of `scale` that no scenario prints: ``python -m tests.bench.constants``.

The figures are CPU time: of the process that receives a hint, and of the backends of a PostgreSQL
with its tables in memory.
"""

from __future__ import annotations

import argparse
import datetime
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psycopg

from tests.support.postgres import PostgresServer

USERS, ROUNDS, BATCH = 10_000, 10, 500
LISTENERS, NOTIFIES = 40, 2000
QUICK = {"USERS": 200, "ROUNDS": 1, "BATCH": 100, "LISTENERS": 2, "NOTIFIES": 20}
"""Tiny sizes, as a smoke test. The figures mean nothing."""


def cpu(pids: Iterable[int]) -> float:
    """Return the CPU time that these processes have used, in seconds."""
    found = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def receive_hint() -> float:
    from toasts.realtime.brokers.base import pack, unpack

    known = {f"user:{number}" for number in range(USERS)}
    messages = pack(f"user:{number}" for number in range(USERS, 2 * USERS))
    started = time.process_time()
    for message in messages * ROUNDS:
        for name in unpack(message):
            if name.startswith("!") or name in known:
                raise AssertionError(name)
    return (time.process_time() - started) / (USERS * ROUNDS)


def per_user(work: Callable[[list[int]], Any], user_ids: list[int]) -> float:
    from django.db import connection

    backend = connection.connection.info.backend_pid
    before = cpu([backend])
    for _ in range(ROUNDS):
        for start in range(0, USERS, BATCH):
            work(user_ids[start : start + BATCH])
    return (cpu([backend]) - before) / (USERS * ROUNDS)


def prepare() -> list[int]:
    """Create users with a session each. Every tenth has a toast. Return their ids."""
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session
    from django.db import connection
    from django.utils import timezone

    from toasts import create_toasts

    users = User.objects.bulk_create(User(username=f"u{n}", password="x") for n in range(USERS))
    create_toasts("hello", users[::10])
    soon = timezone.now() + datetime.timedelta(days=1)
    Session.objects.bulk_create(
        Session(session_key=f"{user.pk:032d}", session_data="x" * 250, expire_date=soon)
        for user in users
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return [user.pk for user in users]


def check_sessions(user_ids: list[int]) -> None:
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    keys = [f"{pk:032d}" for pk in user_ids]
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    list(sessions.values_list("session_key", "session_data"))
    list(User.objects.filter(pk__in=user_ids).values_list("pk", "password", "is_active"))


def read_states(user_ids: list[int]) -> None:
    from toasts.delivery import state

    state.read({user_id: user_id for user_id in user_ids})


def notify_listeners(url: str) -> float:
    from toasts.realtime.brokers.postgres import notify

    ends = [psycopg.connect(url, autocommit=True) for _ in range(LISTENERS + 1)]
    writer, *listeners = ends
    for end in listeners:
        end.execute("LISTEN toasts")
    threads = [threading.Thread(target=_receive, args=(end,)) for end in listeners]
    for thread in threads:
        thread.start()
    before = cpu(end.info.backend_pid for end in ends)
    for number in range(NOTIFIES):
        notify(writer, "toasts", [f'["user:{number}"]'])
        time.sleep(0.001)  # a thousand per second, so that no two are merged
    for thread in threads:
        thread.join()
    used = cpu(end.info.backend_pid for end in ends) - before
    for end in ends:
        end.close()
    return used / (LISTENERS * NOTIFIES)


def _receive(end: psycopg.Connection[Any]) -> None:
    for _ in end.notifies(timeout=60, stop_after=NOTIFIES):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, as a smoke test")
    if parser.parse_args().quick:
        globals().update(QUICK)
    server = PostgresServer().start()
    try:
        url = server.create("toasts")
        os.environ.update(TEST_DATABASE_URL=url, DJANGO_SETTINGS_MODULE="tests.settings")
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        user_ids = prepare()
        print(f"hint     {1e6 * receive_hint():6.2f} us")
        print(f"state    {1e6 * per_user(read_states, user_ids):6.2f} us")
        print(f"session  {1e6 * per_user(check_sessions, user_ids):6.2f} us")
        print(f"notify   {1e6 * notify_listeners(url):6.2f} us")
    finally:
        server.remove()


if __name__ == "__main__":
    main()
