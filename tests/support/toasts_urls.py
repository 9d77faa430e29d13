"""The URLs of a site with nothing but toasts."""

from django.urls import include, path

urlpatterns = [path("toasts/", include("toasts.urls"))]
