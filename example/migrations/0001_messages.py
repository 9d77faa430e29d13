"""The messages, and a trigger that announces what anybody writes, on PostgreSQL.

On SQLite every commit to the file is seen without one.
"""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

FUNCTION = """
CREATE FUNCTION example_message_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_ARGV[0], '["feed:messages:all"]');
    RETURN NULL;
END
$$
"""
TRIGGER = """
CREATE TRIGGER example_message_announce
    AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON example_message
    FOR EACH STATEMENT EXECUTE FUNCTION example_message_announce({channel})
"""


def create_trigger(apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        channel = editor.quote_value(getattr(settings, "TOASTS_CHANNEL", "toasts"))
        editor.execute(FUNCTION, params=None)
        editor.execute(TRIGGER.format(channel=channel), params=None)


def drop_trigger(apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP TRIGGER example_message_announce ON example_message", params=None)
        editor.execute("DROP FUNCTION example_message_announce()", params=None)


class Migration(migrations.Migration):
    initial = True
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("text", models.CharField(max_length=2000)),
                ("sent_at", models.DateTimeField(db_default=Now(), editable=False)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: somebody with plain SQL.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.RunPython(create_trigger, drop_trigger),
    ]
