"""The columns of the sheet: what each accepts, and how a value is written in a cell."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

TEXT_MAX = 80


@dataclass(frozen=True)
class Column:
    """A column of the sheet. Its field validates what a user types."""

    name: str
    label: str
    field: forms.Field
    refusal: str
    """The error message for any other input."""
    write: Callable[[Any], str] = str
    keyboard: str = "text"
    """The keyboard that a phone shows (HTML, the attribute inputmode)."""

    def clean(self, typed: str) -> str:
        """Return the text of the cell for what was typed.

        Raises:
            ValidationError: the column doesn't accept it.
        """
        try:
            value = self.field.clean(typed)
        except ValidationError:
            raise ValidationError({"text": [self.refusal]}) from None
        return "" if value in self.field.empty_values else self.write(value)


def _money(value: Decimal) -> str:
    return f"{value:.2f}"


def _clock(value: datetime.time) -> str:
    return f"{value:%H:%M}"


COLUMNS = {
    column.name: column
    for column in (
        Column(
            "bread",
            "Bread",
            forms.CharField(max_length=40),
            "Write the bread's name, at most 40 characters.",
        ),
        Column(
            "loaves",
            "Loaves",
            forms.IntegerField(min_value=0, max_value=500),
            "Write a whole number from 0 to 500.",
            keyboard="numeric",
        ),
        Column(
            "price",
            "Price, €",
            forms.DecimalField(min_value=0, max_value=100, decimal_places=2),
            "Write a price from 0 to 100, such as 4.50.",
            _money,
            keyboard="decimal",
        ),
        Column(
            "ready",
            "Ready at",
            forms.TimeField(input_formats=["%H:%M", "%H.%M"]),
            "Write a time, such as 06:30.",
            _clock,
        ),
        Column(
            "note",
            "Note",
            forms.CharField(max_length=TEXT_MAX, required=False),
            f"Write at most {TEXT_MAX} characters.",
        ),
    )
}
