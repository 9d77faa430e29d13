"""Toasts in Django's admin: list, search, send, change, mark read, delete."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest
from django.utils.translation import ngettext

from . import api
from .api.content import check_size
from .models.toast import Toast
from .validation import CLEANERS

FIELDS = ("title", "message", "level", "url", "duration", "progress", "key", "actions", "data")
TIMES = ("visible_from", "expires_at")


class VerbatimJSONField(forms.JSONField):
    """A JSON field that shows invalid input again as it was typed.

    Django's own field parses and encodes the input. Half of a surrogate pair then goes into the
    page as it is, and the page can't be encoded.
    """

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError:  # thousands of open brackets
            raise forms.ValidationError("It is nested too deeply.", code="invalid") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        if self.disabled:
            return initial
        return data and InvalidJSONInput(data)


class ToastForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at runtime
    """A form with the rules of `create_toast`."""

    class Meta:
        model = Toast
        fields = ["user", *FIELDS, *TIMES]
        field_classes = {"actions": VerbatimJSONField, "data": VerbatimJSONField}
        widgets = {"message": forms.Textarea(attrs={"rows": 3})}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        for name in FIELDS:
            if name in values:
                self._clean_by_rule(name, values)
        if not self.errors:
            self._check_size(values)
        return values

    def _clean_by_rule(self, name: str, values: dict[str, Any]) -> None:
        try:
            values[name] = CLEANERS[name](values[name])
        except ValueError as error:
            self.add_error(name, str(error))

    def _check_size(self, values: dict[str, Any]) -> None:
        try:
            check_size(values)
        except ValueError as error:
            self.add_error(None, str(error))


class ActiveFilter(admin.SimpleListFilter):
    """Toasts that pages show now, or the others: those that are read, scheduled or expired."""

    title = "active"
    parameter_name = "active"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Yes"), ("0", "No")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() not in ("0", "1"):
            return queryset
        return queryset.filter(is_active=self.value() == "1")


@admin.register(Toast)
class ToastAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at runtime
    form = ToastForm
    list_display = ["id", "user", "level", "headline", "created_at", "active", "is_read"]
    list_display_links = ["id", "headline"]
    list_filter = ["level", ActiveFilter, ("read_at", admin.EmptyFieldListFilter), "created_at"]
    list_select_related = ["user"]
    search_fields = ["message", "title", "key"]
    raw_id_fields = ["user"]
    readonly_fields = ["created_at", "updated_at", "read_at"]
    actions = ["mark_read"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Toast]:
        rows: Any = super().get_queryset(request)
        return rows.with_active()  # type: ignore[no-any-return]

    @admin.display(description="active", boolean=True)
    def active(self, toast: Toast) -> bool:
        return bool(toast.is_active)  # type: ignore[attr-defined]  # of get_queryset

    @admin.display(description="toast")
    def headline(self, toast: Toast) -> str:
        return str(toast)

    @admin.display(description="read", boolean=True)
    def is_read(self, toast: Toast) -> bool:
        return toast.read_at is not None

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        # As a class attribute this is an error (admin.E039, E040) on sites whose users are not in
        # this admin or can't be searched there.
        model = get_user_model()
        if not self.admin_site.is_registered(model):
            return []
        return ["user"] if self.admin_site.get_model_admin(model).get_search_fields(request) else []

    def get_readonly_fields(self, request: HttpRequest, obj: Toast | None = None) -> list[str]:
        # An existing toast keeps its user: after a change, the old user's page would keep it.
        fields = [str(name) for name in super().get_readonly_fields(request, obj)]
        return fields if obj is None else ["user", *fields]

    def save_model(self, request: HttpRequest, obj: Toast, form: Any, change: bool) -> None:
        """Write through the Python API, which announces the toast."""
        if change:
            changes = {name: form.cleaned_data.get(name) for name in form.changed_data}
            api.update_toast(obj, **changes)
        else:
            content = {name: form.cleaned_data.get(name) for name in (*FIELDS, *TIMES)}
            created = api.create_toast(user=obj.user, **content)
            obj.__dict__.update(created.__dict__)

    def delete_model(self, request: HttpRequest, obj: Toast) -> None:
        super().delete_model(request, obj)
        api.announce_changes(obj.user_id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Toast]) -> None:
        user_ids = set(queryset.values_list("user_id", flat=True))
        super().delete_queryset(request, queryset)
        api.announce_changes(*user_ids)

    @admin.action(description="Mark selected toasts read", permissions=["change"])
    def mark_read(self, request: HttpRequest, queryset: QuerySet[Toast]) -> None:
        count = api.dismiss_all(queryset)
        text = ngettext("%d toast was marked read.", "%d toasts were marked read.", count)
        self.message_user(request, text % count, messages.SUCCESS)
