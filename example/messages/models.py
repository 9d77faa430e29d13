"""The table of messages."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Message(models.Model):
    """A message to everybody. An INSERT in plain SQL needs only the text."""

    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Empty: somebody with plain SQL.",
    )
    text = models.CharField(max_length=2000)
    sent_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.text[:80]
