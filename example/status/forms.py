"""The form that sets the state of a service."""

from __future__ import annotations

from django import forms
from django.db import transaction

from example.status.feed import ALL
from example.status.models import Incident, Service, State
from toasts import feeds


class ChangeForm(forms.Form):
    service = forms.ModelChoiceField(
        Service.objects.all(),
        empty_label=None,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose a service."),
    )
    state = forms.ChoiceField(
        choices=State.choices,
        initial=State.SLOW,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose a state."),
    )
    text = forms.CharField(
        max_length=200,
        required=False,
        label="What happened",
        help_text="At most 200 characters; may be empty.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def save(self, by: str) -> Incident:
        """Write the state and the incident in one transaction, so that pages get both at once."""
        service, state = self.cleaned_data["service"], self.cleaned_data["state"]
        with transaction.atomic():
            incident = Incident.objects.create(
                service=service, state=state, text=self.cleaned_data["text"], by=by
            )
            Service.objects.filter(pk=service.pk).update(state=state, changed_at=incident.at)
            feeds.announce("status", ALL)
        return incident
