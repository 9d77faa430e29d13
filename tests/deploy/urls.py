from django.urls import path

from core.urls import urlpatterns as site
from tests.support.feeds_site import Names

urlpatterns = [*site, path("feeds/names/", Names.as_view())]
