from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.support import feeds_site


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<!doctype html><body>a page</body>")


urlpatterns = [*feeds_site.urlpatterns, path("page/", page)]
