"""The HTTP API: a user's own toasts, and nobody else's.

Another user's toast is a 404, the same as one that never was. Authentication, throttles and
renderers are those of the site's REST_FRAMEWORK settings.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from .. import api
from .. import validation as content
from ..models.toast import Toast, wire

ID_MAX = 2**63 - 1
IDS_MAX = 1000
"""How many ids one request may name."""


class ActionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field's name, not its caption
    url = serializers.CharField(allow_blank=True)


class ToastSerializer(serializers.ModelSerializer[Toast]):
    """A toast as it is on the event stream; the fields are for the OpenAPI schema."""

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
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=ID_MAX),
        required=False,
        max_length=IDS_MAX,
        help_text="Only these; left out: all unread ones. Foreign and unknown ids are ignored.",
    )


class ToastPagination(CursorPagination):
    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Any:
        """Refuse a cursor that was not made here; DRF would ask the database for any position."""
        cursor = super().decode_cursor(request)
        position = cursor.position if cursor is not None else None
        if position is not None and not _is_id(str(position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class ToastViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Toast]
):
    """The signed-in user's toasts, newest first."""

    serializer_class = ToastSerializer
    permission_classes = [IsAuthenticated]
    pagination_class = ToastPagination
    filter_backends = []  # its two filters are its own, whatever the site's default backends are
    lookup_value_regex = "[^/]+"
    queryset = Toast.objects.none()

    def get_queryset(self) -> QuerySet[Toast]:
        if getattr(self, "swagger_fake_view", False):  # an OpenAPI generator asks without a user
            return Toast.objects.none()
        return Toast.objects.for_user(self.request.user).order_by("-id")

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """``?read=true|false`` and ``?level=info|...``; 400 to any other value."""
        read, level = (self.request.query_params.get(name) for name in ("read", "level"))
        if read is not None:
            queryset = queryset.filter(read_at__isnull=not _boolean("read", read))
        if level is not None:
            _one_of("level", level, content.LEVELS)
            queryset = queryset.filter(level=level)
        return queryset

    def get_object(self) -> Toast:
        if not _is_id(self.kwargs["pk"]):  # no database could look it up
            self.kwargs["pk"] = "0"
        return super().get_object()

    @action(detail=False, methods=["get"], pagination_class=None)
    def count(self, request: Request) -> Response:
        """How many there are; the list's filters apply."""
        return Response({"count": self.filter_queryset(self.get_queryset()).count()})

    @action(detail=True, methods=["post"], filter_backends=[])
    def read(self, request: Request, pk: str) -> Response:
        """Mark it read. Idempotent."""
        toast = self.get_object()
        try:
            api.dismiss_toast(toast)
        except Toast.DoesNotExist as error:  # deleted since the line above
            raise Http404 from error
        return Response(self.get_serializer(toast).data)

    # The client posts JSON: a site that takes only forms would not see the ids, or refuse them.
    @action(
        detail=False, methods=["post"], url_path="read-all", pagination_class=None,
        parser_classes=[JSONParser, FormParser, MultiPartParser],
    )  # fmt: skip
    def read_all(self, request: Request) -> Response:
        """Mark all unread ones read, or those of ``ids``; answers how many that were."""
        asked = ReadAllSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        toasts = self.get_queryset()
        if "ids" in asked.validated_data:
            toasts = toasts.filter(pk__in=asked.validated_data["ids"])
        return Response({"count": api.dismiss_all(toasts)})


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= ID_MAX


def _boolean(field: str, text: str) -> bool:
    _one_of(field, text.lower(), ("true", "false", "1", "0"))
    return text.lower() in ("true", "1")


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValidationError({field: [f"{value!r} is not one of {', '.join(allowed)}."]})


router = SimpleRouter()
router.register("toasts", ToastViewSet, basename="api-toast")
