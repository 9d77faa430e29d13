"""Another process of the measured site: does jobs on request, a line of JSON each.

``python -m tests.bench.worker`` reads ``["job", {...}]`` and answers with the job's result.
"""

from __future__ import annotations

import http.client
import json
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import django

Pairs = list[tuple[int, int]]
"""(the stamp in the message, when that was committed), nanoseconds of the wall clock."""


def ready() -> bool:
    """Nothing; that it is answered shows that the process is up."""
    return True


def populate(users: int, cookies: str) -> list[int]:
    """Make users, each with a session; their Cookie headers go to a file, their keys come back."""
    from django.contrib.auth.models import User
    from django.contrib.sessions.models import Session

    prefix = secrets.token_hex(4)
    made = User.objects.bulk_create(
        [User(username=f"{prefix}-{number}", password="!") for number in range(users)], 1000
    )
    stored = [_session(user) for user in made]
    Session.objects.bulk_create(stored, 1000)
    with open(cookies, "w") as file:
        file.writelines(f"sessionid={session.session_key}\n" for session in stored)
    return [user.pk for user in made]


def _session(user: Any) -> Any:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    data = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    return Session(
        session_key=secrets.token_hex(16),
        session_data=SessionStore().encode(data),
        expire_date=timezone.now() + timedelta(days=1),
    )


def key_of(name: str) -> int:
    """A user's primary key."""
    from django.contrib.auth.models import User

    return User.objects.get(username=name).pk


def fatten(user_ids: list[int], toasts: int, length: int) -> int:
    """Give users so many long toasts that their snapshot fills every buffer on its way."""
    from toasts.models.toast import Toast

    rows = [Toast(user_id=pk, message="x" * length) for pk in user_ids for _ in range(toasts)]
    return len(Toast.objects.bulk_create(rows, 1000))


_begun: list[tuple[Any, Pairs]] = []
"""A transaction that is open, and the list for what was committed in it."""


def begin_broadcast(user_ids: list[int]) -> bool:
    """Write one toast to each of these users, in a transaction that stays open."""
    from django.contrib.auth.models import User
    from django.db import transaction

    from toasts import create_toasts

    begun, committed, stamp = transaction.atomic(), Pairs(), time.time_ns()
    begun.__enter__()
    _begun.append((begun, committed))
    # Before ours, so that it is called before the announcement, not after.
    transaction.on_commit(lambda: committed.append((stamp, time.time_ns())))
    users = User.objects.filter(pk__range=(user_ids[0], user_ids[-1]))
    return create_toasts(f"t={stamp}", users) == len(user_ids)


def commit_broadcast() -> Pairs:
    """Commit it, whereupon it is announced."""
    begun, committed = _begun.pop()
    begun.__exit__(None, None, None)
    return committed


def forget() -> int:
    """Every toast gone, from the pages as well."""
    from toasts.api.commit import announce_changes
    from toasts.models.toast import Toast

    user_ids = list(Toast.objects.values_list("user_id", flat=True).distinct())
    Toast.objects.all()._raw_delete("default")
    announce_changes(*user_ids)
    return len(user_ids)


def paced(user_ids: list[int], rate: float, seconds: float) -> Pairs:
    """Single toasts to users at random, at most so many a second."""
    users = _users(user_ids)
    return [_toast_to(random.choice(users)) for _ in _beats(rate, seconds)]


def one_by_one(user_id: int, toasts: int, pause: tuple[float, float]) -> Pairs:
    """Toasts to one user with pauses at random; those older than the newest 20 are dismissed.

    At random, because a fixed pause could march in step with whoever polls. Not dismissed sooner,
    because the slow ones would never be seen and the figures be the better for it.
    """
    from toasts import dismiss_toast
    from toasts.models.toast import Toast

    [user] = _users([user_id])
    done: Pairs = []
    for _ in range(toasts):
        done.append(_toast_to(user))
        for toast in Toast.objects.filter(user=user, read_at=None).order_by("-id")[20:]:
            dismiss_toast(toast)
        time.sleep(random.uniform(*pause))
    return done


def _toast_to(user: Any) -> tuple[int, int]:
    from django.db import transaction

    from toasts import create_toast

    committed: list[int] = []
    with transaction.atomic():
        # Before ours, so that it is called before the announcement, not after.
        transaction.on_commit(lambda: committed.append(time.time_ns()))
        stamp = time.time_ns()
        create_toast(f"t={stamp}", user)
    return stamp, committed[0]


def _users(user_ids: list[int]) -> list[Any]:
    from django.contrib.auth.models import User

    return list(User.objects.filter(pk__in=user_ids))


def _beats(rate: float, seconds: float) -> Iterator[int]:
    """So many a second, evenly; without catching up in a rush after a delay of over 100 ms."""
    started = due = time.monotonic()
    while due < started + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        yield 1
        due = max(due + 1 / rate, time.monotonic() - 0.1)


def publish(port: int, to: int | None) -> Pairs:
    """Have a baseline send one event: the request is what stands for the commit."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    stamp = _publish(connection, to)
    connection.close()
    return [(stamp, stamp)]


def publish_paced(port: int, to: list[int], rate: float, seconds: float) -> Pairs:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    stamps = [_publish(connection, random.choice(to)) for _ in _beats(rate, seconds)]
    connection.close()
    return [(stamp, stamp) for stamp in stamps]


def _publish(connection: http.client.HTTPConnection, to: int | None) -> int:
    stamp = time.time_ns()
    body = json.dumps({"to": to, "data": _like_a_toast(f"t={stamp}")})
    connection.request("POST", "/publish/", body)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 204, answer.status
    return stamp


def _like_a_toast(message: str) -> dict[str, Any]:
    """As many bytes as the product sends for the same message."""
    now = "2026-01-01T00:00:00.000000Z"
    return {
        "id": 1234567, "message": message, "title": "", "level": "info", "url": "", "actions": [],
        "key": "", "progress": None, "duration": None, "data": {}, "created_at": now,
        "expires_at": None, "read": False,
    }  # fmt: skip


JOBS: dict[str, Callable[..., Any]] = {
    job.__name__: job
    for job in (
        ready, key_of, populate, fatten, begin_broadcast, commit_broadcast, forget, paced,
        one_by_one, publish, publish_paced,
    )
}  # fmt: skip


def main(jobs: dict[str, Callable[..., Any]] = JOBS) -> None:
    django.setup()
    from django.db import connections

    for line in sys.stdin:
        name, arguments = json.loads(line)
        result = jobs[name](**arguments)
        if not _begun:
            connections.close_all()  # or they would be counted as the server's
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
