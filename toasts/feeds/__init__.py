"""Live pages of any kind, over topics that the site's own code authorises and reads.

A feed is a class that the site writes. It decides which topic a request may subscribe to, and
reads what is in a topic now. Pages get every change, over an event stream, a WebSocket or a long
poll::

    from toasts import feeds

    class Orders(feeds.ModelFeed):
        name = "orders"
        queryset = Order.objects.order_by("-pk")
        fields = ["product", "price"]

        def topic(self, request):
            return "all" if request.user.is_staff else None

    urlpatterns = [path("feeds/orders/", Orders.as_view())]

    feeds.announce("orders", "all")     # wherever orders change; a trigger can do it, too
"""

from .announce import announce, async_announce
from .feed import Feed
from .model_feed import ModelFeed
from .tokens import token

__all__ = ["Feed", "ModelFeed", "announce", "async_announce", "token"]
