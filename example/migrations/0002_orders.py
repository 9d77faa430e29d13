"""The orders. Triggers announce every write and send the staff a toast for each new order.

On SQLite the engine sees every commit to the file, so that the pages need no trigger there.
"""

from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

from toasts.feeds.triggers import InstallFeedTriggers

# It runs in the transaction of the order: if the order is rolled back, there is no toast.
FUNCTION = """
CREATE FUNCTION example_order_toast() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO toasts_toast (user_id, title, message, url)
    SELECT id, 'New order', format('%s x %s, %s each', NEW.quantity, NEW.product, NEW.price),
           TG_ARGV[1]
    FROM auth_user WHERE is_staff AND is_active;
    PERFORM pg_notify(TG_ARGV[0], json_build_array('user:' || id)::text)
    FROM auth_user WHERE is_staff AND is_active;
    RETURN NULL;
END
$$
"""
TRIGGER = """
CREATE TRIGGER example_order_toast AFTER INSERT ON example_order
    FOR EACH ROW EXECUTE FUNCTION example_order_toast({channel}, {url})
"""
SQLITE_TRIGGER = """
CREATE TRIGGER example_order_toast AFTER INSERT ON example_order BEGIN
    INSERT INTO toasts_toast (user_id, title, message, url)
    SELECT id, 'New order',
           printf('%d x %s, %.2f each', NEW.quantity, substr(NEW.product, 1, 200), NEW.price),
           {url}
    FROM auth_user WHERE is_staff AND is_active;
END
"""


def create_toast_trigger(apps: Any, editor: Any) -> None:
    # A trigger has no request, so the path prefix of the site is known from the settings only.
    url = editor.quote_value(f"{settings.FORCE_SCRIPT_NAME or ''}/demo/orders/")
    if editor.connection.vendor == "postgresql":
        channel = editor.quote_value(getattr(settings, "TOASTS_CHANNEL", "toasts"))
        editor.execute(FUNCTION, params=None)
        editor.execute(TRIGGER.format(channel=channel, url=url), params=None)
    elif editor.connection.vendor == "sqlite":
        editor.execute(SQLITE_TRIGGER.format(url=url), params=None)


def drop_toast_trigger(apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP TRIGGER example_order_toast ON example_order", params=None)
        editor.execute("DROP FUNCTION example_order_toast()", params=None)
    elif editor.connection.vendor == "sqlite":
        editor.execute("DROP TRIGGER example_order_toast", params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("example", "0001_messages"),
        ("toasts", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("product", models.CharField(max_length=200)),
                (
                    "price",
                    models.DecimalField(decimal_places=2, help_text="Of one piece.", max_digits=10),
                ),
                ("quantity", models.PositiveIntegerField(db_default=1, default=1)),
                ("note", models.TextField(blank=True, db_default="", default="")),
                ("created_at", models.DateTimeField(db_default=Now(), editable=False)),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="Empty: somebody who paid in cash.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="orders",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["customer", "-id"], name="example_order_customer")
                ],
            },
        ),
        InstallFeedTriggers("orders", "example_order", topics=["all", "customer:{customer_id}"]),
        migrations.RunPython(create_toast_trigger, drop_toast_trigger),
    ]
