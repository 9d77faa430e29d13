from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("toasts/", include("toasts.urls")),
    path("admin/", admin.site.urls),
]
