"""The form of the toast demo."""

from __future__ import annotations

import json

from django import forms


class TaskForm(forms.Form):
    """A message, and the seconds that the task takes."""

    message = forms.CharField(
        max_length=2000,
        strip=True,
        label="Message",
        help_text="The text of the toast at the end. At most 2,000 characters.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        initial="Your report is ready.",
        error_messages={"required": "Write a message."},
    )
    seconds = forms.IntegerField(
        min_value=0,
        max_value=60,
        label="Seconds",
        help_text="How long the task takes, 0 to 60.",
        initial=5,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            "Choose a whole number of seconds from 0 to 60.",
        ),
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )

    MESSAGE_BYTES = 7500
    """A toast may take 8 KiB. The rest is for its other fields."""

    def clean_message(self) -> str:
        # Checked here, because the task that creates the toast later can't report an error.
        message: str = self.cleaned_data["message"]
        size = len(json.dumps(message, ensure_ascii=False).encode())
        if size > self.MESSAGE_BYTES:
            raise forms.ValidationError(
                f"This takes {size:,} bytes; at most {self.MESSAGE_BYTES:,} fit. Shorten it."
            )
        return message
