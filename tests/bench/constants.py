"""The constants of `scale` that no scenario prints: ``python -m tests.bench.constants``.

CPU per piece of work: of the backends of a PostgreSQL of its own, its tables in memory; and for
a hint of the process that hears it.
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
"""A few of everything, to see it work: the figures mean nothing."""


def cpu(pids: Iterable[int]) -> float:
    """Seconds of CPU that these processes have used."""
    found = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        found += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def hint() -> float:
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
    """Users of whom every tenth has a toast, each with a session."""
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


def right(user_ids: list[int]) -> None:
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    keys = [f"{pk:032d}" for pk in user_ids]
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    list(sessions.values_list("session_key", "session_data"))
    list(User.objects.filter(pk__in=user_ids).values_list("pk", "password", "is_active"))


def probe(user_ids: list[int]) -> None:
    from toasts.delivery import state

    state.read({user_id: user_id for user_id in user_ids})


def listener(url: str) -> float:
    from toasts.realtime.brokers.postgres import notify

    ends = [psycopg.connect(url, autocommit=True) for _ in range(LISTENERS + 1)]
    writer, *hearers = ends
    for end in hearers:
        end.execute("LISTEN toasts")
    threads = [threading.Thread(target=_hear, args=(end,)) for end in hearers]
    for thread in threads:
        thread.start()
    before = cpu(end.info.backend_pid for end in ends)
    for number in range(NOTIFIES):
        writer.execute(notify(writer, "toasts", [f'["user:{number}"]']))
        time.sleep(0.001)  # a thousand a second, so that no two become one
    for thread in threads:
        thread.join()
    used = cpu(end.info.backend_pid for end in ends) - before
    for end in ends:
        end.close()
    return used / (LISTENERS * NOTIFIES)


def _hear(end: psycopg.Connection[Any]) -> None:
    for _ in end.notifies(timeout=60, stop_after=NOTIFIES):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few of everything, to see it work")
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
        print(f"hint     {1e6 * hint():6.2f} us")
        print(f"probe    {1e6 * per_user(probe, user_ids):6.2f} us")
        print(f"right    {1e6 * per_user(right, user_ids):6.2f} us")
        print(f"listener {1e6 * listener(url):6.2f} us")
    finally:
        server.remove()


if __name__ == "__main__":
    main()
