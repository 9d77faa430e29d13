"""Feeds of a model's rows; the topics of one foreign key are read together."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.db.models import F, Model, OuterRef, QuerySet, Subquery, TextField

from ..db import chunked
from .feed import Feed

KEYS_AT_ONCE = 10_000
"""Of one query; SQLite may take fewer."""


class ModelFeed(Feed):
    """A feed of a model's rows: all of a queryset, or what belongs to each topic."""

    queryset: QuerySet[Any]
    """Newest first: `limit` keeps the first ones. The page gets them in the opposite order."""
    limit: int = 100
    by: ClassVar[Sequence[str]] = ()
    """Foreign keys whose values make topics: ``customer:7`` are the rows whose customer is 7."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        model = getattr(vars(cls).get("queryset"), "model", None)
        if model is not None and "table" not in vars(cls):
            cls.table = model._meta.db_table

    def rows(self, topic: str) -> QuerySet[Any]:
        """A topic's rows; here those of a value, see `by`, or all of `queryset`.

        Raises:
            ValueError: it looks like a value of something that is not in `by`.
        """
        if not self.by or ":" not in topic:
            return self.queryset.all()
        column, value = self._value(topic)
        return self.queryset.filter(**{column.name: value})

    def row(self, instance: Any) -> Any:
        """What the page gets of an instance; here all of its concrete fields by name."""
        return {field.attname: getattr(instance, field.attname) for field in _fields(instance)}

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        return {
            topic: {found.pk: self.row(found) for found in reversed(newest)}
            for topic, newest in self._newest(topics)
        }

    def _newest(self, topics: Sequence[str]) -> Iterator[tuple[str, Sequence[Any]]]:
        """Each topic with its instances, the newest first."""
        together: dict[Any, dict[str, Any]] = {}
        for topic in topics:
            if self.by and ":" in topic and self._reads_by_column():
                column, value = self._value(topic)
                together.setdefault(column, {})[topic] = value
            else:
                yield topic, self._first(topic)
        for column, values in together.items():
            if len(values) == 1:
                yield from ((topic, self._first(topic)) for topic in values)
                continue
            found = self._first_of(column, set(values.values()))
            for topic, value in values.items():
                yield topic, found[value] if value in found else self._first(topic)

    def _first(self, topic: str) -> Sequence[Any]:
        return list(_where_written(self.rows(topic))[: self.limit])

    def _reads_by_column(self) -> bool:
        return type(self).rows is ModelFeed.rows

    def _first_of(self, column: Any, values: Collection[Any]) -> Mapping[Any, Sequence[Any]]:
        """The first rows of many values of a column, in two queries or a few more.

        A value is left out whose owner can't be seen: its rows may be there all the same, where no
        constraint keeps them from outliving it, or where its model hides what was deleted.
        """
        rows = _where_written(self.queryset)
        keys = dict(_keys(rows, column, values, self.limit))
        found: dict[Any, list[Any]] = {value: [] for value in keys}
        for some in chunked(itertools.chain.from_iterable(keys.values()), _at_once(rows)):
            for instance in rows.filter(pk__in=some):
                # One that has gone from topic to topic since its key was read is in the new one.
                found.get(getattr(instance, column.attname), []).append(instance)
        return {value: newest[: self.limit] for value, newest in found.items()}

    def _value(self, topic: str) -> tuple[Any, Any]:
        name, _, text = topic.partition(":")
        if name not in self.by:
            raise ValueError(f"Feed {self.name!r}, topic {topic!r}: {name!r} is not in `by`.")
        column: Any = self.queryset.model._meta.get_field(name)
        return column, column.target_field.to_python(text)

    @classmethod
    def _made(cls) -> Feed:
        if not hasattr(cls, "queryset") and cls.rows is ModelFeed.rows:
            raise ImproperlyConfigured(
                f"{cls.__module__}.{cls.__qualname__}, feed {cls.name!r}: set queryset, or define"
                " rows()."
            )
        return super()._made()


def _where_written(rows: QuerySet[Any]) -> QuerySet[Any]:
    # A replica that lags behind would show what was before.
    bound = getattr(rows, "_db", None) is not None
    return rows if bound else rows.using(router.db_for_write(rows.model))


class _Listed(Subquery):
    """A subquery's ``feed_key``, of all its rows, as a list in JSON."""

    template = "(SELECT %(function)s(listed.feed_key) FROM (%(subquery)s) AS listed)"
    function = "JSON_ARRAYAGG"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, function="json_group_array", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, function="json_agg", **extra)


def _keys(
    rows: QuerySet[Any], column: Any, values: Iterable[Any], limit: int
) -> Iterator[tuple[Any, Sequence[Any]]]:
    """Each value that has an owner, with the keys of its first rows: found in the index, as if
    alone."""
    target = column.target_field
    mine = rows.filter(**{column.name: OuterRef(target.attname)}).values(feed_key=F("pk"))[:limit]
    owners = column.related_model._base_manager.using(rows.db)
    for some in chunked(values, _at_once(rows)):
        asked = owners.filter(**{f"{target.name}__in": some})
        for value, listed in asked.values_list(target.attname, _Listed(mine)):
            yield value, json.loads(listed) if isinstance(listed, str) else listed or ()


def _at_once(rows: QuerySet[Any]) -> int:
    return min(connections[rows.db].features.max_query_params or KEYS_AT_ONCE, KEYS_AT_ONCE)


def _fields(instance: Model) -> Any:
    return instance._meta.concrete_fields
