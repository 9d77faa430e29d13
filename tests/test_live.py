from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import subprocess
import sys
import uuid
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import OperationalError, connection, models, transaction
from django.db.utils import ConnectionHandler
from django.test import Client, override_settings
from django.utils import timezone
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.brokers import Doubts, Undo
from tests.conftest import signed_in, until
from tests.postgres import PostgresServer
from tests.streams import StreamReader
from toasts import (
    async_create_toast,
    async_dismiss_toast,
    async_update_toast,
    brokers,
    create_toast,
    dismiss_toast,
    live,
    source,
    state,
    update_toast,
)
from toasts.models import Toast
from toasts.realtime.broker import Broker, LocalBroker, Publish, Wake
from toasts.realtime.postgres import PostgresBroker
from toasts.realtime.sqlite import SqliteBroker
from toasts.sessions import Grant, Standing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


# Topics.


class ByUuid(models.Model):
    id = models.UUIDField(primary_key=True)

    class Meta:
        app_label = "tests"

    def __str__(self) -> str:
        return str(self.pk)


class ByName(models.Model):
    name = models.CharField(primary_key=True, max_length=50)

    class Meta:
        app_label = "tests"

    def __str__(self) -> str:
        return str(self.pk)


class ByAnother(models.Model):
    account = models.OneToOneField(ByUuid, models.CASCADE, primary_key=True)

    class Meta:
        app_label = "tests"

    def __str__(self) -> str:
        return str(self.pk)


@pytest.mark.parametrize(
    ("model", "key"),
    [
        (User, 7),
        (User, 2**63 - 1),
        (ByUuid, uuid.UUID("0189f7e2-8a6b-7cde-8f01-23456789abcd")),
        (ByAnother, uuid.UUID("0189f7e2-8a6b-7cde-8f01-23456789abcd")),
        (ByName, "alice"),
        (ByName, "user:é !~\n"),
    ],
)
def test_a_topic_leads_back_to_its_user(
    monkeypatch: pytest.MonkeyPatch, model: type[models.Model], key: Any
) -> None:
    monkeypatch.setattr(source, "get_user_model", lambda: model)
    name = source.topic(key)
    assert source._names([name]) == {key: name}
    assert not name.startswith("!"), "it would be taken for a doubt"


# Who gets what.


async def test_every_stream_of_a_user_gets_every_event(alice: User) -> None:
    client = await signed_in(alice)
    streams = [await StreamReader.open(client) for _ in range(12)]
    for stream in streams:
        await stream.until("sync")
    toast = await async_create_toast("first", alice)
    await async_create_toast("second", alice)
    for stream in streams:
        assert [(await stream.next()).data["message"] for _ in range(2)] == ["first", "second"]
    await async_dismiss_toast(toast)
    for stream in streams:
        event = await stream.next()
        assert (event.type, event.data) == ("dismiss", {"ids": [toast.pk]})


class Page:
    """What a page shows that follows a stream by the contract."""

    def __init__(self, stream: StreamReader) -> None:
        self.stream = stream
        self.shown: dict[int, str] = {}
        self.seen: set[int] = set()

    async def follow(self) -> None:
        while True:
            event = await self.stream.next(60)
            if event.type == "toast":
                self.shown[event.data["id"]] = event.data["message"]
                self.seen.add(event.data["id"])
            elif event.type == "dismiss":
                for key in event.data["ids"]:
                    self.shown.pop(key, None)
            elif event.type == "sync":
                self.shown = {key: self.shown[key] for key in event.data["ids"]}


@contextlib.contextmanager
def rolled_back() -> Iterator[None]:
    with contextlib.suppress(Undo), transaction.atomic():
        yield
        raise Undo


def _change_at_random(choice: random.Random, users: Sequence[User]) -> None:
    user = choice.choice(users)
    toasts = list(Toast.objects.for_user(user).active())
    match choice.choice(["create", "create", "update", "dismiss", "rollback"]):
        case "update" if toasts:
            update_toast(choice.choice(toasts), message=f"{user.username} {choice.random()}")
        case "dismiss" if toasts:
            dismiss_toast(choice.choice(toasts))
        case "rollback":
            with rolled_back():
                create_toast(f"{user.username}: never", user)
        case _:
            create_toast(f"{user.username} {choice.random()}", user)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_each_page_ends_with_its_users_toasts_and_saw_no_others(
    alice: User, bob: User, seed: int
) -> None:
    choice = random.Random(seed)
    carol = await User.objects.acreate_user("carol")
    users = (alice, bob, carol)
    pages: dict[User, list[Page]] = {user: [] for user in users}
    following = []
    for step in range(60):
        if step % 8 == 0:
            user = choice.choice(users)
            page = Page(await StreamReader.open(await signed_in(user)))
            pages[user].append(page)
            following.append(asyncio.create_task(page.follow()))
        await sync_to_async(_change_at_random)(choice, users)

    async def active(user: User) -> dict[int, str]:
        rows = Toast.objects.for_user(user).active().values_list("pk", "message")
        return {pk: message async for pk, message in rows}

    try:
        for user in users:
            wanted = await active(user)
            own = {pk async for pk in Toast.objects.for_user(user).values_list("pk", flat=True)}
            for page in pages[user]:
                await until(lambda page=page, wanted=wanted: page.shown == wanted)
                assert page.seen <= own
                assert all(text.startswith(user.username) for text in page.shown.values())
                assert b"never" not in page.stream.raw
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)


@override_settings(TOASTS_MAX_ACTIVE=3)
async def test_a_page_gets_the_newest_of_very_many_toasts(alice: User, bob: User) -> None:
    toasts = [await async_create_toast(f"{number}", alice) for number in range(5)]
    await async_create_toast("his", bob)
    stream = await StreamReader.open(await signed_in(alice))
    *events, sync = await stream.until("sync")
    assert [event.data["message"] for event in events] == ["2", "3", "4"]
    assert sync.data == {"ids": [toast.pk for toast in toasts[2:]]}
    await async_dismiss_toast(toasts[4])
    dismissed, older = sorted([await stream.next(), await stream.next()], key=lambda it: it.type)
    assert (dismissed.data, older.data["message"]) == ({"ids": [toasts[4].pk]}, "1")


def _insert(user: User, message: str) -> None:
    with connection.cursor() as handle:
        handle.execute(
            "INSERT INTO toasts_toast (user_id, message) VALUES (%s, %s)", [user.pk, message]
        )


@override_settings(TOASTS_BROKER="local", TOASTS_RECONCILE=0.1)
async def test_what_nobody_announced_is_found_by_looking(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    await sync_to_async(_insert)(alice, "by plain SQL")
    assert (await stream.next()).data["message"] == "by plain SQL"


async def test_forged_hints_do_nothing(alice: User, bob: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    forged = [
        "",
        "!",
        "~",
        "user:",
        f"user:{bob.pk}",
        f"!user:{alice.pk}",
        "user:x",
        "\ud800",
        "!!",
    ]
    live.hub().wake(forged)
    live.announce_topics(forged)
    await async_create_toast("still here", alice)
    assert (await stream.next()).data["message"] == "still here"


async def test_a_hub_runs_once_in_each_loop_and_ends_with_it(db: None) -> None:
    async def other() -> tuple[Any, bool]:
        return live.hub(), live.hub() is live.hub()

    mine = live.hub()
    theirs, one = await asyncio.to_thread(asyncio.run, other())
    assert one
    assert live.hub() is mine
    assert theirs is not mine
    await asyncio.to_thread(asyncio.run, other())
    assert theirs not in live._hubs.values(), "its loop is closed"
    assert mine in live._hubs.values()


async def test_a_forked_child_has_none_of_its_parents_hubs(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    local = brokers.local()
    assert live._hubs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is done all the same
        child = os.fork()
    if child == 0:
        os._exit(0 if not live._hubs and not live._manners and brokers.local() is not local else 1)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    await async_create_toast("the parent's is as it was", alice)
    assert (await stream.next()).data["message"] == "the parent's is as it was"


# The cursor.


def _test_database_url() -> str:
    own = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{own['NAME']}"
    return f"postgresql://{own['USER']}@{own['HOST']}:{own['PORT']}/{own['NAME']}"


def test_a_cursor_is_the_same_in_every_process(alice: User) -> None:
    create_toast("text", alice, data={"b": 1, "a": [None, "é"]}, duration=2.5)
    create_toast("more", alice)
    here = state.cursor(source.read_state(alice.pk))
    code = (
        "import django, sys\ndjango.setup()\nfrom toasts import source, state\n"
        "print(state.cursor(source.read_state(int(sys.argv[1]))))"
    )
    for seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", code, str(alice.pk)],
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                "TEST_DATABASE_URL": _test_database_url(),
            },
            cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert there.stdout.strip() == here
    assert len(here) == 24


@pytest.mark.parametrize(
    "change", [{"message": "b"}, {"title": "b"}, {"progress": 1}, {"data": [1]}, {"duration": 1}]
)
def test_a_cursor_tells_every_change(alice: User, change: dict[str, Any]) -> None:
    toast = create_toast("a", alice)
    before = state.cursor(source.read_state(alice.pk))
    assert state.cursor(source.read_state(alice.pk)) == before
    update_toast(toast, **change)
    assert state.cursor(source.read_state(alice.pk)) != before


def test_a_cursor_tells_what_is_new_and_what_is_gone(alice: User, bob: User) -> None:
    marks = [state.cursor(source.read_state(alice.pk))]
    for _ in range(2):
        toast = create_toast("the same", alice)
        marks.append(state.cursor(source.read_state(alice.pk)))
    create_toast("his", bob)
    assert state.cursor(source.read_state(alice.pk)) == marks[-1]
    dismiss_toast(toast)
    assert state.cursor(source.read_state(alice.pk)) == marks[1]
    assert len(set(marks)) == 3


# Announcing.


class BrokenBroker:
    """A broker whose way is cut."""

    name = "broken"

    def publish(self, hints: Sequence[str]) -> None:
        raise ConnectionError("cut")

    async def listen(self, wake: Wake, publish: Publish) -> None:
        raise ConnectionError("cut")


def no_broker() -> Broker:
    raise RuntimeError("none to be had")


@pytest.mark.parametrize("path", ["BrokenBroker", "no_broker", "not_there"])
def test_an_announcement_that_fails_costs_the_caller_nothing(
    alice: User, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with override_settings(TOASTS_BROKER=f"tests.test_live.{path}"):
        toast = create_toast("kept", alice)
        live.announce_doubt(alice.pk)
        alice.save()
    assert Toast.objects.get().pk == toast.pk
    records = [record for record in caplog.records if record.name == "toasts"]
    assert [record.levelno for record in records] == [logging.ERROR] * 3
    assert records[0].getMessage().startswith("toasts could not be announced")


@override_settings(TOASTS_BROKER="tests.test_live.BrokenBroker")
async def test_with_a_broken_broker_this_process_still_serves_its_own(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    await async_create_toast("from here", alice)
    assert (await stream.next()).data["message"] == "from here"


def test_an_announcement_of_nobody_is_none(db: None) -> None:
    with override_settings(TOASTS_BROKER="tests.test_live.no_broker"):
        live.announce_topics([])  # would be logged, were anything said


def test_a_failed_statement_leaves_the_callers_transaction_alone(alice: User) -> None:
    with transaction.atomic():
        alice.email = "new@example.com"
        alice.save()
        with pytest.raises(OperationalError), brokers.fresh_connection():
            raise OperationalError("a notification that could not be sent")
    assert User.objects.get().email == "new@example.com"


def test_outside_of_a_transaction_a_failed_connection_is_dropped(db: None) -> None:
    connection.ensure_connection()
    with pytest.raises(OperationalError), brokers.fresh_connection():
        raise OperationalError("the server went away")
    assert connection.connection is None


# What may end streams.


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hints that were given away."""
    hints: list[str] = []
    monkeypatch.setattr(live, "announce_topics", hints.extend)
    return hints


def test_a_doubt_is_told_after_the_commit_and_never_after_a_rollback(
    alice: User, said: list[str]
) -> None:
    said.clear()
    doubt = f"!user:{alice.pk}"
    for change in (
        alice.save,
        lambda: user_logged_out.send(sender=User, request=None, user=alice),
        alice.delete,
    ):
        with rolled_back():
            change()
        assert said == []
        alice.pk = int(doubt.rpartition(":")[2])  # delete() takes it away
        with transaction.atomic():
            change()
            assert said == []
        assert said == [doubt]
        said.clear()


def test_a_logout_of_nobody_is_no_doubt(said: list[str], db: None) -> None:
    user_logged_out.send(sender=User, request=None, user=None)
    assert said == []


def test_who_commits_by_hand_can_save_and_delete_users(alice: User) -> None:
    transaction.set_autocommit(False)
    try:
        alice.save()
        user_logged_out.send(sender=User, request=None, user=alice)
        alice.delete()
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert not User.objects.exists()


# Brokers.


def own_broker() -> Broker:
    return LocalBroker()


def test_the_settings_choose_the_broker(db: None) -> None:
    fitting = {"sqlite": SqliteBroker, "postgresql": PostgresBroker}[connection.vendor]
    assert type(brokers.make_broker()) is fitting
    for name, kind in (
        ("auto", fitting),
        ("local", LocalBroker),
        ("tests.test_live.own_broker", LocalBroker),
        ("tests.test_live.BrokenBroker", BrokenBroker),
    ):
        with override_settings(TOASTS_BROKER=name):
            assert type(brokers.make_broker()) is kind
    with override_settings(TOASTS_BROKER="local"):
        assert brokers.make_broker() is brokers.make_broker()


@pytest.mark.parametrize("name", ["nothing", "tests.test_live.nothing", "no.such.module", ""])
def test_a_broker_that_is_not_there_is_an_import_error(name: str) -> None:
    with override_settings(TOASTS_BROKER=name), pytest.raises(ImportError):
        brokers.make_broker()


def _databases(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    monkeypatch.setattr(brokers, "connections", ConnectionHandler({"default": settings}))


@pytest.mark.parametrize("name", [":memory:", "file:memorydb?mode=memory&cache=shared"])
def test_a_database_in_memory_is_this_processs_alone(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _databases(monkeypatch, ENGINE="django.db.backends.sqlite3", NAME=name)
    assert type(brokers.make_broker()) is LocalBroker


def test_a_file_is_watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _databases(monkeypatch, ENGINE="django.db.backends.sqlite3", NAME=tmp_path / "db.sqlite3")
    broker = brokers.make_broker()
    assert isinstance(broker, SqliteBroker)
    assert broker.path == str(tmp_path / "db.sqlite3")


def test_any_other_database_has_no_way_between_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    _databases(monkeypatch, ENGINE="django.db.backends.dummy")
    assert type(brokers.make_broker()) is LocalBroker


POSTGRES = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "site",
    "USER": "me",
    "PASSWORD": "it's a \\secret",
    "HOST": "db.example",
    "PORT": "6432",
    "OPTIONS": {
        "pool": {"min_size": 2},
        "server_side_binding": True,
        "isolation_level": 2,
        "assume_role": "other",
        "sslmode": "verify-full",
        "prepare_threshold": 5,
        "options": "-c search_path=toasts",
    },
}


def test_the_listener_connects_as_django_does_but_for_what_is_djangos_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _databases(monkeypatch, **POSTGRES)
    broker = brokers.make_broker()
    assert isinstance(broker, PostgresBroker)
    assert isinstance(broker.conninfo, dict)
    assert conninfo_to_dict(make_conninfo(**broker.conninfo)) == {
        "dbname": "site",
        "user": "me",
        "password": "it's a \\secret",
        "host": "db.example",
        "port": "6432",
        "sslmode": "verify-full",
        "client_encoding": "UTF8",
        "options": "-c search_path=toasts",
    }
    assert broker.channel == "toasts"


@override_settings(TOASTS_CHANNEL="another", TOASTS_LISTEN_DSN="postgresql://me@direct:5432/site")
def test_the_listener_can_go_past_a_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    _databases(monkeypatch, **POSTGRES)
    broker = brokers.make_broker()
    assert isinstance(broker, PostgresBroker)
    assert broker.conninfo == "postgresql://me@direct:5432/site"
    assert broker.channel == "another"


async def test_the_way_past_a_pooler_is_listened_on(
    monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer
) -> None:
    dsn = postgres.url("postgres")
    _databases(monkeypatch, **POSTGRES)  # no such host: only the other way can work
    heard: list[Any] = []

    async def publish(hints: Sequence[str]) -> None:
        """The canary is not waited for here."""

    with override_settings(TOASTS_LISTEN_DSN=dsn):
        listening = asyncio.create_task(
            brokers.make_broker().listen(lambda hints: heard.append(hints), publish)
        )
    try:
        await until(lambda: heard == [None] or listening.done())
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as other:
            await other.execute("SELECT pg_notify('toasts', %s)", [json.dumps(["user:1"])])
        await until(lambda: ["user:1"] in heard)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


@override_settings(TOASTS_CHANNEL='odd "channel"; --')
async def test_the_channel_may_have_any_name(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    toast = await async_create_toast("hello", alice)
    assert (await stream.next()).data["id"] == toast.pk
    await async_update_toast(toast, message="changed")
    assert (await stream.next()).data["message"] == "changed"


async def test_after_an_overflow_the_whole_state_comes_whatever_was_known(
    alice: User, hubs: None
) -> None:
    await async_create_toast("known", alice)
    active = await sync_to_async(source.read_state)(alice.pk)
    held = Grant(alice.pk, Standing())
    known = source.name_of(source.topic(alice.pk), active)
    stream = live.open_stream(live.toasts_of(held), known, cut=None)
    stream.deliver(active, b"")
    assert b"event: toast" not in await stream.pull()
    while not stream._overflowed:
        stream.deliver(active, b"x" * 8192)
    pulling = asyncio.create_task(stream.pull())
    await asyncio.sleep(0)
    stream.deliver(active, b"")
    assert b'"message":"known"' in await pulling


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/srv/site.sqlite3", "/srv/site.sqlite3"),
        ("file:/srv/site.sqlite3?cache=private", "/srv/site.sqlite3"),
        ("file:///srv/my%20site.sqlite3", "/srv/my site.sqlite3"),
        ("file:site.sqlite3", "site.sqlite3"),
    ],
)
def test_the_watched_file_is_the_one_that_the_name_means(name: str, path: str) -> None:
    assert brokers._path(name) == path


@pytest.fixture
def doubts(settings: Any) -> list[str]:
    settings.TOASTS_BROKER = "tests.brokers.Doubts"
    Doubts.doubted.clear()
    return Doubts.doubted


def test_a_login_is_no_reason_to_doubt(alice: User, doubts: list[str]) -> None:
    Client().force_login(alice)
    assert doubts == []
    alice.is_active = False
    alice.save(update_fields=["is_active"])
    assert doubts == [f"!user:{alice.pk}"]


def test_sessions_that_are_cleared_are_no_reason_to_doubt(alice: User, doubts: list[str]) -> None:
    client = Client()
    client.force_login(alice)
    Session.objects.update(expire_date=timezone.now())
    call_command("clearsessions")
    assert not Session.objects.exists()
    assert doubts == []
    client.force_login(alice)
    Session.objects.get().delete()
    assert doubts == [f"!user:{alice.pk}"]


def test_a_row_of_megabytes_leaves_the_user_his_other_toasts(alice: User) -> None:
    create_toast("small", alice)
    for _ in range(70):
        create_toast("many", alice)
    huge = create_toast("huge", alice)
    Toast.objects.filter(pk=huge.pk).update(data={"text": "x" * 600_000})
    found = source.read_state(alice.pk)
    assert len(found) == 72
    sent = state.as_json(found)
    assert len(sent) == 71
    assert huge.pk not in [toast["id"] for toast in sent]


def test_a_state_is_bounded_in_bytes_and_keeps_the_newest(alice: User) -> None:
    made = [create_toast("é" * 1000, alice, data="x" * 5000) for _ in range(100)]
    found = source.read_state(alice.pk)
    assert 0 < len(found) < 100
    assert list(found) == [toast.pk for toast in made[-len(found) :]]
    assert sum(len(state.event(*item)) for item in found.items()) < state.STATE_BYTES * 1.05


async def test_streams_of_either_handler_are_as_patient_as_the_site_says(
    alice: User, settings: Any
) -> None:
    settings.TOASTS_PATIENCE = 7
    heard = live.toasts_of(Grant(alice.pk, Standing()))
    stream = live.open_stream(heard, None, cut=None)
    assert stream.patience == 7
    assert live.Manners(live.hub(), source.ToastSource()).patience == 7


async def test_the_names_of_one_users_states_begin_alike_and_anothers_do_not(
    alice: User, bob: User
) -> None:
    hers, his = source.topic(alice.pk), source.topic(bob.pk)
    some = {1: "content"}
    owner, empty = source.name_of(hers, {}).split(".")
    assert source.name_of(hers, some).split(".")[0] == owner
    assert source.name_of(hers, some) != f"{owner}.{empty}"
    assert source.name_of(his, {}).split(".")[1] == empty
    assert source.name_of(his, {}) != f"{owner}.{empty}"
    with override_settings(SECRET_KEY="another site's"):
        assert not source.name_of(hers, {}).startswith(owner)
