"""What the HTTP API takes and returns."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from rest_framework import serializers

from ..models.toast import Toast, wire

ID_MAX = 2**63 - 1
"""The largest id that a database holds."""
IDS_MAX = 1000
"""How many ids one request may name."""


class ActionSerializer(serializers.Serializer[Any]):
    """A button on a toast, for the OpenAPI schema."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of that name, no caption
    url = serializers.CharField(allow_blank=True)


class ToastSerializer(serializers.ModelSerializer[Toast]):
    """A toast in the form that the event stream uses. The fields are for the OpenAPI schema."""

    actions = ActionSerializer(many=True, read_only=True)
    created_at = serializers.DateTimeField(read_only=True, default_timezone=UTC)
    expires_at = serializers.DateTimeField(read_only=True, default_timezone=UTC)
    read = serializers.SerializerMethodField()

    class Meta:
        model = Toast
        fields = [
            "id", "message", "title", "level", "url", "actions", "key", "progress", "duration",
            "data", "created_at", "expires_at", "read",
        ]  # fmt: skip
        read_only_fields = fields

    def get_read(self, toast: Toast) -> bool:
        return toast.read_at is not None

    def to_representation(self, instance: Toast) -> dict[str, Any]:
        return wire(instance.row())


class ReadAllSerializer(serializers.Serializer[Any]):
    """The body of a request that marks toasts read."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=ID_MAX),
        required=False,
        max_length=IDS_MAX,
        help_text="Mark only these. Default: all unread toasts. Unknown ids are ignored.",
    )


def is_id(text: str) -> bool:
    """Return whether `text` can be the id of a toast. Databases fail on what can't be one."""
    digits_max = len(str(ID_MAX))
    return text.isascii() and text.isdigit() and len(text) <= digits_max and int(text) <= ID_MAX
