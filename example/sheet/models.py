"""The cells of the sheet, and the tabs that have it open."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from example.sheet.columns import TEXT_MAX


class Cell(models.Model):
    """One cell. Each is saved, and can conflict, on its own."""

    row = models.PositiveSmallIntegerField()
    column = models.CharField(max_length=20)
    text = models.CharField(max_length=TEXT_MAX, blank=True)
    version = models.PositiveIntegerField(default=1)
    by = models.CharField(max_length=150, blank=True, help_text="Who wrote it last.")
    tab = models.CharField(max_length=40, blank=True, help_text="In which tab.")

    class Meta:
        ordering = ["row", "id"]  # cells are created in the order of the columns
        constraints = [
            models.UniqueConstraint(fields=["row", "column"], name="example_cell_place"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.text}"

    @property
    def key(self) -> str:
        return f"{self.row}-{self.column}"


class Visit(models.Model):
    """A tab that has the sheet open. Its heartbeats move `until` forward."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    tab = models.CharField(max_length=40)
    until = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "tab"], name="example_visit_tab"),
        ]

    def __str__(self) -> str:
        return f"{self.user} until {self.until:%H:%M:%S}"
