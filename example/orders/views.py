"""The page of the order board, and tokens for its feed."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from example.orders.goods import PRICES
from example.orders.models import Order
from example.policy import strict
from example.views import wants_json
from toasts import feeds


@strict
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def orders(request: HttpRequest) -> HttpResponse:
    """Show the board. A POST orders one piece of the product that the pressed button names."""
    if request.method != "POST":
        context = {"prices": PRICES, "vendor": connection.vendor}
        return render(request, "example/orders.html", context)
    product = request.POST.get("product", "")
    if product not in PRICES:
        errors = {"product": [f"There is no {product[:50]!r}: choose one of {', '.join(PRICES)}."]}
        return JsonResponse({"errors": errors}, status=400)
    order = Order.objects.create(
        customer_id=request.user.pk, product=product, price=PRICES[product]
    )
    if wants_json(request):
        return JsonResponse({"order": order.pk}, status=201)
    return redirect("example:orders")


@login_required
@require_POST
@never_cache
def token(request: HttpRequest) -> HttpResponse:
    """Return a token for the orders' feed, and no other. It is valid until the user signs out."""
    return JsonResponse({"token": feeds.token(request, "orders")})
