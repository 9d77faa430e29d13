"""Feeds of a model's rows: which rows a topic has, and how many queries it takes."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connection, models
from django.http import HttpRequest
from django.test.utils import CaptureQueriesContext

from toasts import feeds
from toasts.models.toast import Toast

pytestmark = pytest.mark.django_db


class Toasts(feeds.ModelFeed):
    """Toasts: of all users, or of one."""

    name = "toasts"
    queryset = Toast.objects.select_related("user").order_by("-pk")
    by = ["user"]
    all_topic = "all"

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return "all"

    def row(self, instance: Toast) -> Any:
        return [instance.user.username, instance.message]


class Texts(Toasts):
    """The same, without the user's name."""

    name = "texts"
    queryset = Toast.objects.order_by("-pk")

    def row(self, instance: Toast) -> Any:
        return instance.message


@pytest.fixture
def people(db: None) -> list[User]:
    users = User.objects.bulk_create(User(username=f"u{number}") for number in range(200))
    Toast.objects.bulk_create(
        Toast(user=user, message=str(number)) for number in range(3) for user in users
    )
    return users


def topic(user: User) -> str:
    return f"user:{user.pk}"


def read_counted(feed: feeds.Feed, topics: list[str]) -> tuple[int, Any]:
    with CaptureQueriesContext(connection) as captured:
        found = feed.read(topics)
    return len(captured), {name: list(rows.items()) for name, rows in found.items()}


def test_the_boards_of_two_hundred_users_are_read_in_three_queries(
    people: list[User],
) -> None:
    topics = ["all", *map(topic, people)]
    count, found = read_counted(Toasts(), topics)
    assert count == (201 if connection.vendor == "mysql" else 3)
    assert {name: dict(rows) for name, rows in found.items()} == {
        name: rows for one in topics for name, rows in Toasts().read([one]).items()
    }
    assert [row for _, row in found[topic(people[7])]] == [["u7", "0"], ["u7", "1"], ["u7", "2"]]


def test_rows_without_an_owner_are_read_with_other_topics_as_they_are_alone(
    people: list[User],
) -> None:
    # As in a table without a constraint. The database checks it at the end of the test, or never.
    lost = Toast.objects.create(user=people[0], message="lost")
    with connection.constraint_checks_disabled():
        Toast.objects.filter(pk=lost.pk).update(user=999_999)
    try:
        _, found = read_counted(Texts(), ["user:999999", topic(people[1]), "user:0"])
        assert found["user:999999"] == [(lost.pk, "lost")]
        assert (len(found[topic(people[1])]), found["user:0"]) == (3, [])
    finally:
        lost.delete()


def test_each_topic_keeps_its_newest_rows(
    people: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Toasts, "limit", 2)
    _, found = read_counted(Toasts(), [topic(user) for user in people[:5]])
    assert [[row[1] for _, row in rows] for rows in found.values()] == [["1", "2"]] * 5


def test_one_topic_takes_one_query(people: list[User]) -> None:
    count, found = read_counted(Toasts(), [topic(people[0])])
    assert (count, len(found[topic(people[0])])) == (1, 3)


def test_the_same_value_written_in_two_ways_is_two_topics(people: list[User]) -> None:
    pk = people[0].pk
    _, found = read_counted(Toasts(), [f"user:{pk}", f"user:0{pk}", "user:0"])
    assert found[f"user:{pk}"] == found[f"user:0{pk}"] != []


@pytest.mark.parametrize("name", ["usr:7", "", "user", "everything", ":", ":7", "All", "all "])
def test_a_topic_of_no_declared_name_is_an_error_and_never_all_rows(db: None, name: str) -> None:
    for topics in ([name], [name, "user:1", "user:2"]):
        with pytest.raises(ValueError, match=r"is not in `by`, and .* not the `all_topic`, 'all'"):
            Toasts().read(topics)


def test_a_topic_whose_value_is_none_of_the_column_is_an_error(db: None) -> None:
    for name in ("user:x", "user:", "user:None"):
        with pytest.raises(ValidationError):
            Toasts().read([name])


@pytest.mark.parametrize("name", ["", "all", "anything"])
def test_without_an_all_topic_no_topic_has_all_rows(
    people: list[User], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(Toasts, "all_topic", "")
    with pytest.raises(ValueError, match="not the `all_topic`"):
        Toasts().read([name])


def test_an_all_topic_may_have_a_colon(people: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toasts, "all_topic", "user:all")
    found = Toasts().read(["user:all", topic(people[0]), topic(people[1])])
    assert [len(rows) for rows in found.values()] == [100, 3, 3]


class Accounts(feeds.ModelFeed):
    """Users, with a field, an annotation, and the primary key."""

    name = "accounts"
    queryset = User.objects.annotate(count=models.Count("toasts")).order_by("-pk")
    fields = ["id", "username", "count"]

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return "all"


def test_pages_get_the_fields_that_the_feed_names_and_no_others(people: list[User]) -> None:
    rows = Accounts().read(["all"])["all"]
    user = people[-1]
    assert rows[user.pk] == {"id": user.pk, "username": user.username, "count": 3}
    Accounts.as_view()


def test_a_foreign_key_has_the_value_of_its_column(people: list[User]) -> None:
    class Keys(Toasts):
        row = feeds.ModelFeed.row
        fields = ["user", "user_id"]

    rows = Keys().read([topic(people[0])])[topic(people[0])]
    assert next(iter(rows.values())) == {"user": people[0].pk, "user_id": people[0].pk}


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        ({}, r"set fields to the names of what pages may see, or define row\(\)"),
        ({"fields": []}, "set fields"),
        ({"fields": "username"}, r"fields must be a list of names, such as \['username'\]"),
        ({"fields": ["username", "nmae"]}, "fields has 'nmae', which the queryset does not have"),
        ({"fields": ["groups"]}, "fields has 'groups'"),
        ({"fields": ["username"], "by": "group"}, "by must be a list of names"),
        ({"fields": ["username"], "by": ["customer"]}, "by has 'customer'"),
    ],
)
def test_a_feed_that_does_not_say_what_pages_may_see_is_refused(
    attributes: dict[str, Any], problem: str
) -> None:
    class Base(feeds.ModelFeed):
        name = "refused"
        queryset = User.objects.order_by("-pk")

        def topic(self, request: HttpRequest, **kwargs: Any) -> str:
            return "all"

    with pytest.raises(ImproperlyConfigured, match=f"feed 'refused': .*{problem}"):
        type("Refused", (Base,), attributes).as_view()  # type: ignore[attr-defined]


class Permissions(feeds.ModelFeed):
    """A feed with a `rows` method of its own."""

    name = "permissions"
    queryset = Permission.objects.order_by("-pk")
    fields = ["codename"]
    by = ["content_type"]
    table = "others"

    def topic(self, request: HttpRequest, **kwargs: Any) -> str:
        return "all"

    def rows(self, topic: str) -> Any:
        return self.queryset.filter(
            content_type_id=int(topic.split(":")[1]), codename__startswith="a"
        )


@pytest.mark.usefixtures("permissions")
def test_a_rows_method_of_the_feed_is_called_for_each_topic() -> None:
    topics = [f"content_type:{found.pk}" for found in ContentType.objects.all()[:3]]
    count, found = read_counted(Permissions(), topics)
    assert count == 3
    assert {row["codename"][:3] for rows in found.values() for _, row in rows} == {"add"}


def test_the_table_is_that_of_the_model_unless_another_is_set() -> None:
    class Unnamed(Permissions):
        name = "unnamed"

    class Again(feeds.ModelFeed):
        name = "again"
        queryset = Permission.objects.all()

    assert (Toasts.table, Permissions.table, Unnamed.table) == (
        "toasts_toast", "others", "others",
    )  # fmt: skip
    assert Again.table == "auth_permission"
    assert feeds.Feed.table == feeds.ModelFeed.table == ""
