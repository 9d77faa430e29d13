from django.apps import AppConfig


class ToastsConfig(AppConfig):
    """Register the system checks, and the signals that end streams."""

    name = "toasts"
    verbose_name = "Toasts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (checks register themselves)
        from .signals import connect_signals

        connect_signals()
