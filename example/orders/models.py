"""The table of orders."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Order(models.Model):
    """An order. An INSERT in plain SQL needs only the product and the price.

    Triggers in the database announce it to the pages and send the staff a toast. The migration
    creates them.
    """

    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="orders",
        db_index=False,  # the index below begins with it
        help_text="Empty: somebody who paid in cash.",
    )
    product = models.CharField(max_length=200)
    price = models.DecimalField(max_digits=10, decimal_places=2, help_text="Of one piece.")
    quantity = models.PositiveIntegerField(default=1, db_default=1)
    note = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["customer", "-id"], name="example_order_customer")]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product}"
