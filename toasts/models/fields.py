"""A column for times whose text is in UTC on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.utils import timezone


class UtcDateTimeField(models.DateTimeField):  # type: ignore[type-arg]
    """A time that is kept in UTC, as the database's own clock has it.

    Where a database has no type for times with a zone (SQLite, MySQL, MariaDB), Django writes them
    in the zone of DATABASES["TIME_ZONE"], or in TIME_ZONE if USE_TZ is False. They could then
    neither be compared with `Now()` nor with the column's default.
    """

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if not prepared:
            value = self.get_prep_value(value)
        if isinstance(value, datetime) and not connection.features.supports_timezones:
            value = _aware(value).astimezone(UTC).replace(tzinfo=None)
        return super().get_db_prep_value(value, connection, prepared=True)

    def get_db_converters(self, connection: Any) -> list[Any]:
        converters: list[Any] = super().get_db_converters(connection)
        # Rows are read by the ten thousand, and in most databases there is nothing to convert.
        if connection.features.supports_timezones or connection.timezone is UTC:
            return converters
        return [*converters, _from_utc]


def _aware(value: datetime) -> datetime:
    return timezone.make_aware(value) if timezone.is_naive(value) else value


def _from_utc(value: datetime | None, expression: Any, connection: Any) -> datetime | None:
    """Return what Django read in the connection's zone, read in UTC."""
    if value is None:
        return None
    if value.tzinfo is not None:
        return value.replace(tzinfo=UTC)
    return timezone.make_naive(value.replace(tzinfo=UTC))
