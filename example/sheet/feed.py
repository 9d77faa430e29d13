"""The sheet as a feed. It sends cells and visitors, and receives edits and heartbeats."""

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
    """Two kinds of rows: cells by their place (``3-price``), and users (``here-7``)."""

    name = "sheet"

    def topic(self, request: HttpRequest, **kwargs: Any) -> str | None:
        return SHEET if request.user.is_authenticated else None

    def read(self, topics: Sequence[str]) -> Mapping[str, Mapping[Any, Any]]:
        rows: dict[str, Any] = {cell.key: cell_row(cell) for cell in Cell.objects.all()}
        names = presence.current_visits().values_list("user_id", "user__username")
        rows.update((f"here-{pk}", {"name": name}) for pk, name in names.order_by("user__username"))
        return dict.fromkeys(topics, rows)

    def receive(self, request: HttpRequest, topic: str, data: Any) -> Any:
        """Handle ``{"here": true}`` or ``{"save": key, "text": ..., "version": ...}``.

        The version is that of the text which was edited.
        """
        tab = _tab_of(request)
        match data:
            case {"here": bool(is_open)}:
                record = presence.arrive if is_open else presence.leave
                if record(request.user, tab):
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
    if presence.belongs_to_another(request.user, tab):
        # That tab would miss the change: a tab is not sent what it wrote itself.
        raise PermissionDenied("This tab is somebody else's.")
    return tab


def cell_row(cell: Cell) -> dict[str, Any]:
    """Return a cell as a row of the feed."""
    return {"text": cell.text, "version": cell.version, "by": cell.by, "origin": cell.tab}


def save(by: str, tab: str, key: str, typed: str, version: int) -> dict[str, Any]:
    """Write a cell. The last writer wins.

    Args:
        by: the name of the user who writes.
        tab: the tab that writes.
        key: the key of the cell.
        typed: what the user typed.
        version: the version of the text that was edited.

    Returns:
        The cell as it is now, and in ``overwritten`` the text of another tab that this one
        replaced without having seen it. None if there is no such text.

    Raises:
        ValidationError: there is no such cell, or its column doesn't accept the text.
    """
    row, name = _place(key)
    text = COLUMNS[name].clean(typed)
    with transaction.atomic():
        cell = _locked(row, name)
        before = cell_row(cell)
        if text != cell.text:
            cell.text, cell.by, cell.tab, cell.version = text, by, tab, cell.version + 1
            cell.save()
            feeds.announce(Sheet, SHEET)
    unseen = before["version"] != version and before["origin"] != tab and before["text"] != text
    return {**cell_row(cell), "overwritten": before if unseen else None}


def _place(key: str) -> tuple[int, str]:
    found = _KEY.fullmatch(key)
    if found is None or found[2] not in COLUMNS:
        raise ValidationError(f"There is no cell {key!r:.50}.")
    return int(found[1]), found[2]


def _locked(row: int, name: str) -> Cell:
    """Return the cell, locked until the transaction ends."""
    found = Cell.objects.select_for_update().filter(row=row, column=name).first()
    if found is None:
        raise ValidationError(f"There is no row {row}.")
    return found
