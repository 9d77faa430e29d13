"""The views of the HTTP API. They show and change the toasts of the signed-in user only.

The toast of another user is a 404, like one that does not exist.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from .. import api
from ..db import database
from ..models.toast import Toast, ToastQuerySet
from ..validation import LEVELS
from .policies import ClientPolicies
from .serializers import ReadAllSerializer, ToastSerializer, is_id

BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


class ToastPagination(CursorPagination):
    """Pages of toasts, newest first."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def decode_cursor(self, request: Request) -> Any:
        """Return the cursor, or raise 404 if its position can't be an id.

        Django REST framework passes any position to the database.
        """
        cursor = super().decode_cursor(request)
        position = cursor.position if cursor is not None else None
        if position is not None and not is_id(str(position)):
            raise NotFound(self.invalid_cursor_message)
        return cursor


class ToastViewSet(
    ClientPolicies,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Toast],
):
    """The signed-in user's toasts, newest first."""

    serializer_class = ToastSerializer
    pagination_class = ToastPagination
    filter_backends = []  # whatever the site's default is: this view has two filters of its own
    lookup_value_regex = "[^/]+"
    queryset = Toast.objects.none()

    def get_queryset(self) -> QuerySet[Toast]:
        if getattr(self, "swagger_fake_view", False):  # OpenAPI generators call it without a user
            return Toast.objects.none()
        toasts = self._of_user().order_by("-id")
        # A page may know by its id a toast that has just expired, but none that is scheduled.
        return toasts.started() if self.detail else toasts.visible()

    def _of_user(self) -> ToastQuerySet:
        # Read where the stream reads: a replica may not have the toast that the page shows.
        return Toast.objects.using(database()).for_user(self.request.user)

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """Filter by ``?read=true|false`` and ``?level=info|...``. Other values are a 400."""
        parameters = self.request.query_params
        if "read" in parameters:
            read = _one_of("read", parameters["read"].lower(), BOOLEANS)
            queryset = queryset.filter(read_at__isnull=not BOOLEANS[read])
        if "level" in parameters:
            queryset = queryset.filter(level=_one_of("level", parameters["level"], LEVELS))
        return queryset

    def get_object(self) -> Toast:
        if not is_id(self.kwargs["pk"]):
            self.kwargs["pk"] = "0"  # which no toast has: the same 404 as for any other id
        return super().get_object()

    @action(detail=False, methods=["get"], pagination_class=None)
    def count(self, request: Request) -> Response:
        """Return how many toasts there are. The filters of the list apply."""
        return Response({"count": self.filter_queryset(self.get_queryset()).count()})

    @action(detail=True, methods=["post"], filter_backends=[])
    def read(self, request: Request, pk: str) -> Response:
        """Mark the toast read. Idempotent."""
        toast = self.get_object()
        try:
            api.dismiss_toast(toast)
        except Toast.DoesNotExist as error:  # deleted after get_object()
            raise Http404 from error
        return Response(self.get_serializer(toast).data)

    @action(detail=False, methods=["post"], url_path="read-all", pagination_class=None)
    def read_all(self, request: Request) -> Response:
        """Mark all visible toasts read, or those of ``ids``. Return how many were unread."""
        body = ReadAllSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        if "ids" in body.validated_data:
            started = self._of_user().started()
            toasts: QuerySet[Toast] = started.filter(pk__in=body.validated_data["ids"])
        else:
            toasts = self.get_queryset()
        return Response({"count": api.dismiss_all(toasts)})


def _one_of(parameter: str, value: str, allowed: Any) -> str:
    if value not in allowed:
        raise ValidationError({parameter: [f"{value!r} is not one of {', '.join(allowed)}."]})
    return value
