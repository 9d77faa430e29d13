"""Which sessions are looked up together, and which sessions a batch answers for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AbstractBaseUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from tests.support.logins import overwrite_session, sign_in_many
from toasts.auth import batch
from toasts.auth.batch import SessionBatcher, authenticate_sessions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


class RecordingHub:
    """Takes the hub's place: finds no session, and records which keys were looked up together."""

    def __init__(self) -> None:
        self.lookups: list[list[str]] = []

    def start(self) -> None:
        """Nothing to start."""

    async def run(self, look_up: Any, keys: list[str]) -> dict[str, Any]:
        self.lookups.append(keys)
        await asyncio.sleep(0)
        return {}


def make_batcher(
    monkeypatch: pytest.MonkeyPatch, gather: float, gap: float = batch.BURST_GAP
) -> tuple[SessionBatcher, list[list[str]]]:
    """Return a batcher with these times in seconds, and its look-ups."""
    monkeypatch.setattr(batch, "GATHER_TIME", gather)
    monkeypatch.setattr(batch, "BURST_GAP", gap)
    hub: Any = RecordingHub()
    return SessionBatcher(lambda: hub), hub.lookups


async def test_a_single_session_is_looked_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    batcher, lookups = make_batcher(monkeypatch, gather=3600)
    await asyncio.wait_for(batcher.authenticate("a"), 5)
    assert lookups == [["a"]]


async def test_a_session_that_comes_after_a_burst_is_looked_up_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batcher, lookups = make_batcher(monkeypatch, gather=3600, gap=0)
    for key in "ab":
        await asyncio.wait_for(batcher.authenticate(key), 5)
    assert lookups == [["a"], ["b"]]


async def test_sessions_that_come_in_a_burst_are_looked_up_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batcher, lookups = make_batcher(monkeypatch, gather=0.2, gap=3600)
    answers = []
    for number in range(10):
        answers.append(asyncio.create_task(batcher.authenticate(str(number))))
        for _ in range(5):  # so that the first look-up is over before the last has come
            await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*answers), 5)
    assert lookups[0] == ["0"]
    assert [key for keys in lookups for key in keys] == [str(number) for number in range(10)]
    assert len(lookups) == 2


async def test_no_request_waits_for_a_look_up_that_failed() -> None:
    def broken() -> Any:
        raise ImportError("there is no such broker")

    batcher = SessionBatcher(broken)
    for _ in range(2):  # the first must not leave the second waiting, either
        answers = [batcher.authenticate(character * 32) for character in "abc"]
        assert await asyncio.wait_for(asyncio.gather(*answers), 5) == [None, None, None]


# Which sessions a batch answers for.


async def test_an_unusual_session_does_not_send_the_others_of_its_batch_through_django() -> None:
    def change(keys: list[str]) -> None:
        unusual = SessionStore(keys[1])
        unusual[SESSION_KEY] = "x"
        unusual.save()
        overwrite_session(keys[2], "x")
        Session.objects.filter(session_key=keys[3]).delete()

    keys = await sign_in_many(8)
    await sync_to_async(change)(keys)
    found = await sync_to_async(authenticate_sessions)(keys)
    assert set(found) == {keys[0], *keys[4:]}


@pytest.mark.parametrize("name", ["is_authenticated", "get_session_auth_hash"])
async def test_a_user_model_that_overrides_authentication_is_respected(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [key] = await sign_in_many(1)
    assert list(await sync_to_async(authenticate_sessions)([key])) == [key]
    if name == "is_authenticated":
        monkeypatch.setattr(User, name, False)
    else:
        monkeypatch.delattr(AbstractBaseUser, name)
    assert await sync_to_async(authenticate_sessions)([key]) == {}
