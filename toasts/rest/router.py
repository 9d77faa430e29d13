"""The URLs of the HTTP API."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from .viewsets import ToastViewSet

router = SimpleRouter()
router.register("toasts", ToastViewSet, basename="api-toast")
