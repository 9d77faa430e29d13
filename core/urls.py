"""The URLs of the site."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from core.docs import docs
from core.views import index

login = LoginView.as_view(
    redirect_authenticated_user=True, extra_context={"demo_users": settings.DEBUG}
)

urlpatterns = [
    path("", index, name="index"),
    path("demo/", include("example.urls")),
    path("toasts/", include("toasts.urls")),
    path("accounts/login/", login, name="login"),
    path("accounts/logout/", LogoutView.as_view(), name="logout"),
    path("docs/", RedirectView.as_view(pattern_name="docs"), {"name": "index.md"}),
    path("docs/<path:name>", docs, name="docs"),
    path("admin/", admin.site.urls),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("schema/docs/", SpectacularSwaggerSplitView.as_view(), name="schema-docs"),
]
