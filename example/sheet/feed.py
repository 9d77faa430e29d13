"""The sheet as a feed: its cells and its visitors down, what they do up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest

from example.sheet import presence
from example.sheet.columns import COLUMNS
from example.sheet.models import Cell
from toasts import feeds

SHEET = "plan"
_KEY = re.compile(r"([0-9]{1,3})-([a-z]+)")
_TAB = re.compile(r"[\w-]{8,40}", re.ASCII)


class Sheet(feeds.Feed):
    """Two kinds of rows: cells by their place (``3-price``), and people (``here-7``)."""

    name = "sheet"

    def topic(self, request: HttpRequest, **kwargs: Any) -> str | None:
        return SHEET if request.user.is_authenticated else None

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        rows: dict[str, Any] = {cell.key: said_of(cell) for cell in Cell.objects.all()}
        names = presence.here().values_list("user_id", "user__username")
        rows.update((f"here-{pk}", {"name": name}) for pk, name in names.order_by("user__username"))
        return dict.fromkeys(topics, rows)

    def receive(self, request: HttpRequest, topic: str, data: Any) -> Any:
        """``{"here": true}`` or ``{"save": key, "text": ..., "version": the one edited}``."""
        tab = _tab_of(request)
        match data:
            case {"here": bool(stays)}:
                arrived_or_left = presence.arrive if stays else presence.leave
                if arrived_or_left(request.user, tab):
                    feeds.announce(Sheet, topic)
                return {}
            case {"save": str(key), "text": str(typed), "version": int(version)}:
                return save(request.user.get_username(), tab, key, typed, version)
        raise ValidationError(
            'Must be {"here": ...} or {"save": ..., "text": ..., "version": ...}.'
        )


def _tab_of(request: HttpRequest) -> str:
    tab = request.GET.get("origin", "")
    if not _TAB.fullmatch(tab):
        raise ValidationError({"origin": ["Must name the tab: 8 to 40 of a-z A-Z 0-9 _ -."]})
    if presence.is_of_another(request.user, tab):
        # It would not be shown there: a tab leaves alone what it wrote itself.
        raise PermissionDenied("This tab is somebody else's.")
    return tab


def said_of(cell: Cell) -> dict[str, Any]:
    return {"text": cell.text, "version": cell.version, "by": cell.by, "origin": cell.tab}


def save(by: str, tab: str, key: str, typed: str, version: int) -> dict[str, Any]:
    """Write a cell: the last writer wins, and is told whom they overwrote unseen.

    Args:
        version: that of the text which was edited.

    Raises:
        ValidationError: there is no such cell, or its column does not take this.
    """
    row, name = _place(key)
    text = COLUMNS[name].clean(typed)
    with transaction.atomic():
        cell = _locked(row, name)
        before = said_of(cell)
        if text != cell.text:
            cell.text, cell.by, cell.tab, cell.version = text, by, tab, cell.version + 1
            cell.save()
            feeds.announce(Sheet, SHEET)
    unseen = before["version"] != version and before["origin"] != tab and before["text"] != text
    return {**said_of(cell), "overwritten": before if unseen else None}


def _place(key: str) -> tuple[int, str]:
    found = _KEY.fullmatch(key)
    if found is None or found[2] not in COLUMNS:
        raise ValidationError(f"There is no cell {key!r:.50}.")
    return int(found[1]), found[2]


def _locked(row: int, name: str) -> Cell:
    """The cell, which nobody else can write until the transaction ends."""
    found = Cell.objects.select_for_update().filter(row=row, column=name).first()
    if found is None:
        raise ValidationError(f"There is no row {row}.")
    return found
