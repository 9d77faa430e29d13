"""Toasts in the admin: look, search, send one, mark read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest
from django.utils.translation import ngettext

from . import validation as content
from .api import create as api
from .models.toast import Toast

FIELDS = ("title", "message", "level", "url", "duration", "progress", "key", "actions", "data")


class JsonAsTyped(forms.JSONField):
    """Gives JSON with an error back as it was typed.

    Django's own parses and writes it anew, and so sends half a surrogate pair raw: a broken page.
    """

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial if self.disabled else data and InvalidJSONInput(data)


class ToastForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Holds a toast to the same rules as `create_toast`."""

    class Meta:
        model = Toast
        fields = ["user", *FIELDS, "visible_from", "expires_at"]
        field_classes = {"actions": JsonAsTyped, "data": JsonAsTyped}
        widgets = {"message": forms.Textarea(attrs={"rows": 3})}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        for name in (name for name in FIELDS if name in values):
            try:
                values[name] = content.CLEANERS[name](values[name])
            except ValueError as error:
                self.add_error(name, str(error))
        if not self.errors:
            self._check_size(values)
        return values

    def _check_size(self, values: dict[str, Any]) -> None:
        try:
            api.check_size(values)
        except ValueError as error:
            self.add_error(None, str(error))


@admin.register(Toast)
class ToastAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable when it runs
    form = ToastForm
    list_display = ["id", "user", "level", "headline", "created_at", "is_read"]
    list_display_links = ["id", "headline"]
    list_filter = ["level", ("read_at", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["user"]
    search_fields = ["message", "title", "key"]
    raw_id_fields = ["user"]
    readonly_fields = ["created_at", "updated_at", "read_at"]
    actions = ["mark_read"]
    show_full_result_count = False

    @admin.display(description="toast")
    def headline(self, toast: Toast) -> str:
        return str(toast)

    @admin.display(description="read", boolean=True)
    def is_read(self, toast: Toast) -> bool:
        return toast.read_at is not None

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        # As a class attribute it is an error (admin.E039, E040) on every site whose users are not
        # in this admin, or can't be searched there.
        model = get_user_model()
        if not self.admin_site.is_registered(model):
            return []
        return ["user"] if self.admin_site.get_model_admin(model).get_search_fields(request) else []

    def get_readonly_fields(self, request: HttpRequest, obj: Toast | None = None) -> list[str]:
        # A toast keeps its user: on the old one's page it would stay, on the new one's come late.
        fields = [str(name) for name in super().get_readonly_fields(request, obj)]
        return fields if obj is None else ["user", *fields]

    def save_model(self, request: HttpRequest, obj: Toast, form: Any, change: bool) -> None:
        """Write through the API, so that the page hears of it."""
        names = [*FIELDS, "visible_from", "expires_at"]
        values = {name: form.cleaned_data.get(name) for name in names}
        if change:
            api.update_toast(obj, **{name: values[name] for name in form.changed_data})
        else:
            made = api.create_toast(user=obj.user, **values)
            obj.__dict__.update(made.__dict__)

    def delete_model(self, request: HttpRequest, obj: Toast) -> None:
        super().delete_model(request, obj)
        api.announce(obj.user_id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Toast]) -> None:
        user_ids = set(queryset.values_list("user_id", flat=True))
        super().delete_queryset(request, queryset)
        api.announce(*user_ids)

    @admin.action(description="Mark selected toasts read", permissions=["change"])
    def mark_read(self, request: HttpRequest, queryset: QuerySet[Toast]) -> None:
        count = api.dismiss_all(queryset)
        text = ngettext("%d toast was marked read.", "%d toasts were marked read.", count)
        self.message_user(request, text % count, messages.SUCCESS)
