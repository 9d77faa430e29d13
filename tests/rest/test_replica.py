"""A router that reads from a replica: the API reads what the stream reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from tests.support.rest_calls import URL
from toasts import create_toast
from toasts.models.toast import Toast

pytestmark = pytest.mark.django_db(databases=["default", "replica"])


class ReadsFromReplica:
    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "replica" if model is Toast else None

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, *models: Any, **hints: Any) -> bool:
        return True


@pytest.fixture(scope="module", autouse=True)
def _lagging_replica(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[None]:
    """A replica that has the table, but not its newest rows."""
    file = tmp_path_factory.mktemp("replica") / "replica.sqlite3"
    own = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file)}
    complete = connections.configure_settings({"default": {}, "replica": own})
    connections.settings["replica"] = complete["replica"]
    with django_db_blocker.unblock(), connections["replica"].schema_editor() as editor:
        editor.create_model(Toast)
    yield
    connections["replica"].close()
    del connections["replica"], connections.settings["replica"]


@pytest.fixture(autouse=True)
def _reads_from_replica(settings: Any, db: None) -> None:
    settings.DATABASE_ROUTERS = [ReadsFromReplica()]
    assert Toast.objects.all().db == "replica"


def test_list_count_and_one_have_a_toast_that_the_replica_lacks(
    client_of_alice: Client, alice: User
) -> None:
    toast = create_toast("fresh", alice)
    listed = client_of_alice.get(URL).json()["results"]
    assert [one["id"] for one in listed] == [toast.pk]
    assert client_of_alice.get(f"{URL}count/").json() == {"count": 1}
    assert client_of_alice.get(f"{URL}{toast.pk}/").json()["message"] == "fresh"


@pytest.mark.parametrize("way", ["read", "ids", "all"])
def test_such_a_toast_can_be_marked_read(client_of_alice: Client, alice: User, way: str) -> None:
    toast = create_toast("fresh", alice)
    if way == "read":
        answer = client_of_alice.post(f"{URL}{toast.pk}/read/")
    else:
        body = {"ids": [toast.pk]} if way == "ids" else {}
        answer = client_of_alice.post(f"{URL}read-all/", body, content_type="application/json")
    assert answer.status_code == 200
    assert Toast.objects.using("default").get(pk=toast.pk).read_at is not None
