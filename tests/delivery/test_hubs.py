"""Which user gets which toasts, through this process's hub."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import warnings
from collections.abc import Sequence
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings

from tests.conftest import signed_in, until
from tests.support.brokers import rolled_back
from tests.support.streams import StreamReader
from toasts import (
    async_create_toast,
    async_dismiss_toast,
    async_update_toast,
    create_toast,
    dismiss_toast,
    update_toast,
)
from toasts.auth.grants import Grant, UserStatus
from toasts.delivery import brokers, hubs, source
from toasts.delivery.announce import announce_recheck, announce_topics
from toasts.delivery.hubs import current_hub
from toasts.delivery.streams import StreamContext, buffered_stream, toasts_of
from toasts.models.toast import Toast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


# Which user gets which toasts.


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
    """The toasts on a page that handles the events of a stream as documented."""

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
async def test_a_change_that_nobody_announced_is_found_by_the_reconciler(alice: User) -> None:
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
    current_hub().wake(forged)
    announce_topics(forged)
    await async_create_toast("still here", alice)
    assert (await stream.next()).data["message"] == "still here"


async def test_a_hub_runs_once_in_each_loop_and_ends_with_it(db: None) -> None:
    async def other() -> tuple[Any, bool]:
        return current_hub(), current_hub() is current_hub()

    mine = current_hub()
    theirs, one = await asyncio.to_thread(asyncio.run, other())
    assert one
    assert current_hub() is mine
    assert theirs is not mine
    await asyncio.to_thread(asyncio.run, other())
    assert theirs not in hubs._hubs.values(), "its loop is closed"
    assert mine in hubs._hubs.values()


async def test_a_forked_child_has_none_of_its_parents_hubs(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    local = brokers.local()
    assert hubs._hubs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the child continues all the same
        child = os.fork()
    if child == 0:
        os._exit(0 if not hubs._hubs and brokers.local() is not local else 1)
    _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    await async_create_toast("the parent's is as it was", alice)
    assert (await stream.next()).data["message"] == "the parent's is as it was"


# Announcing.


@pytest.mark.parametrize("path", ["Cut", "no_broker", "not_there"])
def test_an_announcement_that_fails_costs_the_caller_nothing(
    alice: User, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with override_settings(TOASTS_BROKER=f"tests.support.brokers.{path}"):
        toast = create_toast("kept", alice)
        announce_recheck(alice.pk)
        alice.save()
    assert Toast.objects.get().pk == toast.pk
    records = [record for record in caplog.records if record.name == "toasts"]
    assert [record.levelno for record in records] == [logging.ERROR] * 3
    assert records[0].getMessage().startswith("toasts could not be announced")


@override_settings(TOASTS_BROKER="tests.support.brokers.Cut")
async def test_with_a_broken_broker_this_process_still_serves_its_own(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    await async_create_toast("from here", alice)
    assert (await stream.next()).data["message"] == "from here"


def test_an_announcement_of_no_topic_publishes_nothing(db: None) -> None:
    with override_settings(TOASTS_BROKER="tests.support.brokers.no_broker"):
        announce_topics([])  # if it published, that would be logged


@override_settings(TOASTS_CHANNEL='odd "channel"; --')
async def test_the_channel_may_have_any_name(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    toast = await async_create_toast("hello", alice)
    assert (await stream.next()).data["id"] == toast.pk
    await async_update_toast(toast, message="changed")
    assert (await stream.next()).data["message"] == "changed"


# Opening streams.


async def test_after_an_overflow_the_whole_state_comes_whatever_the_last_event_id(
    alice: User, hubs: None
) -> None:
    await async_create_toast("known", alice)
    active = await sync_to_async(source.read_state)(alice.pk)
    held = Grant(alice.pk, UserStatus())
    known = source.state_id_of(source.topic(alice.pk), active)
    stream = buffered_stream(toasts_of(held), known, abort=lambda: None)
    stream.deliver(active, b"")
    assert b"event: toast" not in await stream.pull()
    while not stream._overflowed:
        stream.deliver(active, b"x" * 8192)
    pulling = asyncio.create_task(stream.pull())
    await asyncio.sleep(0)
    stream.deliver(active, b"")
    assert b'"message":"known"' in await pulling


async def test_streams_of_both_handlers_have_the_write_timeout_of_the_settings(
    alice: User, settings: Any
) -> None:
    settings.TOASTS_PATIENCE = 7
    received = toasts_of(Grant(alice.pk, UserStatus()))
    stream = buffered_stream(received, None, abort=lambda: None)
    assert stream.write_timeout == 7
    assert StreamContext(current_hub(), source.ToastSource()).write_timeout == 7


@override_settings(TOASTS_SERVER_INTERNALS=False)
async def test_streams_work_without_what_is_known_of_servers(alice: User) -> None:
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    assert not current_hub().internals
    await async_create_toast("plain", alice)
    assert (await stream.next()).data["message"] == "plain"
