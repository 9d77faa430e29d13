"""How tenants are named and activated. tests/tenants has whole sites with tenants."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from toasts import create_toast, feeds
from toasts.asgi.fast_path import parse_fast_path
from toasts.delivery.source import owner_name, topic
from toasts.feeds.tokens import verify_token
from toasts.tenants import (
    ContextVarTenancy,
    Tenancy,
    activated,
    current_tenant,
    home_database,
    kind_of,
    split_topic,
    tenancy,
    unknown_tenant,
)

VARIABLE: ContextVar[Any] = ContextVar("VARIABLE", default="")


class Listed(Tenancy):
    """Keeps a list of the tenants that are active. One is missing, and one can't be read."""

    active: ClassVar[list[str]] = []

    def current(self) -> str:
        return self.active[-1] if self.active else ""

    @contextmanager
    def activate(self, tenant: str) -> Iterator[None]:
        if tenant == "broken":
            raise RuntimeError("on purpose")
        self.active.append(tenant)
        try:
            yield
        finally:
            self.active.pop()

    def missing(self, tenants: Collection[str], model: Any) -> Collection[str]:
        return [tenant for tenant in tenants if tenant == "gone"]


@pytest.fixture
def by_variable(settings: Any) -> Iterator[None]:
    settings.TOASTS_TENANT = "tests.test_tenants.VARIABLE"
    yield
    VARIABLE.set("")


@pytest.fixture
def listed(settings: Any) -> None:
    settings.TOASTS_TENANT = "tests.test_tenants.Listed"


@given(st.sampled_from(["user", "feed"]), st.text(min_size=1), st.text())
def test_a_topic_gives_its_tenant_back(kind: str, tenant: str, rest: str) -> None:
    assert split_topic(f"{kind_of(kind, tenant)}:{rest}") == (tenant, f"{kind}:{rest}")


@given(st.text())
def test_without_tenants_a_topic_is_what_it_was(rest: str) -> None:
    assert topic(rest) == owner_name(rest) == f"user:{rest}"
    assert split_topic(f"user:{rest}") == ("", f"user:{rest}")


def test_a_site_has_no_tenants_unless_it_says_so() -> None:
    assert tenancy() is None
    assert current_tenant() == ""


@pytest.mark.parametrize(
    "path", ["json.dumps", "tests.test_tenants.contextlib", "json.JSONEncoder"]
)
def test_what_is_no_tenancy_is_refused(settings: Any, path: str) -> None:
    settings.TOASTS_TENANT = path
    with pytest.raises((ImproperlyConfigured, TypeError)):
        tenancy()


@pytest.mark.usefixtures("by_variable")
def test_the_variable_is_set_while_a_tenant_is_active_and_restored_after_it() -> None:
    VARIABLE.set("red")
    with contextlib.suppress(RuntimeError), activated("blue"):
        assert current_tenant() == "blue"
        raise RuntimeError("inside")
    assert current_tenant() == "red"


@pytest.mark.parametrize("value", [7, object(), b"red"])
@pytest.mark.usefixtures("by_variable")
def test_a_variable_that_holds_no_text_is_an_error_that_says_so(value: Any) -> None:
    VARIABLE.set(value)
    with pytest.raises(ImproperlyConfigured, match=r"'VARIABLE' must hold a text"):
        current_tenant()


def test_a_variable_without_a_value_is_no_tenant() -> None:
    variable: ContextVar[str | None] = ContextVar("variable")
    chosen = ContextVarTenancy(variable)
    assert chosen.current() == ""
    with chosen.activate("red"):
        assert chosen.current() == "red"
    assert chosen.current() == ""


class ByThread:
    """A router that chooses by a variable of the thread."""

    chosen = threading.local()

    def db_for_write(self, model: Any, **hints: Any) -> str:
        alias: str = self.chosen.alias
        return alias


def test_what_a_thread_has_chosen_is_not_the_database_of_other_threads(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATABASE_ROUTERS = ["tests.test_tenants.ByThread"]
    monkeypatch.setitem(settings.DATABASES, "red", dict(settings.DATABASES["default"]))
    for alias, unknown in (("default", ""), ("red", "red"), ("default", "")):
        monkeypatch.setattr(ByThread.chosen, "alias", alias, raising=False)
        assert unknown_tenant() == unknown
    monkeypatch.setattr(ByThread.chosen, "alias", "red")
    settings.TOASTS_TENANT = "tests.test_tenants.Listed"
    assert home_database() == "default"


# What is announced.


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("by_variable")
def test_the_tenant_of_the_call_counts_and_not_that_of_the_commit(
    alice: Any, all_hints: list[str]
) -> None:
    with transaction.atomic():
        with activated("red"):
            toast = create_toast("hello", alice)
            feeds.announce("names", "all")
            toast.refresh_from_db()
        VARIABLE.set("blue")
    assert all_hints == [f"user@red:{alice.pk}", "feed@red:names:all"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("by_variable")
def test_a_changed_user_is_rechecked_in_the_tenant(alice: Any, all_hints: list[str]) -> None:
    VARIABLE.set("red:%")
    alice.save()
    assert all_hints == [f"!~user@red%3A%25:{alice.pk}"]


@pytest.mark.django_db
@pytest.mark.usefixtures("by_variable")
def test_a_token_stands_for_a_user_of_its_tenant_alone(alice: Any) -> None:
    VARIABLE.set("red")
    text = feeds.token(alice)
    assert verify_token(text, "names", 300) is not None
    VARIABLE.set("blue")  # a user with the same key and the same password: none, for example
    assert verify_token(text, "names", 300) is None


# Requests that no middleware has seen.


def scope() -> dict[str, Any]:
    headers = [(b"host", b"testserver"), (b"cookie", b"sessionid=" + b"a" * 32)]
    return {"type": "http", "method": "GET", "path": "/toasts/stream/", "headers": headers}


@pytest.mark.usefixtures("by_variable")
def test_the_fast_path_takes_the_tenant_of_the_variable_or_leaves_the_request() -> None:
    assert parse_fast_path(scope()) is None
    VARIABLE.set("red")
    assert parse_fast_path(scope()) == ("a" * 32, None, False, "red")


@pytest.mark.usefixtures("listed")
def test_a_tenancy_that_cannot_tell_by_the_scope_leaves_the_request_to_the_middleware() -> None:
    assert parse_fast_path(scope()) is None
