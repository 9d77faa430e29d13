"""The status page, served by real processes over one database: on SQLite, and on PostgreSQL."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.core_site import CoreSite
from tests.support.feed_pages import Person, person
from tests.support.servers import Server, lasts

PAGE, FEED, CHANGE = "/demo/status/", "/demo/status/feed/", "/demo/status/change/"
JSON = {"Accept": "application/json"}
pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def session(site: CoreSite) -> dict[str, str]:
    return site.sessions("alice")["alice"]


@pytest.fixture
async def alice(two: tuple[Server, Server], session: dict[str, str]) -> AsyncIterator[Person]:
    """A client of the first process."""
    async with person(two[0], session) as client:
        yield client


@pytest.fixture
async def guest(two: tuple[Server, Server]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the second process, without a session."""
    async with httpx.AsyncClient(base_url=two[1].url, timeout=60) as client:
        yield client


async def publish(who: Person, state: str, text: str = "", **headers: str) -> httpx.Response:
    """Set the state of the first service."""
    [service] = re.findall(r'data-key="service-(\d+)"', (await who.get(PAGE)).text)[:1]
    data = {"service": service, "state": state, "text": text, "csrfmiddlewaretoken": who.token}
    return await who.post(CHANGE, data=data, headers=headers)


async def poll(who: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await who.get(FEED, params=query)).raise_for_status().json()
    return answer


def rows(answer: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    changes = [event["data"] for event in answer["events"] if event["event"] == "change"]
    return [change["row"] for change in changes if change["key"].startswith(kind)]


async def test_a_guest_sees_the_states_and_the_history_but_no_form(
    alice: Person, guest: httpx.AsyncClient
) -> None:
    await publish(alice, "slow", "It <crawls>.")
    text = (await guest.get(PAGE)).raise_for_status().text
    assert len(re.findall('data-key="service-', text)) == 4
    assert "It &lt;crawls&gt;." in text
    assert f'href="/accounts/login/?next={PAGE}"' in text
    assert CHANGE not in text
    assert not re.search(r"<script>|<style|style=|\son\w+=", text)


async def test_a_change_in_another_process_answers_a_waiting_poll(
    alice: Person, guest: httpx.AsyncClient
) -> None:
    first = await poll(guest)
    waiting = asyncio.create_task(poll(guest, wait=25, cursor=first["cursor"]))
    done, _ = await asyncio.wait([waiting], timeout=0.5)
    assert not done
    started = time.monotonic()
    answer = await publish(alice, "down", "The oven is cold.", **JSON)
    assert answer.status_code == 200
    second = await asyncio.wait_for(waiting, 5)
    assert time.monotonic() - started < 5
    [service, *_] = rows(second, "service-")
    assert (service["name"], service["state"], service["label"]) == ("Website", "down", "Down")
    [latest, *_] = rows(second, "incident-")
    incident = {key: latest[key] for key in ("service", "state", "text", "by")}
    assert incident == {
        "service": "Website",
        "state": "down",
        "text": "The oven is cold.",
        "by": "alice",
    }
    # The state and the incident are written in one transaction, and so arrive together.
    assert latest["at"] == service["at"]
    assert second["cursor"] != first["cursor"]


async def test_a_poll_without_changes_ends_after_its_wait(
    guest: httpx.AsyncClient,
) -> None:
    first = await poll(guest)
    started = time.monotonic()
    answer = await poll(guest, wait=1, cursor=first["cursor"])
    assert answer == {"events": [], "cursor": first["cursor"]}
    assert time.monotonic() - started >= 1


async def test_waiting_polls_hold_neither_threads_nor_connections(
    two: tuple[Server, Server], alice: Person, guest: httpx.AsyncClient
) -> None:
    cursor = (await poll(guest))["cursor"]
    threads, sockets = two[1].threads(), two[1].sockets()
    waiting = [asyncio.create_task(poll(guest, wait=50, cursor=cursor)) for _ in range(20)]
    few = lambda: two[1].sockets() - sockets > 15 and two[1].threads() - threads < 8  # noqa: E731
    assert await asyncio.to_thread(lasts, few)
    assert not any(task.done() for task in waiting)
    await publish(alice, "slow", "Go on.")
    for answer in await asyncio.gather(*waiting):
        assert rows(answer, "incident-")[0]["text"] == "Go on."


async def test_the_history_is_short_and_the_newest_comes_first(
    alice: Person, guest: httpx.AsyncClient
) -> None:
    for number in range(9):
        await publish(alice, "working", f"number {number}")
    texts = [row["text"] for row in rows(await poll(guest), "incident-")]
    assert texts == [f"number {number}" for number in range(8, 0, -1)]


async def test_without_script_the_form_redirects_to_the_page(alice: Person) -> None:
    answer = await publish(alice, "working")
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("service", "999999", "Choose a service."),
        ("service", "x", "Choose a service."),
        ("state", "burning", "Choose a state."),
        ("text", "x" * 201, "Ensure this value has at most 200 characters (it has 201)."),
    ],
)
async def test_invalid_input_is_refused_by_field_and_changes_nothing(
    alice: Person, guest: httpx.AsyncClient, field: str, value: str, error: str
) -> None:
    before = await poll(guest)
    data = {"service": "1", "state": "down", "csrfmiddlewaretoken": alice.token, field: value}
    answer = await alice.post(CHANGE, data=data, headers=JSON)
    assert (answer.status_code, answer.json()) == (400, {"errors": {field: [error]}})
    page = await alice.post(CHANGE, data=data)
    assert page.status_code == 400
    assert error in page.text
    assert (await poll(guest))["cursor"] == before["cursor"]


async def test_guests_and_forged_requests_change_nothing(
    alice: Person, guest: httpx.AsyncClient
) -> None:
    forged = await alice.post(CHANGE, data={"service": "1", "state": "down"})
    assert forged.status_code == 403
    [token] = set(re.findall(r'value="(\w{64})"', (await guest.get("/accounts/login/")).text))
    data = {"service": "1", "state": "down", "csrfmiddlewaretoken": token}
    answer = await guest.post(CHANGE, data=data)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/accounts/login/?next={CHANGE}"
    assert (await alice.get(CHANGE)).status_code == 405
    assert (await guest.post(FEED)).status_code == 403
