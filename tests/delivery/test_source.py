"""The topic of a user's toasts, their state, and its id."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, models
from django.test import override_settings

from toasts import create_toast, dismiss_toast, update_toast
from toasts.delivery import source, state
from toasts.models.toast import Toast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]


# Topics.


class ByUuid(models.Model):
    id = models.UUIDField(primary_key=True)

    class Meta:
        app_label = "tests"

    def __str__(self) -> str:
        return str(self.pk)


class ByName(models.Model):
    name = models.CharField(primary_key=True, max_length=50)

    class Meta:
        app_label = "tests"

    def __str__(self) -> str:
        return str(self.pk)


class ByAnother(models.Model):
    account = models.OneToOneField(ByUuid, models.CASCADE, primary_key=True)

    class Meta:
        app_label = "tests"

    def __str__(self) -> str:
        return str(self.pk)


@pytest.mark.parametrize(
    ("model", "key"),
    [
        (User, 7),
        (User, 2**63 - 1),
        (ByUuid, uuid.UUID("0189f7e2-8a6b-7cde-8f01-23456789abcd")),
        (ByAnother, uuid.UUID("0189f7e2-8a6b-7cde-8f01-23456789abcd")),
        (ByName, "alice"),
        (ByName, "user:é !~\n"),
    ],
)
def test_a_topic_leads_back_to_its_user(
    monkeypatch: pytest.MonkeyPatch, model: type[models.Model], key: Any
) -> None:
    monkeypatch.setattr(source, "get_user_model", lambda: model)
    name = source.topic(key)
    assert source._topics_by_user([name]) == {key: name}
    assert not name.startswith("!"), "it would be taken for a recheck"


# The cursor.


def _test_database_url() -> str:
    own = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{own['NAME']}"
    return f"postgresql://{own['USER']}@{own['HOST']}:{own['PORT']}/{own['NAME']}"


def test_a_cursor_is_the_same_in_every_process(alice: User) -> None:
    create_toast("text", alice, data={"b": 1, "a": [None, "é"]}, duration=2.5)
    create_toast("more", alice)
    here = state.state_digest(source.read_state(alice.pk))
    code = (
        "import django, sys\ndjango.setup()\nfrom toasts.delivery import source, state\n"
        "print(state.state_digest(source.read_state(int(sys.argv[1]))))"
    )
    for seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", code, str(alice.pk)],
            env={
                **os.environ,
                "PYTHONHASHSEED": seed,
                "DJANGO_SETTINGS_MODULE": "tests.settings",
                "TEST_DATABASE_URL": _test_database_url(),
            },
            cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert there.stdout.strip() == here
    assert len(here) == 24


@pytest.mark.parametrize(
    "change", [{"message": "b"}, {"title": "b"}, {"progress": 1}, {"data": [1]}, {"duration": 1}]
)
def test_a_cursor_changes_with_every_field(alice: User, change: dict[str, Any]) -> None:
    toast = create_toast("a", alice)
    before = state.state_digest(source.read_state(alice.pk))
    assert state.state_digest(source.read_state(alice.pk)) == before
    update_toast(toast, **change)
    assert state.state_digest(source.read_state(alice.pk)) != before


def test_a_cursor_changes_with_each_toast_that_comes_or_goes(alice: User, bob: User) -> None:
    digests = [state.state_digest(source.read_state(alice.pk))]
    for _ in range(2):
        toast = create_toast("the same", alice)
        digests.append(state.state_digest(source.read_state(alice.pk)))
    create_toast("his", bob)
    assert state.state_digest(source.read_state(alice.pk)) == digests[-1]
    dismiss_toast(toast)
    assert state.state_digest(source.read_state(alice.pk)) == digests[1]
    assert len(set(digests)) == 3


# The state.


def test_a_row_of_megabytes_does_not_keep_other_toasts_of_its_user_from_being_sent(
    alice: User,
) -> None:
    create_toast("small", alice)
    for _ in range(70):
        create_toast("many", alice)
    huge = create_toast("huge", alice)
    Toast.objects.filter(pk=huge.pk).update(data={"text": "x" * 600_000})
    found = source.read_state(alice.pk)
    assert len(found) == 72
    sent = state.as_json(found)
    assert len(sent) == 71
    assert huge.pk not in [toast["id"] for toast in sent]


def test_a_state_is_bounded_in_bytes_and_keeps_the_newest(alice: User) -> None:
    toasts = [create_toast("é" * 1000, alice, data="x" * 5000) for _ in range(100)]
    found = source.read_state(alice.pk)
    assert 0 < len(found) < 100
    assert list(found) == [toast.pk for toast in toasts[-len(found) :]]
    assert sum(len(state.toast_event(*item)) for item in found.items()) < state.STATE_BYTES * 1.05


# The state id.


async def test_the_state_ids_of_one_user_have_the_same_owner_part_and_no_other_user_has_it(
    alice: User, bob: User
) -> None:
    topic, other_topic = source.topic(alice.pk), source.topic(bob.pk)
    some = {1: "content"}
    owner, empty = source.state_id_of(topic, {}).split(".")
    assert source.state_id_of(topic, some).split(".")[0] == owner
    assert source.state_id_of(topic, some) != f"{owner}.{empty}"
    assert source.state_id_of(other_topic, {}).split(".")[1] == empty
    assert source.state_id_of(other_topic, {}) != f"{owner}.{empty}"
    with override_settings(SECRET_KEY="another site's"):
        assert not source.state_id_of(topic, {}).startswith(owner)
