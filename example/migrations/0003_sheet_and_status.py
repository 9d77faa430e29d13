"""The shared sheet with a bakery's plan in it, and the status page with four services."""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

COLUMNS = ("bread", "loaves", "price", "ready", "note")
PLAN = (
    ("Sourdough", "60", "4.80", "06:30", ""),
    ("Rye, whole grain", "40", "4.20", "06:45", "Sliced for the school"),
    ("Baguette", "120", "1.40", "07:00", ""),
    ("Brioche", "24", "6.50", "07:15", "Butter is short this week"),
    ("Spelt", "30", "5.10", "07:30", ""),
    ("Seed rolls", "200", "0.70", "07:45", "Half for the canteen"),
    ("Ciabatta", "36", "3.20", "09:00", ""),
    ("Cinnamon buns", "80", "1.90", "10:30", "Second batch at noon"),
)
SERVICES = ("Website", "Online shop", "Payments", "E-mail")
STATES = [
    ("working", "Working"),
    ("maintenance", "Maintenance"),
    ("slow", "Slow"),
    ("down", "Down"),
]


def fill(apps: Any, editor: Any) -> None:
    cell, service = apps.get_model("example", "Cell"), apps.get_model("example", "Service")
    cells = [
        cell(row=row, column=column, text=text)
        for row, texts in enumerate(PLAN, 1)
        for column, text in zip(COLUMNS, texts, strict=True)
    ]
    cell.objects.using(editor.connection.alias).bulk_create(cells)
    services = [service(name=name) for name in SERVICES]
    service.objects.using(editor.connection.alias).bulk_create(services)


def primary_key() -> tuple[str, Any]:
    made = models.BigAutoField(
        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
    )
    return ("id", made)


class Migration(migrations.Migration):
    dependencies = [
        ("example", "0002_orders"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="Cell",
            fields=[
                primary_key(),
                ("row", models.PositiveSmallIntegerField()),
                ("column", models.CharField(max_length=20)),
                ("text", models.CharField(blank=True, max_length=80)),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "by",
                    models.CharField(blank=True, help_text="Who wrote it last.", max_length=150),
                ),
                ("tab", models.CharField(blank=True, help_text="In which tab.", max_length=40)),
            ],
            options={
                "ordering": ["row", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("row", "column"), name="example_cell_place")
                ],
            },
        ),
        migrations.CreateModel(
            name="Visit",
            fields=[
                primary_key(),
                ("tab", models.CharField(max_length=40)),
                ("until", models.DateTimeField(db_index=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "tab"), name="example_visit_tab")
                ],
            },
        ),
        migrations.CreateModel(
            name="Service",
            fields=[
                primary_key(),
                ("name", models.CharField(max_length=60, unique=True)),
                ("state", models.CharField(choices=STATES, default="working", max_length=20)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.CreateModel(
            name="Incident",
            fields=[
                primary_key(),
                ("state", models.CharField(choices=STATES, max_length=20)),
                ("text", models.CharField(blank=True, max_length=200)),
                ("by", models.CharField(max_length=150)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "service",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="example.service"
                    ),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
