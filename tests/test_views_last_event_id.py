"""What a client has seen already: Last-Event-ID and cursor."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tests.conftest import signed_in
from tests.support.streams import POLL, STREAM, StreamReader
from toasts import async_create_toast, async_dismiss_toast
from toasts.models.toast import Toast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


async def test_a_client_that_missed_a_change_and_its_reversal_gets_everything_again(
    alice: User,
) -> None:
    first, second = [await async_create_toast(text, alice) for text in ("first", "second")]
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    await async_dismiss_toast(first)
    last = (await stream.until("dismiss"))[-1].id
    await Toast.objects.filter(pk=first.pk).aupdate(read_at=None)
    again = await StreamReader.open(await signed_in(alice), **{"Last-Event-ID": last})
    sent = await again.until("sync")
    assert [event.data.get("id") for event in sent[:-1]] == [first.pk, second.pk]


MALFORMED = {
    "too long": "a" * 65,
    "a space": "a b",
    "a newline": "a\nevent: toast",
    "a carriage return": "a\rb",
    "NUL": "a\x00b",
    "unicode": "é",
    "a digit of another kind": "²",
    "SQL": "1'; DROP TABLE toasts_toast; --",
    "two joined": "aa,bb",
    "markup": "<script>",
}


@pytest.mark.parametrize("last_event_id", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_last_event_id_is_refused_and_never_echoed(
    alice: User, last_event_id: str
) -> None:
    await async_create_toast("secret", alice)
    client = await signed_in(alice)
    for answer in (
        await client.get(STREAM, headers={"Last-Event-ID": last_event_id}),
        await client.get(STREAM, {"last_event_id": last_event_id}),
    ):
        assert answer.status_code == 400
        assert answer.content == (
            b'{"last_event_id": ["Not an id of this stream; leave the header out."]}'
        )
        assert answer["Content-Type"] == "application/json"
    answer = await client.get(POLL, {"cursor": last_event_id})
    assert answer.status_code == 400
    assert answer.content == b'{"cursor": ["Not a cursor of this view; leave it out."]}'


@pytest.mark.parametrize("last_event_id", ["0", "deadbeef", "A" * 64, "-1", ".."])
async def test_an_unknown_last_event_id_gets_all_of_the_users_own_toasts(
    alice: User, bob: User, last_event_id: str
) -> None:
    await async_create_toast("hers", alice)
    await async_create_toast("his", bob)
    client = await signed_in(alice)
    stream = await StreamReader.open(client, **{"Last-Event-ID": last_event_id})
    snapshot = await stream.until("sync")
    assert [event.data.get("message") for event in snapshot] == ["hers", None]
    assert f"id: {last_event_id}\n".encode() not in stream.raw


@pytest.mark.parametrize("where", ["header", "query"])
async def test_a_client_with_the_current_state_gets_only_the_list_of_ids(
    alice: User, where: str
) -> None:
    toast = await async_create_toast("known", alice)
    client = await signed_in(alice)
    first = (await (await StreamReader.open(client)).until("sync"))[-1]
    if where == "header":
        response = await client.get(STREAM, headers={"Last-Event-ID": first.id})
    else:
        response = await client.get(STREAM, {"last_event_id": first.id})
    again = StreamReader(response)
    event = await again.next()
    assert (event.type, event.data, event.id) == ("sync", {"ids": [toast.pk]}, first.id)
    assert (await client.get(POLL)).json()["cursor"] == first.id


async def test_the_last_event_id_of_another_user_reveals_nothing(alice: User, bob: User) -> None:
    await async_create_toast("his", bob)
    his = (await (await StreamReader.open(await signed_in(bob))).until("sync"))[-1]
    hers = await StreamReader.open(await signed_in(alice), **{"Last-Event-ID": his.id})
    [sync] = await hers.until("sync")
    assert sync.data == {"ids": []}
    assert sync.id != his.id
