from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tests.conftest import signed_in
from tests.streams import StreamReader
from toasts import async_create_toast, async_dismiss_toast, async_update_toast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


async def test_a_stream_brings_the_snapshot_then_what_changes(alice: User) -> None:
    old = await async_create_toast("old", alice)
    stream = await StreamReader.open(await signed_in(alice))
    snapshot = await stream.until("sync")
    assert [event.type for event in snapshot] == ["toast", "sync"]
    assert snapshot[-1].data == {"ids": [old.pk]}
    new = await async_create_toast("new", alice, level="success")
    assert (await stream.next()).data["id"] == new.pk
    await async_update_toast(new, progress=50)
    assert (await stream.next()).data["progress"] == 50
    await async_dismiss_toast(new)
    event = await stream.next()
    assert (event.type, event.data) == ("dismiss", {"ids": [new.pk]})
