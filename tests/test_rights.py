"""Rights that users lose: whose streams end, by themselves and by a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import models
from django.test import override_settings
from django.test.utils import isolate_apps

from tests.conftest import signed_in
from tests.support.brokers import rolled_back
from tests.support.logins import AUTHENTICATION, SESSION
from tests.support.streams import StreamReader
from toasts.api import async_end_streams, end_streams
from toasts.delivery import announce
from toasts.delivery.signed import take_hint
from toasts.signals import has_groups

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("hubs")]

IMPERSONATION = "tests.test_views_middleware.impersonation"


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The topics whose streams are to end, in order."""
    topics: list[str] = []

    def announced(hints: list[str]) -> None:
        for hint in hints:
            topics.extend(take_hint(hint[1:]) if hint[0] == "=" else ())

    monkeypatch.setattr(announce, "announce_topics", announced)
    return topics


@pytest.fixture
def permission(db: None) -> Permission:
    content_type = ContentType.objects.get_for_model(User)
    return Permission.objects.create(codename="p", name="P", content_type=content_type)


@pytest.fixture
def group(permission: Permission, alice: User) -> Group:
    group = Group.objects.create(name="g")
    group.permissions.add(permission)
    alice.groups.add(group)
    alice.user_permissions.add(permission)
    return group


# A call


async def test_a_call_ends_the_streams_of_a_user_who_may_connect_again(
    alice: User, bob: User
) -> None:
    client = await signed_in(alice)
    stream, other = await StreamReader.open(client), await StreamReader.open(await signed_in(bob))
    await stream.until("sync")
    await other.until("sync")
    await async_end_streams(alice)
    assert (await stream.next()).data == {"reason": "rotate"}
    assert await stream.ended()
    await (await StreamReader.open(client)).until("sync")
    await async_end_streams(alice.pk, bob)
    assert (await other.next()).data == {"reason": "rotate"}


def test_streams_end_after_the_commit_and_never_after_a_rollback(
    alice: User, ended: list[str]
) -> None:
    with rolled_back():
        end_streams(alice)
    assert ended == []
    end_streams(alice, alice.pk)
    assert set(ended) == {f"user:{alice.pk}"}


def test_what_is_no_user_is_refused(db: None) -> None:
    with pytest.raises(ValueError, match="user"):
        end_streams("nobody")


# Django's own groups and permissions

LOSSES: dict[str, Callable[[User, Group, Permission], Any]] = {
    "remove a group": lambda user, group, permission: user.groups.remove(group),
    "set other groups": lambda user, group, permission: user.groups.set([]),
    "clear the groups": lambda user, group, permission: user.groups.clear(),
    "remove a permission": lambda user, _, permission: user.user_permissions.remove(permission),
    "remove a member": lambda user, group, permission: group.user_set.remove(user),
    "clear the members": lambda user, group, permission: group.user_set.clear(),
    "a permission's users": lambda user, _, permission: permission.user_set.clear(),
    "a group's permission": lambda user, group, permission: group.permissions.remove(permission),
    "all of a group's": lambda user, group, permission: group.permissions.clear(),
    "a permission's groups": lambda user, group, permission: permission.group_set.clear(),
    "a permission's group": lambda user, group, permission: permission.group_set.remove(group),
    "delete the group": lambda user, group, permission: group.delete(),
    "delete all groups": lambda user, group, permission: Group.objects.all().delete(),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_who_loses_a_group_or_a_permission_connects_again(
    alice: User, bob: User, group: Group, permission: Permission, ended: list[str],
    loss: Callable[[User, Group, Permission], Any],
) -> None:  # fmt: skip
    loss(alice, group, permission)
    assert ended == [f"user:{alice.pk}"]


def test_who_gains_one_goes_on(
    alice: User, group: Group, permission: Permission, ended: list[str]
) -> None:
    other = Group.objects.create(name="other")
    other.permissions.add(permission)
    alice.groups.add(other)
    other.user_set.add(alice)
    assert ended == []


class Plain(models.Model):
    class Meta:
        abstract = True


class Teams(models.Model):
    groups = models.JSONField()

    class Meta:
        abstract = True


class Property(models.Model):
    groups = property(lambda self: [])

    class Meta:
        abstract = True


@isolate_apps("tests")
@pytest.mark.parametrize("base", [Plain, Teams, Property])
def test_a_user_model_may_have_groups_of_its_own(base: Any) -> None:
    meta = type("Meta", (), {"app_label": "tests"})
    model: Any = type("SiteUser", (base,), {"__module__": __name__, "Meta": meta})
    assert not has_groups(model)
    assert has_groups(User)


# Impersonation


async def end_session(impersonator: User) -> None:
    session = await Session.objects.aget()
    await session.adelete()


async def deactivate(impersonator: User) -> None:
    impersonator.is_active = False
    await impersonator.asave()


async def take_staff_away(impersonator: User) -> None:
    impersonator.is_staff = False
    await impersonator.asave()


async def remove_from_group(impersonator: User) -> None:
    group = await Group.objects.acreate(name="impersonators")
    await impersonator.groups.aadd(group)
    await impersonator.groups.aremove(group)


@override_settings(MIDDLEWARE=[SESSION, AUTHENTICATION, IMPERSONATION])
@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (end_session, "auth"),
        (deactivate, "auth"),
        (take_staff_away, "auth"),
        (remove_from_group, "rotate"),
    ],
)
async def test_an_impersonated_stream_ends_within_a_second_of_its_impersonators_loss(
    alice: User, bob: User, loss: Callable[[User], Any], reason: str
) -> None:
    alice.is_staff = True
    await sync_to_async(alice.save)()
    stream = await StreamReader.open(await signed_in(alice))
    await stream.until("sync")
    await loss(alice)
    assert (await stream.next(2)).data == {"reason": reason}


# A user model of the site's own


class Grouped:
    """It has groups of another kind, which no query can follow."""

    groups = property(lambda self: ["staff"])


@pytest.mark.parametrize(("model", "has"), [(User, True), (Grouped, False), (Group, False)])
def test_groups_count_only_where_they_are_those_of_django(model: type[Any], has: bool) -> None:
    assert has_groups(model) == has
