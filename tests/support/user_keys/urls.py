from django.urls import include, path

urlpatterns = [path("toasts/", include("toasts.urls"))]
