"""The page of the message stream."""

from __future__ import annotations

from django import forms
from django.contrib.auth.decorators import login_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from example.messages.models import Message
from example.policy import strict
from example.views import wants_json


class MessageForm(forms.Form):
    """A message to everybody."""

    text = forms.CharField(
        max_length=2000,
        label="Message",
        help_text="Everybody who is signed in reads it.",
        error_messages={"required": "Write a message."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@strict
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def messages(request: HttpRequest) -> HttpResponse:
    """Show the page. A POST writes a message; announcing it is not the task of this view."""
    form = MessageForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return _page(request, form)
    if not form.is_valid():
        if wants_json(request):
            return JsonResponse({"errors": form.errors}, status=400)
        return _page(request, form, status=400)
    message = Message.objects.create(author_id=request.user.pk, **form.cleaned_data)
    if wants_json(request):
        return JsonResponse({"message": message.pk}, status=201)
    return redirect("example:messages")


def _page(request: HttpRequest, form: MessageForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "vendor": connection.vendor}
    return render(request, "example/messages.html", context, status=status)
