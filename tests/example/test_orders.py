"""The order board, served by a real process: who sees which orders, from every writer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.core_site import Browser, CoreSite, sqlite_url
from tests.support.demos import Demo, Stream, subscribe
from tests.support.feed_pages import person, stream
from tests.support.postgres import PostgresServer
from tests.support.websocket_client import WebSocket

pytestmark = pytest.mark.servers
PAGE, FEED, TOKEN = "/demo/orders/", "/demo/orders/feed/", "/demo/orders/token/"
JSON = {"Accept": "application/json"}


@pytest.fixture(params=["sqlite", "postgres"])
def demo(request: pytest.FixtureRequest, demo_on: Callable[[str], Demo]) -> Demo:
    demo = demo_on(request.param)
    demo.sql("DELETE FROM example_order", "DELETE FROM toasts_toast")
    return demo


@pytest.fixture
def people(demo: Demo) -> Iterator[dict[str, Browser]]:
    with ExitStack() as stack:
        names = ("admin", "alice", "bob")
        yield {name: stack.enter_context(demo.browser(name)) for name in names}


@pytest.fixture
def streams(people: dict[str, Browser]) -> Iterator[dict[str, Stream]]:
    with ExitStack() as stack:
        found = {
            name: stack.enter_context(subscribe(browser, FEED)) for name, browser in people.items()
        }
        for stream in found.values():
            assert stream.snapshot() == [("sync", {"keys": []})]
        yield found


def order(demo: Demo, product: str, customer: str = "", note: str = "") -> None:
    of = demo.users[customer] if customer else "NULL"
    demo.sql(
        "INSERT INTO example_order (product, price, customer_id, note)"
        f" VALUES ('{product}', 2.5, {of}, '{note}')"
    )


def toasts(demo: Demo) -> list[Any]:
    return demo.sql(
        "SELECT username, title, message FROM toasts_toast"
        " JOIN auth_user ON auth_user.id = user_id ORDER BY toasts_toast.id"
    )


def test_insert_update_and_delete_reach_the_customer_and_the_staff(
    demo: Demo, streams: dict[str, Stream]
) -> None:
    order(demo, "Croissant", "alice")
    [(_, inserted)] = streams["admin"].next()
    assert (inserted["table"], inserted["action"]) == ("example_order", "INSERT")
    assert {**inserted["row"], "created_at": ""} == {
        "product": "Croissant", "price": "2.50", "quantity": 1, "note": "", "customer": "alice",
        "created_at": "",
    }  # fmt: skip
    assert streams["alice"].next() == [("change", inserted)]
    demo.sql("UPDATE example_order SET quantity = 3")
    updated = {**inserted, "action": "UPDATE", "row": {**inserted["row"], "quantity": 3}}
    assert streams["admin"].next() == streams["alice"].next() == [("change", updated)]
    demo.sql("DELETE FROM example_order")
    removed = {
        "table": "example_order", "action": "DELETE", "keys": [inserted["key"]],
        "rows": [updated["row"]],
    }  # fmt: skip
    assert streams["admin"].next() == streams["alice"].next() == [("remove", removed)]
    order(demo, "Pretzel", "bob")  # the first event for bob
    assert streams["bob"].next()[0][1]["row"]["product"] == "Pretzel"


def test_an_order_that_moves_to_another_customer_moves_to_their_board(
    demo: Demo, streams: dict[str, Stream]
) -> None:
    order(demo, "Croissant", "alice")
    [(_, inserted)] = streams["alice"].next()
    demo.sql(f"UPDATE example_order SET customer_id = {demo.users['bob']}")
    [(event, lost)] = streams["alice"].next()
    assert (event, lost["action"], lost["rows"]) == ("remove", "DELETE", [inserted["row"]])
    [(_, gained)] = streams["bob"].next()
    assert (gained["key"], gained["action"], gained["row"]["customer"]) == (
        inserted["key"], "INSERT", "bob",
    )  # fmt: skip


def test_the_boards_of_two_hundred_customers_take_a_few_queries(demo: Demo) -> None:
    counts = demo.site.run(
        "from django.contrib.auth.models import User\nfrom django.db import connection\n"
        "from django.test.utils import CaptureQueriesContext\n"
        "from example.models import Order\nfrom example.orders.feeds import Orders\n"
        "users = User.objects.bulk_create(User(username=f'buyer{at}') for at in range(200))\n"
        "Order.objects.bulk_create(Order(customer=user, product='A', price=4) for user in users)\n"
        "with CaptureQueriesContext(connection) as queries:\n"
        "    found = Orders().read(['all', *[f'customer:{user.pk}' for user in users]])\n"
        "print([len(queries), len(found), sum(map(len, found.values()))])\n"
        "User.objects.filter(username__startswith='buyer').delete()"
    )
    assert counts == [3, 201, 250]


def test_a_row_larger_than_a_notification_arrives_whole(
    demo: Demo, streams: dict[str, Stream]
) -> None:
    order(demo, "Wedding cake", "alice", "x" * 20_000)
    for name in ("admin", "alice"):
        [(_, data)] = streams[name].next()
        assert data["row"]["note"] == "x" * 20_000


def test_the_staff_gets_one_toast_for_each_order_whoever_writes_it(
    demo: Demo, people: dict[str, Browser]
) -> None:
    answer = people["alice"].submit(PAGE, {"product": "Pretzel"}, **JSON)
    assert answer.status_code == 201
    order(demo, "Croissant")
    demo.site.run(
        "from example.models import Order\nOrder.objects.create(product='Rye', price=4, quantity=2)"
    )
    demo.sql("UPDATE example_order SET quantity = 5", "DELETE FROM example_order")
    assert toasts(demo) == [
        ("admin", "New order", "1 x Pretzel, 1.80 each"),
        ("admin", "New order", "1 x Croissant, 2.50 each"),
        ("admin", "New order", "2 x Rye, 4.00 each"),
    ]


def test_the_link_of_the_toast_has_the_path_prefix_of_the_site(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    for database in (sqlite_url(tmp_path), postgres.create("below")):
        site = CoreSite(database, FORCE_SCRIPT_NAME="/live")
        url = site.run(
            "import json\nfrom example.models import Order\nfrom toasts.models import Toast\n"
            "Order.objects.create(product='Rye', price=4)\n"
            "print(json.dumps(Toast.objects.get().url))"
        )
        assert url == "/live/demo/orders/"
        site.close()


def test_an_order_that_is_rolled_back_sends_no_toast(demo: Demo) -> None:
    with pytest.raises(Exception, match=r"(?i)not.null"):
        demo.sql(
            "INSERT INTO example_order (product, price) VALUES ('Pretzel', 1)",
            "INSERT INTO example_order (product, price) VALUES ('Pretzel', NULL)",
        )
    assert toasts(demo) == []


def test_the_generator_fills_the_board_from_another_process(
    demo: Demo, streams: dict[str, Stream]
) -> None:
    demo.site.run(
        "from django.core.management import call_command\n"
        "call_command('generate_orders', '--count=3', '--interval=0', stdout=open('/dev/null','w'))"
    )
    events = streams["admin"].next(3)
    assert [data["action"] for _, data in events] == ["INSERT"] * 3
    assert len(toasts(demo)) == 3


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_the_generator_refuses_invalid_arguments(demo: Demo) -> None:
    errors = demo.site.run(
        "import json\nfrom django.core.management import CommandError, call_command\nerrors = []\n"
        "for word in ('--interval=-1', '--interval=x', '--interval=nan', '--count=0'):\n"
        "    try:\n        call_command('generate_orders', word)\n"
        "    except CommandError as error:\n        errors.append(str(error))\n"
        "print(json.dumps(errors))"
    )
    assert errors == [
        "Error: argument --interval: -1 is not from 0 to 3600 seconds.",
        "Error: argument --interval: invalid _seconds value: 'x'",
        "Error: argument --interval: nan is not from 0 to 3600 seconds.",
        "Error: argument --count: 0 is not 1 or more.",
    ]


async def test_every_transport_sends_the_same_event_for_a_deleted_order(demo: Demo) -> None:
    order(demo, "Croissant", "alice")
    cookies = demo.sessions["alice"]
    socket = await WebSocket.open(demo.server.port, FEED, cookies["sessionid"])
    await socket.until("sync")
    async with person(demo.server, cookies) as alice, stream(alice, FEED) as received:
        cursor = (await alice.get(FEED)).json()["cursor"]
        waiting = asyncio.create_task(alice.get(FEED, params={"wait": 20, "cursor": cursor}))
        done, _ = await asyncio.wait([waiting], timeout=0.5)
        assert not done
        demo.sql("DELETE FROM example_order")
        data = await received.until(lambda event, data: event == "remove")
        assert (data["table"], data["action"]) == ("example_order", "DELETE")
        assert data["rows"][0]["product"] == "Croissant"
        assert (await socket.until("remove"))["data"] == data
        [event] = (await waiting).json()["events"]
        assert (event["event"], event["data"]) == ("remove", data)
    await socket.leave()


def test_a_token_opens_the_feed_in_its_users_name(demo: Demo, people: dict[str, Browser]) -> None:
    order(demo, "Croissant", "alice")
    order(demo, "Pretzel", "bob")
    csrf = {"X-CSRFToken": people["alice"].csrf(PAGE)}
    token = people["alice"].post(TOKEN, headers=csrf).json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=demo.server.url) as guest:
        for sent in ({"params": {"token": token}}, {"headers": bearer}):
            events = guest.get(FEED, **sent).json()["events"]
            assert [event["data"]["row"]["product"] for event in events[:-1]] == ["Croissant"]
        assert guest.get("/demo/messages/feed/", params={"token": token}).status_code == 403
        assert guest.get(FEED, params={"token": token + "x"}).status_code == 403


def test_a_guest_gets_no_page_no_feed_and_no_token(demo: Demo) -> None:
    with httpx.Client(base_url=demo.server.url) as guest:
        assert guest.get(FEED).status_code == 403
        assert guest.get(FEED, headers={"Accept": "text/event-stream"}).status_code == 403
        assert guest.post(TOKEN).status_code == 403
        page = guest.get(PAGE)
    assert (page.status_code, page.headers["Location"]) == (302, f"/accounts/login/?next={PAGE}")


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_an_unknown_product_cannot_be_ordered(demo: Demo, people: dict[str, Browser]) -> None:
    answer = people["alice"].submit(PAGE, {"product": "Moon"}, **JSON)
    assert answer.status_code == 400
    assert answer.json()["errors"]["product"][0].startswith("There is no 'Moon': choose one of Cr")
    assert demo.sql("SELECT * FROM example_order") == []


@pytest.mark.parametrize("demo", ["postgres"], indirect=True)
def test_the_trigger_announces_each_topic_of_a_statement_once(demo: Demo) -> None:
    admin, alice, bob = (demo.users[name] for name in ("admin", "alice", "bob"))
    with demo.hints() as hints:
        demo.sql(
            "INSERT INTO example_order (product, price, customer_id)"
            f" VALUES ('A', 1, {alice}), ('B', 1, {bob}), ('C', 1, {bob})"
        )
        assert sorted(hints(4)) == sorted(
            [f"user:{admin}", "feed:orders:all"]
            + [f"feed:orders:customer:{customer}" for customer in (alice, bob)]
        )
