"""Another process of the measured site, which runs jobs on request.

``python -m tests.bench.worker`` reads lines such as ``["job", {...}]``, and prints the result of
each job as a line of JSON.
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
"""The stamp in each message and the time of its commit, in nanoseconds of the wall clock."""


def ready() -> bool:
    """Do nothing. The answer shows that the process is up."""
    return True


def populate(users: int, cookies: str) -> list[int]:
    """Create users with a session each. Write their cookies to a file, and return their ids."""
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
    """Return a user's primary key."""
    from django.contrib.auth.models import User

    return User.objects.get(username=name).pk


def fatten(user_ids: list[int], toasts: int, length: int) -> int:
    """Create so many long toasts for these users that a snapshot fills every buffer."""
    from toasts.models.toast import Toast

    rows = [Toast(user_id=pk, message="x" * length) for pk in user_ids for _ in range(toasts)]
    return len(Toast.objects.bulk_create(rows, 1000))


_begun: list[tuple[Any, Pairs]] = []
"""The open transaction, and the list for its commits."""


def begin_broadcast(user_ids: list[int]) -> bool:
    """Write one toast to each of these users, in a transaction that stays open."""
    from django.contrib.auth.models import User
    from django.db import transaction

    from toasts import create_toasts

    begun, committed, stamp = transaction.atomic(), Pairs(), time.time_ns()
    begun.__enter__()
    _begun.append((begun, committed))
    # Registered first, so that it is called before the announcement.
    transaction.on_commit(lambda: committed.append((stamp, time.time_ns())))
    users = User.objects.filter(pk__range=(user_ids[0], user_ids[-1]))
    return create_toasts(f"t={stamp}", users) == len(user_ids)


def commit_broadcast() -> Pairs:
    """Commit the transaction, which announces its toasts."""
    begun, committed = _begun.pop()
    begun.__exit__(None, None, None)
    return committed


def forget() -> int:
    """Delete all toasts, and announce that."""
    from toasts.api.commit import announce_changes
    from toasts.models.toast import Toast

    user_ids = list(Toast.objects.values_list("user_id", flat=True).distinct())
    Toast.objects.all()._raw_delete("default")
    announce_changes(*user_ids)
    return len(user_ids)


def paced(user_ids: list[int], rate: float, seconds: float) -> Pairs:
    """Create toasts for random users, at most at this rate per second."""
    users = _users(user_ids)
    return [_toast_to(random.choice(users)) for _ in _beats(rate, seconds)]


def one_by_one(user_id: int, toasts: int, pause: tuple[float, float]) -> Pairs:
    """Create toasts for one user with random pauses. Dismiss all but the newest 20.

    A fixed pause could be in step with a poll. And if toasts were dismissed sooner, slow ones would
    never arrive, which would improve the figures.
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
        # Registered first, so that it is called before the announcement.
        transaction.on_commit(lambda: committed.append(time.time_ns()))
        stamp = time.time_ns()
        create_toast(f"t={stamp}", user)
    return stamp, committed[0]


def _users(user_ids: list[int]) -> list[Any]:
    from django.contrib.auth.models import User

    return list(User.objects.filter(pk__in=user_ids))


def _beats(rate: float, seconds: float) -> Iterator[int]:
    """Yield at an even rate per second. A delay of over 100 ms is not made up for."""
    started = due = time.monotonic()
    while due < started + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        yield 1
        due = max(due + 1 / rate, time.monotonic() - 0.1)


def publish(port: int, to: int | None) -> Pairs:
    """Have a baseline send one event. The time of the request counts as the commit."""
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
    """Return data of the same size as the product sends for this message."""
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
            connections.close_all()  # otherwise they would count as the server's
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
