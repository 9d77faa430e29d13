"""The users that an argument means: the rows and instances that Django would also choose."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Group, User
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.backends.db import SessionStore
from django.db import NotSupportedError, connection, models
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import isolate_apps
from django.utils import timezone

from tests.support.brokers import RecheckRecorder
from toasts import create_toast, create_toasts, feeds
from toasts.auth.grants import user_grant
from toasts.auth.revocation import revoked
from toasts.delivery.streams import toasts_of
from toasts.feeds.tokens import verify_token
from toasts.models import Toast
from toasts.users import user_key

pytestmark = pytest.mark.django_db(transaction=True)


def receivers() -> list[str]:
    return sorted(Toast.objects.values_list("user__username", flat=True))


@pytest.fixture
def employee_model(alice: User) -> Iterator[Any]:
    """A child of the user model (multi-table inheritance) with a primary key of its own."""
    with isolate_apps("toasts"):

        class Employee(User):
            number = models.AutoField(primary_key=True)
            user_ptr = models.OneToOneField(
                User, on_delete=models.CASCADE, parent_link=True, related_name="+"
            )

            class Meta:
                app_label = "toasts"

        with connection.schema_editor() as editor:
            editor.create_model(Employee)
        yield Employee
        with connection.schema_editor() as editor:
            editor.delete_model(Employee)


@pytest.fixture
def bob_the_employee(employee_model: Any, alice: User) -> Any:
    """An employee whose own key is another user's."""
    bob = employee_model.objects.create(username="bob", number=alice.pk)
    assert bob.pk == alice.pk != bob.id
    return bob


def test_a_child_of_the_user_model_is_the_user_whose_row_it_extends(bob_the_employee: Any) -> None:
    create_toast("for bob", bob_the_employee)
    create_toasts("for bob", [bob_the_employee])
    create_toasts("for bob", type(bob_the_employee).objects.all())
    create_toasts("for bob", type(bob_the_employee).objects.order_by("-number")[:1])
    assert receivers() == ["bob"] * 4


def test_a_stream_of_a_child_of_the_user_model_is_that_of_its_user(bob_the_employee: Any) -> None:
    session = SessionStore()
    session[SESSION_KEY] = str(bob_the_employee.pk)  # as Django's login() writes it
    session.save()
    grant = user_grant(bob_the_employee, session)
    assert grant is not None
    assert toasts_of(grant).topic == f"user:{bob_the_employee.id}"
    assert not revoked([grant])
    User.objects.filter(username="alice").delete()
    assert not revoked([grant]), "another user's row is no matter of his"
    User.objects.filter(pk=bob_the_employee.id).update(is_active=False)
    assert revoked([grant]) == [grant]


def test_a_token_of_a_child_of_the_user_model_opens_feeds_to_its_user(
    bob_the_employee: Any,
) -> None:
    verified = verify_token(feeds.token(bob_the_employee), "any", 60)
    assert verified is not None
    assert verified.user.username == "bob"


def test_a_change_of_a_child_or_a_proxy_rechecks_the_streams_of_its_user(
    bob_the_employee: Any, alice: User, settings: Any
) -> None:
    settings.TOASTS_BROKER = "tests.support.brokers.RecheckRecorder"
    RecheckRecorder.rechecks.clear()
    bob_the_employee.save()
    user_logged_out.send(sender=type(bob_the_employee), request=None, user=bob_the_employee)
    key = bob_the_employee.id
    assert RecheckRecorder.rechecks == [f"!~user:{key}", f"!user:{key}"]
    with isolate_apps("toasts"):

        class Member(User):
            class Meta:
                app_label = "toasts"
                proxy = True

    RecheckRecorder.rechecks.clear()
    Member.objects.get(username="alice").save()
    assert RecheckRecorder.rechecks == [f"!~user:{alice.pk}"]


def test_a_stand_in_of_another_model_counts_by_its_primary_key(alice: User) -> None:
    with isolate_apps("toasts"):

        class Profile(models.Model):
            user = models.OneToOneField(
                User, on_delete=models.CASCADE, primary_key=True, related_name="+"
            )

            class Meta:
                app_label = "toasts"

            def __str__(self) -> str:
                return f"profile {self.pk}"

    assert user_key(Profile(user=alice)) == alice.pk
    assert user_key(alice) == alice.pk


def test_distinct_on_takes_the_rows_that_the_order_puts_first(on_postgres: bool) -> None:
    now = timezone.now()
    for day in range(3):
        for name in "ab":
            User.objects.create(
                username=f"{name}{day}", email=f"{name}@example.com",
                date_joined=now + timedelta(days=day),
            )  # fmt: skip
    newest = User.objects.order_by("email", "-date_joined").distinct("email")
    if not on_postgres:
        with pytest.raises(NotSupportedError):
            create_toasts("hello", newest)
        return
    assert create_toasts("hello", newest) == 2
    assert receivers() == ["a2", "b2"]


def test_a_queryset_may_prefetch(alice: User, bob: User) -> None:
    alice.groups.add(Group.objects.create(name="staff"))
    prefetching = User.objects.prefetch_related("groups")
    assert create_toasts("all", prefetching) == 2
    assert create_toasts("one", prefetching.order_by("username")[:1]) == 1
    union = prefetching.filter(pk=alice.pk).union(prefetching.filter(pk=bob.pk))
    assert create_toasts("union", union) == 2
    assert receivers() == ["alice"] * 3 + ["bob"] * 2


class Hiding(models.Manager[User]):
    """A manager that hides users, for example archived ones or those of another tenant."""

    def get_queryset(self) -> models.QuerySet[User]:
        return super().get_queryset().exclude(username="bob").prefetch_related("groups")


@pytest.mark.parametrize("name", ["default_manager", "base_manager"])
def test_a_user_whom_a_manager_hides_exists(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    hiding = Hiding()
    hiding.model = User
    monkeypatch.setitem(vars(User._meta), name, hiding)
    create_toast("hello", bob.pk)
    create_toasts("hello", [alice.pk, bob.pk])
    assert receivers() == ["alice", "bob", "bob"]


@pytest.fixture
def historical_user() -> Any:
    """The user model as a data migration gets it."""
    state = MigrationExecutor(connection).loader.project_state(
        [("auth", "0012_alter_user_first_name_max_length"), ("toasts", "0001_initial")]
    )
    return state.apps.get_model("auth", "User")


def test_a_data_migration_may_pass_its_own_users(alice: User, historical_user: Any) -> None:
    create_toast("one", historical_user.objects.get())
    create_toasts("many", historical_user.objects.all())
    create_toasts("some", [historical_user.objects.get()])
    assert receivers() == ["alice"] * 3


def test_a_historical_instance_of_another_model_is_none_of_a_user(
    alice: User, historical_user: Any
) -> None:
    group = historical_user._meta.apps.get_model("auth", "Group").objects.create(name="staff")
    with pytest.raises(ValueError, match=r"^user: must be a User, not Group"):
        create_toast("hello", group)
