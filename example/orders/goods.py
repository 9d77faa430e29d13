"""The products that can be ordered, with their prices."""

from __future__ import annotations

from decimal import Decimal

PRICES = {
    "Croissant": Decimal("2.40"),
    "Baguette": Decimal("2.90"),
    "Rye bread": Decimal("4.60"),
    "Cinnamon roll": Decimal("3.20"),
    "Pretzel": Decimal("1.80"),
    "Brioche": Decimal("3.90"),
}
