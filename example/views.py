"""The toast demo: a form that starts a task, and one button for each kind of toast."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from example import background, tasks
from example.forms import TaskForm
from toasts import async_create_toast

LEVELS: dict[str, dict[str, Any]] = {
    "info": {"level": "info", "message": "Maintenance tonight from 22:00 to 22:15 UTC."},
    "success": {"level": "success", "message": "Your changes are saved."},
    "warning": {"level": "warning", "message": "You have used 90% of your storage."},
    "error": {
        "level": "error",
        "message": "The payment was refused. Try another card.",
        "title": "Not paid",
    },
}
UPLOAD_SECONDS = 5
INBOX_LABELS = {"Inbox": "All your toasts"}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
async def toast(request: HttpRequest) -> HttpResponse:
    """Show the page. A POST starts the task."""
    if request.method == "POST":
        return await _start(request)
    return await _page(request, TaskForm())


async def _start(request: HttpRequest) -> HttpResponse:
    form = TaskForm(request.POST)
    if not form.is_valid():
        if wants_json(request):
            return JsonResponse({"errors": form.errors}, status=400)
        return await _page(request, form, status=400)
    user = await request.auser()
    seconds = form.cleaned_data["seconds"]
    running = await async_create_toast(
        f"It takes {seconds} s. You may leave this page.",
        user,
        title="Task started",
        progress=0,
        duration=0,
    )
    background.start(tasks.report_back(user.pk, running, form.cleaned_data["message"], seconds))
    return _accepted(request, running)


@login_required
@require_POST
async def show(request: HttpRequest) -> HttpResponse:
    """Send one toast at once, of the kind that the pressed button names."""
    kind = request.POST.get("kind", "")
    user = await request.auser()
    if kind in LEVELS:
        return _accepted(request, await async_create_toast(user=user, **LEVELS[kind]))
    if kind == "action":
        return _accepted(request, await _with_action(user))
    if kind == "progress":
        running = await async_create_toast(
            "holiday.zip", user, title="Uploading", progress=0, duration=0
        )
        background.start(tasks.upload(running, UPLOAD_SECONDS))
        return _accepted(request, running)
    raise Http404(f"No such kind of toast: {kind!r}.")


async def _with_action(user: Any) -> Any:
    page = reverse("example:toast")
    return await async_create_toast(
        "Bob answered in “Release plan”.",
        user,
        title="New answer",
        actions=[{"name": "open", "label": "Open", "url": page}],
        duration=0,
    )


def wants_json(request: HttpRequest) -> bool:
    """Return whether the page's script sent the request."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _accepted(request: HttpRequest, running: Any) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"toast": running.pk}, status=202)
    return redirect("example:toast")


async def _page(request: HttpRequest, form: TaskForm, status: int = 200) -> HttpResponse:
    # In a thread, because the template reads the user from the database.
    context = {"form": form, "inbox_labels": INBOX_LABELS}
    return await sync_to_async(render)(request, "example/toast.html", context, status=status)
