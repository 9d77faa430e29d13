"""Tests that need real server processes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import until
from tests.support.postgres import PostgresServer
from tests.support.servers import Server, Site, stream, until_event

pytestmark = pytest.mark.servers


@pytest.fixture(params=["sqlite", "postgres"])
def site(request: Any, tmp_path: Any) -> Iterator[Site]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/site.sqlite3"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create(f"site_{tmp_path.name}")
    site = Site(url)
    yield site
    site.close()


@pytest.mark.parametrize("kind", ["daphne", "uvicorn", "hypercorn", "granian"])
async def test_a_toast_of_another_process_reaches_only_the_stream_of_its_user(
    site: Site, kind: str
) -> None:
    ids = site.users("alice", "bob")
    cookies = site.sessions("alice", "bob")
    server = site.serve(kind)
    async with stream(server, cookies["alice"]) as hers, stream(server, cookies["bob"]) as his:
        assert await until_event(hers, "sync") == {"ids": []}
        assert await until_event(his, "sync") == {"ids": []}
        site.run(
            "import sys\nfrom toasts import create_toast\n"
            "create_toast('for alice', int(sys.argv[1]))\n"
            "create_toast('for bob', int(sys.argv[2]))",
            str(ids["alice"]), str(ids["bob"]),
        )  # fmt: skip
        assert (await until_event(hers, "toast"))["message"] == "for alice"
        assert (await until_event(his, "toast"))["message"] == "for bob"


ENDINGS = {
    "logout": "from django.test import Client\nclient = Client()\n"
    "client.cookies['sessionid'] = sys.argv[1]\n"
    "client.post('/logout/')",
    "deactivation": "user = User.objects.get(username='alice')\n"
    "user.is_active = False\nuser.save()",
    "password change": "user = User.objects.get(username='alice')\n"
    "user.set_password('new')\nuser.save()",
    "deletion": "User.objects.get(username='alice').delete()",
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_an_ending_in_another_process_ends_the_users_streams_within_a_second(
    site: Site, ending: str
) -> None:
    site.users("alice", "bob")
    cookies = site.sessions("alice", "bob")
    server = site.serve()
    async with stream(server, cookies["alice"]) as hers, stream(server, cookies["bob"]) as his:
        await until_event(hers, "sync")
        await until_event(his, "sync")
        code = (
            "import sys, time, json\nfrom django.contrib.auth.models import User\n"
            f"{ENDINGS[ending]}\nprint(json.dumps(time.time()))"
        )
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(None, site.run, code, cookies["alice"]["sessionid"])
        assert await until_event(hers, "bye", 20) == {"reason": "auth"}
        received = time.time()
        assert received - await done < 1.0
        assert [event async for event in hers] == []
        his_next = asyncio.ensure_future(anext(his))
        await asyncio.sleep(0)
        assert not his_next.done()
        his_next.cancel()
        await asyncio.wait([his_next])
    async with httpx.AsyncClient(base_url=server.url, cookies=cookies["alice"]) as client:
        assert (await client.get("/toasts/stream/")).status_code == 204


SILENT_ENDINGS = {
    "a session deleted behind its back": "from django.contrib.sessions.models import Session\n"
    "Session.objects.filter(session_key=sys.argv[1])._raw_delete('default')",
    "an expired session": "from django.contrib.sessions.models import Session\n"
    "from django.utils import timezone\n"
    "Session.objects.update(expire_date=timezone.now())",
    "a user made inactive by SQL": "User.objects.update(is_active=False)",
}


@pytest.mark.parametrize("ending", SILENT_ENDINGS)
async def test_the_sweep_finds_endings_without_a_signal(
    postgres: PostgresServer, tmp_path: Any, ending: str
) -> None:
    site = Site(postgres.create(f"sweep_{tmp_path.name}"), TOASTS_SWEEP="1")
    site.users("alice")
    cookies = site.sessions("alice")
    server = site.serve()
    try:
        async with stream(server, cookies["alice"]) as hers:
            await until_event(hers, "sync")
            site.run(
                "import sys\nfrom django.contrib.auth.models import User\n"
                f"{SILENT_ENDINGS[ending]}",
                cookies["alice"]["sessionid"],
            )
            assert await until_event(hers, "bye", 10) == {"reason": "auth"}
    finally:
        site.close()


@pytest.fixture
def narrow_postgres() -> Iterator[PostgresServer]:
    server = PostgresServer(max_connections=20).start()
    yield server
    server.remove()


@pytest.mark.parametrize(
    ("kind", "handler"),
    [
        ("daphne", "toasts"),
        ("uvicorn", "django"),
        pytest.param("daphne", "django", marks=pytest.mark.wide),
        pytest.param("uvicorn", "toasts", marks=pytest.mark.wide),
    ],
)
async def test_fifty_streams_keep_no_thread_and_no_connection(
    narrow_postgres: PostgresServer, kind: str, handler: str
) -> None:
    names = [f"user{number}" for number in range(50)]
    site = Site(narrow_postgres.create("narrow"), TEST_HANDLER=handler)
    ids = site.users(*names)
    cookies = site.sessions(*names)
    server = site.serve(kind)

    def connections() -> int:
        [(count,)] = narrow_postgres.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'narrow'"
        )
        return int(count)

    try:
        async with contextlib.AsyncExitStack() as opened:
            first = await opened.enter_async_context(stream(server, cookies[names[0]]))
            await until_event(first, "sync")
            threads = server.threads()
            streams = [first]
            for name in names[1:]:
                mine = await opened.enter_async_context(stream(server, cookies[name]))
                await until_event(mine, "sync")
                streams.append(mine)
            # One connection listens and one reads, as with a single stream.
            await until(lambda: connections() <= 2)
            await until(lambda: server.threads() <= threads)
            await _site_answers(server, cookies[names[0]])
            site.run(
                "import sys\nfrom toasts import create_toasts\n"
                "create_toasts('to all', [int(pk) for pk in sys.argv[1:]])",
                *map(str, ids.values()),
            )
            for mine in streams:
                assert (await until_event(mine, "toast"))["message"] == "to all"
            await until(lambda: connections() <= 2)
            await until(lambda: server.threads() <= threads)
    finally:
        site.close()


async def _site_answers(server: Server, cookies: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=server.url, cookies=cookies, timeout=5) as client:
        for _ in range(10):
            answer = await client.get("/toasts/api/toasts/count/")
            assert (answer.status_code, answer.json()) == (200, {"count": 0})


async def test_a_stream_outlives_a_restart_of_postgres(tmp_path: Any) -> None:
    own = PostgresServer().start()
    try:
        site = Site(own.create("site"))
        ids = site.users("alice")
        cookies = site.sessions("alice")
        server = site.serve()
        try:
            async with stream(server, cookies["alice"]) as hers:
                await until_event(hers, "sync")
                own.restart()
                site.run(
                    "import sys\nfrom toasts import create_toast\n"
                    "create_toast('after', int(sys.argv[1]))",
                    str(ids["alice"]),
                )
                assert (await until_event(hers, "toast", 20))["message"] == "after"
        finally:
            site.close()
    finally:
        own.remove()


async def test_a_long_poll_answers_when_something_changes(site: Site) -> None:
    ids = site.users("alice")
    cookies = site.sessions("alice")
    server = site.serve()
    async with httpx.AsyncClient(
        base_url=server.url, cookies=cookies["alice"], timeout=30
    ) as client:
        first = (await client.get("/toasts/poll/")).json()
        assert first["toasts"] == []
        waiting = asyncio.create_task(
            client.get("/toasts/poll/", params={"wait": "25", "cursor": first["cursor"]})
        )
        await asyncio.to_thread(
            site.run,
            "import sys\nfrom toasts import create_toast\ncreate_toast('news', int(sys.argv[1]))",
            str(ids["alice"]),
        )
        answer = (await asyncio.wait_for(waiting, 10)).json()
        assert [toast["message"] for toast in answer["toasts"]] == ["news"]
        assert answer["cursor"] != first["cursor"]
