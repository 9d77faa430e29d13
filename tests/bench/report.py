"""Tables as aligned text and as JSON, and ratios."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


def quantile(values: Iterable[float], share: float) -> float:
    """Return the nearest-rank quantile, or nan without values."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def quantiles(values: Iterable[float]) -> dict[str, float]:
    """Return p50, p90, p99 and the maximum."""
    ordered = sorted(values)
    named = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {name: quantile(ordered, share) for name, share in named.items()}


def text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        if math.isnan(value):
            return "-"
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


@dataclass
class Table:
    """Rows under columns. A column that no row has is left out."""

    title: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        cells = [columns, *([text(row.get(name)) for name in columns] for row in self.rows)]
        widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
        lines = [
            "  ".join(
                cell.rjust(width) if at else cell.ljust(width)
                for at, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in cells
        ]
        rule = "  ".join("-" * width for width in widths)
        notes = [f"  {note}" for note in self.notes]
        return "\n".join([self.title, lines[0], rule, *lines[1:], *notes, ""])


def ratios(rows: Iterable[Row], ours: Mapping[str, Row], columns: Sequence[str]) -> list[Row]:
    """Return the ratios of our row to each row, on the same server."""
    found: list[Row] = []
    for row in rows:
        mine = ours.get(row["server"])
        if mine is None:
            continue
        pairs = {name: (mine.get(name), row.get(name)) for name in columns}
        times = {
            name: f"{one / other:.2f}x" if one is not None and other else None
            for name, (one, other) in pairs.items()
        }
        found.append({"baseline": row["target"], "server": row["server"], **times})
    return found


def compare(limits: Iterable[tuple[str, float | None, float]]) -> list[Row]:
    """Return a row with a verdict for each limit.

    Args:
        limits: what is measured, the measured value (None: unknown) and the limit.
    """
    return [
        {"limit": what, "measured": measured, "at most": most, "": verdict(measured, most)}
        for what, measured, most in limits
        if measured is not None
    ]


def verdict(measured: float, most: float) -> str:
    return "met" if measured <= most else "EXCEEDED"


@dataclass
class Report:
    """The results of a run. They are printed at once, and kept for a file."""

    machine: Mapping[str, str]
    found: dict[str, Any] = field(default_factory=dict)

    def show_machine(self) -> None:
        for name, value in self.machine.items():
            print(f"{name + ':':20}{value}")
        print(flush=True)

    def add(self, scenario: str, *tables: Table) -> None:
        kept = self.found.setdefault(scenario, [])
        for table in filter(lambda table: table.rows, tables):
            print(table, flush=True)
            kept.append({"title": table.title, "rows": table.rows, "notes": table.notes})

    def as_json(self) -> dict[str, Any]:
        return {"machine": self.machine, "scenarios": self.found}
