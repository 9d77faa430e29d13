"""Feeds of a model's rows. The topics of one foreign key are read together.

A feed sends nothing that its class does not name: neither columns, nor all rows beside those of one
topic.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db import connections, router
from django.db.models import F, OuterRef, QuerySet, Subquery, TextField

from ..db import chunked
from .feed import Feed

KEYS_MAX = 10_000
"""Keys in one query. SQLite may allow fewer."""


class ModelFeed(Feed):
    """A feed of a model's rows: all of a queryset, or those that belong to a topic."""

    queryset: QuerySet[Any]
    """The rows, newest first: `limit` keeps the first ones. Pages get them oldest first."""
    limit: int = 100
    """The number of rows of a topic that pages get at most."""
    fields: ClassVar[Sequence[str]] = ()
    """The fields that pages get, unless the class defines `row`: names of fields and annotations.

    A foreign key has the value of its column, by the name ``customer`` or ``customer_id``.
    """
    by: ClassVar[Sequence[str]] = ()
    """Foreign keys whose values make topics: ``customer:7`` has the rows whose customer is 7."""
    all_topic: ClassVar[str] = ""
    """With `by`, the topic that has all rows. Empty: there is none.

    Without `by`, every topic has all rows.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        model = getattr(vars(cls).get("queryset"), "model", None)
        if model is not None and "table" not in vars(cls):
            cls.table = model._meta.db_table

    def rows(self, topic: str) -> QuerySet[Any]:
        """Return a topic's rows, newest first. A subclass may choose them in its own way.

        Returns:
            The rows of a foreign key's value for a topic such as ``customer:7``, if `by` is set.
            All of `queryset` for the `all_topic`, and for every topic if `by` is not set.

        Raises:
            ValueError: `by` is set, and the topic is neither of one of its foreign keys nor the
                `all_topic`.
            ValidationError: the topic's value can't be one of its foreign key.
        """
        if not self.by or self._has_all_rows(topic):
            return self.queryset.all()
        column, value = self._value(topic)
        return self.queryset.filter(**{column.name: value})

    def row(self, instance: Any) -> Any:
        """Return what the page gets of an instance: by default its `fields` by name.

        Returns:
            Anything that DjangoJSONEncoder encodes, at most 256 KiB as JSON.
        """
        return {name: getattr(instance, _attribute(instance, name)) for name in self.fields}

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        """Return the newest rows of these topics by primary key, oldest first."""
        shared = self._read_together(topics)
        return {
            topic: self._page(shared[topic] if topic in shared else self._newest(topic))
            for topic in topics
        }

    def _page(self, newest: Sequence[Any]) -> Mapping[Any, Any]:
        return {instance.pk: self.row(instance) for instance in reversed(newest)}

    def _newest(self, topic: str) -> Sequence[Any]:
        return list(_on_primary(self.rows(topic))[: self.limit])

    def _read_together(self, topics: Iterable[str]) -> Mapping[str, Sequence[Any]]:
        """Return the newest instances of the topics that can be read with others."""
        found: dict[str, Sequence[Any]] = {}
        for column, values in self._values_by_column(topics).items():
            if len(values) == 1:
                continue  # alone, it takes one query
            newest = self._newest_by_value(column, set(values.values()))
            found.update(
                (topic, newest[value]) for topic, value in values.items() if value in newest
            )
        return found

    def _values_by_column(self, topics: Iterable[str]) -> Mapping[Any, Mapping[str, Any]]:
        """Return the values of topics that belong to a foreign key, by its field and the topic."""
        values: dict[Any, dict[str, Any]] = {}
        # MariaDB allows no LIMIT in a subquery of a row, which reading them together takes.
        together = self.by and type(self).rows is ModelFeed.rows
        if together and connections[_on_primary(self.queryset).db].vendor != "mysql":
            for topic in topics:
                if not self._has_all_rows(topic):
                    column, value = self._value(topic)
                    values.setdefault(column, {})[topic] = value
        return values

    def _newest_by_value(self, column: Any, values: Collection[Any]) -> Mapping[Any, Sequence[Any]]:
        """Return the newest instances for each value of a column, in two queries or a few more.

        A value is left out if its owner can't be found. It may have rows all the same: where no
        constraint deletes them with the owner, or where the owner's model hides deleted rows.
        """
        rows = _on_primary(self.queryset)
        keys = dict(_newest_keys(rows, column, values, self.limit))
        found: dict[Any, list[Any]] = {value: [] for value in keys}
        for chunk in chunked(itertools.chain.from_iterable(keys.values()), _keys_max(rows)):
            for instance in rows.filter(pk__in=chunk):
                # It may have moved to another value since its key was read: then it counts there.
                found.get(getattr(instance, column.attname), []).append(instance)
        return {value: instances[: self.limit] for value, instances in found.items()}

    def _value(self, topic: str) -> tuple[Any, Any]:
        """Return the field and the value that a topic such as ``customer:7`` names."""
        name, colon, text = topic.partition(":")
        if not colon or name not in self.by:
            raise ValueError(
                f"Feed {self.name!r}, topic {topic!r}: {name!r} is not in `by`, and the topic is"
                f" not the `all_topic`, {self.all_topic!r}."
            )
        column: Any = self.queryset.model._meta.get_field(name)
        value = column.target_field.to_python(text)
        if value is None:
            raise ValueError(f"Feed {self.name!r}, topic {topic!r}: it has no value.")
        return column, value

    def _has_all_rows(self, topic: str) -> bool:
        return bool(self.all_topic) and topic == self.all_topic

    @classmethod
    def _create(cls) -> Feed:
        if problem := cls._problem():
            raise ImproperlyConfigured(
                f"{cls.__module__}.{cls.__qualname__}, feed {cls.name!r}: {problem}"
            )
        return super()._create()

    @classmethod
    def _problem(cls) -> str:
        """Return what the class lacks; empty: nothing."""
        if not hasattr(cls, "queryset") and cls.rows is ModelFeed.rows:
            return "set queryset, or define rows()."
        if not cls.fields and cls.row is ModelFeed.row:
            return "set fields to the names of what pages may see, or define row()."
        for option in ("fields", "by"):
            names = getattr(cls, option)
            if isinstance(names, str):
                return f"{option} must be a list of names, such as [{names!r}]."
            if unknown := [name for name in names if not _is_known(cls, name)]:
                return f"{option} has {unknown[0]!r}, which the queryset does not have."
        return ""


def _is_known(feed: type[ModelFeed], name: str) -> bool:
    """Return whether rows of the feed have a field or an annotation of this name.

    Without a queryset nobody can tell before they are read.
    """
    if not hasattr(feed, "queryset") or name in feed.queryset.query.annotations:
        return True
    columns = feed.queryset.model._meta.concrete_fields
    return any(name in (column.name, column.attname) for column in columns)


def _attribute(instance: Any, name: str) -> str:
    """Return the attribute of a field: that of a foreign key has the value of its column."""
    try:
        attribute: str = instance._meta.get_field(name).attname
    except FieldDoesNotExist:  # an annotation
        return name
    return attribute


def _on_primary(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Read from the database that is written to, unless the queryset names one.

    A replica that lags behind would show the state before the change.
    """
    names_database = getattr(rows, "_db", None) is not None
    return rows if names_database else rows.using(router.db_for_write(rows.model))


class _KeyList(Subquery):
    """The ``feed_key`` of all rows of a subquery, as a JSON list."""

    template = "(SELECT %(function)s(listed.feed_key) FROM (%(subquery)s) AS listed)"
    function = "JSON_ARRAYAGG"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, function="json_group_array", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, function="json_agg", **extra)


def _newest_keys(
    rows: QuerySet[Any], column: Any, values: Iterable[Any], limit: int
) -> Iterator[tuple[Any, Sequence[Any]]]:
    """Yield each value that has an owner, with the primary keys of its newest rows.

    One subquery for each owner: the database finds its rows in the index, as if read alone.
    """
    target = column.target_field
    newest = rows.filter(**{column.name: OuterRef(target.attname)}).values(feed_key=F("pk"))
    key_list = _KeyList(newest[:limit])
    owners = column.related_model._base_manager.using(rows.db)
    for chunk in chunked(values, _keys_max(rows)):
        chosen = owners.filter(**{f"{target.name}__in": chunk})
        for value, keys in chosen.values_list(target.attname, key_list):
            yield value, json.loads(keys) if isinstance(keys, str) else keys or ()


def _keys_max(rows: QuerySet[Any]) -> int:
    return min(connections[rows.db].features.max_query_params or KEYS_MAX, KEYS_MAX)
