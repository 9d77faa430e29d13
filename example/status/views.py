"""The status page, and the form that changes it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from example.policy import strict
from example.status.feed import history
from example.status.forms import ChangeForm
from example.status.models import Service


@require_safe
@strict
def status(request: HttpRequest) -> HttpResponse:
    """Show the page to everybody. Signed-in users also get the form."""
    return _page(request, ChangeForm())


@login_required
@require_POST
@strict
def change(request: HttpRequest) -> HttpResponse:
    """Set the state of a service. In this demo every signed-in user may do so."""
    form = ChangeForm(request.POST)
    wants_json = request.get_preferred_type(["text/html", "application/json"]) != "text/html"
    if form.is_valid():
        incident = form.save(request.user.get_username())
        return JsonResponse({"incident": incident.pk}) if wants_json else redirect("example:status")
    if wants_json:
        return JsonResponse({"errors": form.errors}, status=400)
    return _page(request, form, status=400)


def _page(request: HttpRequest, form: ChangeForm, status: int = 200) -> HttpResponse:
    services = list(Service.objects.all())
    context = {"form": form, "services": services, "history": history()}
    return render(request, "example/status.html", context, status=status)
