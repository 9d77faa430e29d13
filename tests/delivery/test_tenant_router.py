"""How the topics of tenants are read, each in its tenant."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from toasts.auth.grants import Grant, UserStatus
from toasts.delivery import tenant_router
from toasts.delivery.source import TOASTS
from toasts.delivery.tenant_router import TenantRouter, close_excess_connections
from toasts.feeds.source import FEEDS
from toasts.tenants import current_tenant


@pytest.fixture
def listed(settings: Any) -> None:
    settings.TOASTS_TENANT = "tests.test_tenants.Listed"


class TenantSource:
    """A source whose states are the tenants that were active."""

    def __init__(self) -> None:
        self.reads: list[tuple[str, list[str]]] = []

    def read(self, topics: Sequence[str]) -> Mapping[str, Any]:
        self.reads.append((current_tenant(), list(topics)))
        return {name: {1: current_tenant()} for name in topics if name != "user:0"}

    def revoked(self, grants: Collection[Any]) -> Collection[Any]:
        return [grant for grant in grants if grant.user_id == 7]


@pytest.mark.usefixtures("listed")
def test_each_tenant_is_read_by_itself_and_a_broken_one_costs_the_others_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = TenantSource()
    router = TenantRouter(source, "user:", {})
    topics = ["user@red:1", "user@gone:1", "user@blue:1", "user@broken:1", "user@red:0", "user:1"]
    expected = {
        "user@red:1": {1: "red"},
        "user@red:0": {},
        "user@blue:1": {1: "blue"},
        "user:1": {1: ""},
        "user@gone:1": None,
        "user@broken:1": None,
    }
    assert router.read(topics) == expected
    assert router.read(topics) == expected
    assert source.reads[:3] == [
        ("red", ["user:1", "user:0"]), ("blue", ["user:1"]), ("", ["user:1"]),
    ]  # fmt: skip
    assert len(caplog.records) == 1  # not again while it lasts
    assert "tenant 'broken' can't be read" in caplog.text


@pytest.mark.usefixtures("listed")
def test_if_no_tenant_can_be_read_the_error_is_raised() -> None:
    with pytest.raises(RuntimeError, match="on purpose"):
        TenantRouter(TenantSource(), "user:", {}).read(["user@broken:1"])


@pytest.mark.usefixtures("listed")
def test_grants_are_checked_in_their_tenant_and_end_with_it() -> None:
    owners = [(7, "red"), (1, "red"), (1, "gone"), (7, "broken")]
    grants = [*(Grant(key, UserStatus(), tenant) for key, tenant in owners), None]
    router = TenantRouter(TenantSource(), "user:", {})
    assert set(router.revoked(grants)) == {grants[0], grants[2]}


@pytest.mark.usefixtures("listed")
def test_rights_are_not_checked_for_a_while_in_a_database_that_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The checks of all tenants would wait for it."""
    monkeypatch.setattr(tenant_router, "SLOW", 0.05)
    checked: list[str] = []

    class Waiting(TenantSource):
        def revoked(self, grants: Collection[Any]) -> Collection[Any]:
            checked.append(current_tenant())
            if current_tenant() == "blue":
                time.sleep(0.1)
                raise OSError("the connection timed out")
            return super().revoked(grants)

    router = TenantRouter(Waiting(), "user:", {})
    grants = [Grant(7, UserStatus(), tenant) for tenant in ("blue", "red")]
    for _ in range(2):
        assert router.revoked(grants) == [grants[1]]
    assert checked == ["blue", "red", "red"]
    monkeypatch.setattr(tenant_router, "UNREACHABLE_TIME", 0.0)
    assert router.revoked(grants) == [grants[1]]
    assert checked[3:] == ["blue", "red"]


@pytest.mark.usefixtures("listed")
def test_a_feeds_topic_of_a_tenant_is_encoded_by_the_feed() -> None:
    class Feeds:
        def delta(self, name: str, last_sent: Any, state: Any) -> bytes:
            return name.encode()

    router = TenantRouter(TOASTS, "user:", {"feed": Feeds()})
    assert router.delta("feed@red:names:all", {}, {1: "x"}) == b"feed@red:names:all"
    assert router.delta("user@red:1", {1: "x"}, {}).startswith(b"event: dismiss")


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("prefix", "known"),
    [("feed@red:names:", True), ("feed@red:other:", False), ("user@red:", False), ("@red:", False)],
)
def test_a_hint_may_wake_all_topics_of_a_feed_of_one_tenant(prefix: str, known: bool) -> None:
    class Feeds:
        def has_prefix(self, prefix: str) -> bool:
            return prefix == "feed:names:"

    router = TenantRouter(TOASTS, "user:", {"feed": Feeds()})
    assert router.has_prefix(prefix) == known


def test_what_may_be_slow_is_named_with_its_tenant(db: None) -> None:
    router = TenantRouter(TOASTS, "user:", {"feed": FEEDS})
    groups = {
        topic: router.group_of(topic) for topic in ("user:1", "user@red:1", "feed@red:names:a")
    }
    assert groups == {"user:1": "", "user@red:1": "red/", "feed@red:names:a": "red/feed:names"}


def test_the_reading_thread_stays_connected_to_ten_databases_of_tenants_at_most(
    django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "tenants.sqlite3")}
    names = [f"tenant{number}" for number in range(14)]
    configured = connections.configure_settings({"default": {}, **dict.fromkeys(names, file)})
    for name in names:
        monkeypatch.setitem(connections.settings, name, configured[name])

    def opened() -> list[str]:
        for name in names:
            connections[name].ensure_connection()
            close_excess_connections()
        return [each.alias for each in connections.all(True) if each.connection is not None]

    with django_db_blocker.unblock(), ThreadPoolExecutor(max_workers=1) as thread:
        assert thread.submit(opened).result() == names[-10:]
        thread.submit(connections.close_all).result()
